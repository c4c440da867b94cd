"""Pods as Spark 3.5.2 sends them, and how a stored pod was placed."""

import json
from pathlib import Path
from typing import Any

from webhook.core import names

REVIEWS = Path(__file__).parents[1] / "reviews"
#: What an API server has added to the captured pods before their admission.
_ADDED = ("serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy", "volumes")


def spark_pod(role: str = "executor", application: str = "spark-pi") -> dict[str, Any]:
    """Return the captured pod of a role, `driver` or `executor`, to be created under a name of its own."""
    file = {"driver": "driver", "executor": "executor-1"}[role]
    captured = json.loads((REVIEWS / f"spark-3.5.2-{file}.json").read_text())["request"]["object"]
    metadata = {key: captured["metadata"][key] for key in ("labels", "annotations") if key in captured["metadata"]}
    metadata["labels"][names.APP_NAME] = application
    spec = {key: value for key, value in captured["spec"].items() if key not in _ADDED}
    for container in spec["containers"]:
        container.pop("volumeMounts", None)
        container["resources"] = {"requests": {"cpu": "1", "memory": "1Gi"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": f"{role}-", **metadata}, "spec": spec}


def placement(pod: dict[str, Any]) -> str | None:
    """Return the record that the webhook has left on a pod; None where it never saw it."""
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(names.PLACEMENT_ANNOTATION)
