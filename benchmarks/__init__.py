"""The measurements of `make bench` and their goals."""
