"""What `make bench` measures, against goals that docs/architecture.md states."""
