"""Decides where a pod may run and makes the patch. Values in, values out: no HTTP, no cluster, no clock."""
