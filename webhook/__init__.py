"""Places Spark pods on ECS and ECI for whole namespaces: a mutating admission webhook."""

__version__ = "0.1.0"
