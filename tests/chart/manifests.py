"""The chart as Helm's own library renders it, read as objects."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import pytest

from webhook.service.yaml_loader import documents

CHART = Path(__file__).parents[2] / "charts/spark-eci-webhook"
RELEASE, NAMESPACE = "placing", "spark-placement-system"
#: The name of most objects of the release.
FULLNAME = "placing-spark-eci-webhook"


@dataclass(frozen=True)
class Rendered:
    """What one set of values renders to."""

    templates: dict[str, list[dict[str, Any]]]
    """The objects by the template's path below templates/, without empty ones."""
    notes: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """All objects."""
        return [one for objects in self.templates.values() for one in objects]

    def template(self, path: str) -> list[dict[str, Any]]:
        """The objects of one template; empty if it rendered nothing."""
        return self.templates.get(path, [])

    def one(self, kind: str, name: str = FULLNAME) -> dict[str, Any]:
        """The one object of this kind and name."""
        (found,) = [one for one in self.objects if one["kind"] == kind and one["metadata"]["name"] == name]
        return found


def render(values: dict[str, Any] | None = None, *, name: str = RELEASE, namespace: str = NAMESPACE) -> Rendered:
    """The chart rendered with `values` merged into its defaults. Raises HelmError if they are refused."""
    prefix = f"{CHART.name}/templates/"
    texts = {
        path.removeprefix(prefix): text for path, text in _texts(json.dumps(values or {}), name, namespace).items()
    }
    notes = texts.pop("NOTES.txt")
    templates = {path: [one for one in documents(text.encode()) if one] for path, text in texts.items()}
    return Rendered({path: objects for path, objects in templates.items() if objects}, notes)


@cache
def _texts(values: str, name: str, namespace: str) -> dict[str, str]:
    """The text of each template, rendered once for the same `values`, which are JSON."""
    with helm_python.Chart.load(CHART) as chart:
        texts: dict[str, str] = chart.render(json.loads(values), name=name, namespace=namespace)
    return texts


def refusal(values: dict[str, Any], *, name: str = RELEASE) -> str:
    """Why Helm refuses to install the chart with these values."""
    with pytest.raises(helm_python.HelmError) as refused:
        render(values, name=name)
    return str(refused.value)
