"""The page: a process of its own, which serves the playground and the live view on loopback."""
