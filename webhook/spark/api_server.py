"""What the API server adds to every pod before it asks a webhook (Kubernetes: Admission Controllers)."""

from typing import Final

from webhook.core import names
from webhook.spark.manifest import JSON

#: The taints for which the admission plugin DefaultTolerationSeconds adds tolerations of five minutes.
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def defaulted(pod: JSON) -> JSON:
    """`pod` (as a client sends it) with the API server's defaults that bear on placement."""
    spec = pod["spec"]
    tolerations = [*(spec.get("tolerations") or [])]
    tolerations += [_toleration(taint) for taint in _TAINTS if not any(_covers(one, taint) for one in tolerations)]
    scheduler = spec.get("schedulerName") or names.DEFAULT_SCHEDULER
    return {**pod, "spec": {**spec, "schedulerName": scheduler, "tolerations": tolerations}}


def _covers(toleration: JSON, taint: str) -> bool:
    return toleration.get("key") in (taint, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def _toleration(taint: str) -> JSON:
    return {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
