"""What becomes of pods before anything runs, as values. The command line, or any other face, puts them into words."""
