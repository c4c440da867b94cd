"""The reviews in tests/reviews, which real API servers sent of pods that real Spark made."""

from pathlib import Path
from typing import Final

from webhook.core.selectors import Alternative

REVIEWS: Final = sorted((Path(__file__).parent / "reviews").glob("*.json"))
_ALTERNATIVES: Final = {
    "apache": {Alternative.APACHE, Alternative.SPARK},
    "cluster": {Alternative.CLUSTER},
    "kubeflow": {Alternative.KUBEFLOW, Alternative.SPARK},
    "spark": {Alternative.SPARK},
    "statefulset": {Alternative.SPARK},
}


def alternatives(review: Path) -> set[Alternative]:
    """What selects the pod of a review, by how it was made: the third part of its name, or `kubeflow`."""
    return _ALTERNATIVES.get(review.stem.split("-")[2], _ALTERNATIVES["kubeflow"])


#: Those of pods that the built-in policy selects.
BUILT_IN: Final = [review for review in REVIEWS if Alternative.KUBEFLOW in alternatives(review)]
