"""Places Spark pods on ECS and ECI for whole namespaces: a mutating admission webhook."""

__version__ = "1.0.0"
