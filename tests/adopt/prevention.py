"""Changes after which an application of the Spark Operator never runs."""

import random
from collections.abc import Callable
from typing import Any, Final

from tests.adopt.documents import KUBEFLOW

JSON = dict[str, Any]


def _no_image(spec: JSON) -> None:
    spec.pop("image", None)


def _image_by_property(spec: JSON) -> None:
    spec.setdefault("sparkConf", {})["spark.kubernetes.container.image"] = "registry/spark:3.5.2"


def _two_selectors(spec: JSON) -> None:
    spec["nodeSelector"] = {"disk": "ssd"}
    spec["executor"]["nodeSelector"] = {"disk": "ssd"} | spec["executor"].get("nodeSelector", {})


def _no_containers(spec: JSON) -> None:
    template = spec["driver"].setdefault("template", {"spec": {}})
    template.setdefault("spec", {}).pop("containers", None)
    template["spec"]["priorityClassName"] = "batch"


def _executors_without_containers(spec: JSON) -> None:
    template = spec["executor"].setdefault("template", {"spec": {}})
    template.setdefault("spec", {}).pop("containers", None)
    template["spec"]["priorityClassName"] = "batch"


def _own_role_label(spec: JSON) -> None:
    spec["executor"].setdefault("labels", {})["spark-role"] = "executor"


#: Why applications of the Spark Operator never run, and the pods that are never made: all of them if empty.
_NEVER: Final[dict[str, tuple[Callable[[JSON], None], str]]] = {
    "no image": (_no_image, ""),
    "the image by property": (_image_by_property, ""),
    "two nodeSelectors": (_two_selectors, ""),
    "a driver's template without containers": (_no_containers, ""),
    "executors' template without containers": (_executors_without_containers, "executor"),
    "a label of Spark's": (_own_role_label, "executor"),
}


def prevent(document: JSON, draw: random.Random) -> tuple[str, str] | None:
    """Changes an application of the Spark Operator so that it never runs. Returns why, and which pods are never made."""
    if document["kind"] not in ("SparkApplication", "ScheduledSparkApplication"):
        return None
    if not document["apiVersion"].startswith(KUBEFLOW):
        return None
    spec = document["spec"].get("template", document["spec"])
    name = draw.choice(sorted(_NEVER))
    change, role = _NEVER[name]
    change(spec)
    return name, role
