"""`doctor`: looks at a cluster with the user's rights, changes nothing, and says what is wrong and how to fix it."""
