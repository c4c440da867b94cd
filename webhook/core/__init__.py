"""The heart: decides where a pod may run and writes the patch that says so. Values in, values out."""
