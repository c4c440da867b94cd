"""`doctor`: checks an installation with the user's rights, changes nothing, and says how to fix what is wrong."""
