"""Taking over applications that carry placement by hand: verdicts about them, as values without words."""
