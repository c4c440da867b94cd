"""The command line. commands.py has the signature of every command; each command has its own module or package."""
