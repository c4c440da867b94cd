"""Derives the pods of the resources of Apache's operator, as the package above does those of the Spark Operator."""
