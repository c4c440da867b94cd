"""The defaults that the API server adds to every pod before it calls webhooks (Kubernetes: Admission Controllers)."""

from typing import Final

from webhook.core import names
from webhook.spark.manifest import JSON

#: The admission plugin DefaultTolerationSeconds adds tolerations of five minutes for these taints.
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def defaulted(pod: JSON) -> JSON:
    """`pod`, as a client sends it, with those defaults of the API server that affect placement."""
    spec = pod["spec"]
    tolerations = [*(spec.get("tolerations") or [])]
    tolerations += [_toleration(taint) for taint in _TAINTS if not any(_covers(one, taint) for one in tolerations)]
    scheduler = spec.get("schedulerName") or names.DEFAULT_SCHEDULER
    return {**pod, "spec": {**spec, "schedulerName": scheduler, "tolerations": tolerations}}


def _covers(toleration: JSON, taint: str) -> bool:
    return toleration.get("key") in (taint, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def _toleration(taint: str) -> JSON:
    return {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
