"""Reviews of pods that a real Spark made, as the API server sends them while applications start."""

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpx

from tests.captured_reviews import REVIEWS

_CAPTURED: Final[dict[str, Any]] = {
    role: json.loads(next(one for one in REVIEWS if role in one.name).read_text(encoding="utf-8"))
    for role in ("driver", "executor")
}


def review(role: str, namespace: str, application: str, **annotations: str) -> dict[str, Any]:
    """The review of a pod of `application`, which has `annotations` beside its own."""
    made: dict[str, Any] = copy.deepcopy(_CAPTURED[role])
    request = made["request"]
    metadata = request["object"]["metadata"]
    request["namespace"] = metadata["namespace"] = namespace
    metadata["labels"] |= {"sparkoperator.k8s.io/app-name": application, "spark-app-name": application}
    metadata["annotations"] = metadata.get("annotations", {}) | annotations
    return made


def application(namespace: str, name: str, executors: int = 2) -> Iterator[dict[str, Any]]:
    """The reviews of one application's pods."""
    yield review("driver", namespace, name)
    for _ in range(executors):
        yield review("executor", namespace, name)


def send(client: httpx.Client, reviews: Iterable[dict[str, Any]]) -> None:
    """Sends them one after the other. Each must be answered."""
    for one in reviews:
        answer = client.post("/mutate", json=one).json()["response"]
        assert answer["uid"] == one["request"]["uid"]
