"""How many pods are opened at a time: in the profile `limited`, two of one application and three of a namespace."""

from collections import Counter
from typing import Any

import pytest

from tests.deadline import wait_for
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import is_opened, node, phase
from tests.e2e.spark_pods import spark_pod
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

DELAY, PER_APPLICATION, PER_NAMESPACE = 1, 2, 3
OPEN, STOP = "OverflowOpened", "OverflowLimitReached"
OPENED = 'opened_total{profile="limited"}'


def _application(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"][names.APP_NAME])


def _is_full(pods: list[dict[str, Any]]) -> bool:
    """Whether all opened pods run, and no limit allows one more."""
    opened = [pod for pod in pods if is_opened(pod) and phase(pod) == "Pending"]
    counts = Counter(map(_application, opened))
    full = len(opened) == PER_NAMESPACE
    waiting = [_application(pod) for pod in pods if not is_opened(pod)]
    return all(map(node, opened)) and all(full or counts[one] == PER_APPLICATION for one in waiting)


def _reached(stage: Stage) -> float:
    found = stage.controller.metrics().items()
    return sum(count for series, count in found if series.startswith("limit_reached_total{") and '"limited"' in series)


def test_limits_hold_and_pods_go_on_once_opened_ones_finish(stage: Stage) -> None:
    namespace, other = stage.namespace("limited"), stage.namespace("limited")
    opened, reached = stage.metric(OPENED), _reached(stage)
    executors = ["a"] * 4 + ["b"] * 3
    for application in executors:
        stage.create(namespace, spark_pod(application=application), DELAY)
    # Each namespace counts for itself.
    elsewhere = [stage.create(other, spark_pod(application="a"), DELAY) for _ in range(PER_APPLICATION)]
    stage.await_bound(*elsewhere)
    stopped = len(executors) - PER_NAMESPACE
    wait_for(lambda: Counter(reason for _, reason in stage.events(namespace)) == {OPEN: PER_NAMESPACE, STOP: stopped})
    assert _reached(stage) - reached == stopped
    finished = 0
    while running := [pod for pod in stage.pods(namespace) if node(pod) and phase(pod) == "Pending"]:
        stage.finish(f"/api/v1/namespaces/{namespace}/pods/{running[0]['metadata']['name']}")
        finished += 1
        wait_for(lambda: _is_full(stage.pods(namespace)))
    assert finished == len(executors)
    stage.witness.catch_up()
    assert stage.witness.most_opened(namespace, names.APP_NAME) == (PER_APPLICATION, PER_NAMESPACE)
    # The controller counts a pod after it has opened it.
    wait_for(lambda: stage.metric(OPENED) - opened == len(executors) + len(elsewhere))
    assert _reached(stage) - reached == stopped
