"""The command line. commands.py has the signature of every command; each command has a module or package of its own."""
