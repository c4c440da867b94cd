"""The command line. Every command's signature stands in commands.py; what it does, in a module of its own."""
