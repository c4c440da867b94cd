"""From a SparkApplication to the pods that will come of it, before anything runs. Values in, values out."""
