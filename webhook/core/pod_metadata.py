"""Labels and annotations that a policy adds to pods, and which ones it must not add."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from webhook.core import eci_annotations, names
from webhook.core.schema import LabelValue, PolicyModel, QualifiedName, fault

#: The most labels, and the most annotations, in one place of a policy. Each one is tried for each review.
MOST_ADDITIONS: Final = 100

#: The domains that Kubernetes keeps to itself (Kubernetes: Labels and Selectors, syntax and character set).
_KUBERNETES: Final = ("kubernetes.io", "k8s.io")
#: The one below them that is for users (Kubernetes: Recommended Labels).
_FOR_USERS: Final = "app.kubernetes.io"
#: What Spark and its operators set, and decide by.
_SPARK: Final = ("spark-", "sparkoperator.k8s.io/", "spark.operator/")
#: What the controllers of Kubernetes find their pods by.
_CONTROLLERS: Final = frozenset({names.TEMPLATE_HASH, names.REVISION_HASH})


def _sound_annotations(annotations: dict[str, str]) -> dict[str, str]:
    faults = [f"{key}: is set by the webhook itself" for key in annotations if key.startswith(names.PREFIX)]
    faults += [f"{key}: is set through imageCache" for key in annotations if key in names.IMAGE_CACHE_KEYS]
    faults += eci_annotations.faults(annotations)
    if faults:
        raise fault("; ".join(faults))
    return annotations


def _sound_labels(labels: dict[str, str]) -> dict[str, str]:
    faults = [f"{key}: is set by {owner}; accepted: other labels" for key in labels if (owner := _owner(key))]
    if faults:
        raise fault("; ".join(faults))
    return labels


def _owner(key: str) -> str:
    """Who alone sets the label `key` on pods; empty if a policy may."""
    if key.startswith(names.PREFIX):
        return "the webhook itself"
    if key.startswith(_SPARK):
        return "Spark and its operators"
    domain = key.rpartition("/")[0]
    reserved = any(domain == one or domain.endswith(f".{one}") for one in _KUBERNETES)
    return "Kubernetes" if key in _CONTROLLERS or (reserved and domain != _FOR_USERS) else ""


Annotations = Annotated[dict[QualifiedName, str], Field(max_length=MOST_ADDITIONS), AfterValidator(_sound_annotations)]
Labels = Annotated[dict[QualifiedName, LabelValue], Field(max_length=MOST_ADDITIONS), AfterValidator(_sound_labels)]


class PodMetadata(PolicyModel):
    """Labels and annotations for pods wherever they run."""

    labels: Labels = Field(default_factory=dict)
    """Labels. A pod's own labels stay as they are."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations. A pod's own annotations stay as they are."""


@dataclass(frozen=True, slots=True)
class Additions:
    """All that a rule, or a share of it, may add to the metadata of a pod."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    always: PodMetadata

    def merged(self, other: "Additions") -> "Additions":
        """These labels and annotations with those of `other`, which win for the same key."""
        always = PodMetadata.model_construct(
            labels={**self.always.labels, **other.always.labels},
            annotations={**self.always.annotations, **other.always.annotations},
        )
        return Additions({**self.labels, **other.labels}, {**self.annotations, **other.annotations}, always)

    def check(self, *within: str | int) -> None:
        """Raises a fault, placed `within` what is being validated, if they do not fit together."""
        for field, here, always in (
            ("labels", self.labels, self.always.labels),
            ("annotations", self.annotations, self.always.annotations),
        ):
            if twice := here.keys() & always.keys():
                told = f"{', '.join(sorted(twice))}: is in always.{field}, too; accepted: each key in one of the two"
                raise fault(told, *within, field)
        unpaired = eci_annotations.unpaired({**self.always.annotations, **self.annotations})
        if unpaired:
            if self.annotations.keys().isdisjoint(eci_annotations.PAIRED):
                within = (*within, "always")
            raise fault(unpaired, *within, "annotations")
