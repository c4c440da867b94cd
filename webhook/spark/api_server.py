"""What the API server makes of an object: it drops nulls, and adds to every pod before it calls webhooks.

Source: Kubernetes, Admission Controllers, and Extend the Kubernetes API with CustomResourceDefinitions.
"""

from typing import Any, Final

from webhook.core import names
from webhook.spark.manifest import JSON

#: The admission plugin DefaultTolerationSeconds adds these to pods that have none for their taints.
DEFAULT_TOLERATIONS: Final = tuple(
    {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for taint in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
)


def received(name: str, namespace: str, labels: dict[str, str], annotations: dict[str, str], spec: JSON) -> JSON:
    """A new pod as webhooks receive it, with those defaults of the API server that affect placement."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(sorted(labels.items()))}
    if annotations:
        metadata["annotations"] = annotations
    tolerations = spec.get("tolerations") or []
    added = [
        dict(default) for default in DEFAULT_TOLERATIONS if not any(_covers(one, default["key"]) for one in tolerations)
    ]
    scheduler = spec.get("schedulerName") or names.DEFAULT_SCHEDULER
    spec = {**spec, "schedulerName": scheduler, "tolerations": [*tolerations, *added]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def stored(value: Any) -> Any:
    """`value` as the API server stores it: without nulls in maps, and with 2 for 2.0."""
    match value:
        case dict():
            return {key: stored(one) for key, one in value.items() if one is not None}
        case list():
            return [stored(one) for one in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _covers(toleration: JSON, taint: Any) -> bool:
    return toleration.get("key") in (taint, None, "") and toleration.get("effect") in ("NoExecute", None, "")
