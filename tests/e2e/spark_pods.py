"""Pods as Spark 3.5.2 sends them, and how a stored pod was placed."""

import json
from pathlib import Path
from typing import Any

from webhook.core import names

REVIEWS = Path(__file__).parents[1] / "reviews"
#: The fields that an API server added to the captured pods before their admission.
_ADDED = ("serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy", "volumes")


def spark_pod(role: str = "executor", application: str = "spark-pi") -> dict[str, Any]:
    """The captured pod of a role, `driver` or `executor`, with a new name."""
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
    """The webhook's record on a pod; None if it has none."""
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(names.PLACEMENT_ANNOTATION)
