"""Derives the pods of a SparkApplication before anything runs. Pure functions on values."""
