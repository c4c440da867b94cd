"""Explains applications for the page, in a process of its own, by the same values as the command line."""
