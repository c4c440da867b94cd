"""What the operator does to the containers of every pod template that it makes.

Source: apache/spark-kubernetes-operator, SecurityContextDecorator.
"""

from webhook.spark.manifest import JSON

_ESCALATION = "allowPrivilegeEscalation"


def unprivileged(spec: JSON) -> JSON:
    """The spec of a pod, with containers that may not gain privileges, unless they say that they may."""
    return spec | {
        key: [_container(one) for one in spec[key]] for key in ("containers", "initContainers") if spec.get(key)
    }


def _container(container: JSON) -> JSON:
    return {**container, "securityContext": {_ESCALATION: False} | (container.get("securityContext") or {})}
