"""Derives the pods of applications and clusters before anything runs. Pure functions on values."""
