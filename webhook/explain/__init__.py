"""What happens to the pods of an application, as values without words."""
