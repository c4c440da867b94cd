"""From when a delay counts: pods that were gated, chosen or deleted, and conditions with odd times.

No scheduler knows the pods, except those with real gates. So their conditions are what the tests write.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.deadline import wait_for
from tests.e2e.overflow.placement.profiles import DELAY, of
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import NEVER, condition, is_opened, label, opened_at
from tests.e2e.spark_pods import spark_pod
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

STRICT = of("ecs-then-eci")
GATED = "SchedulingGated"
HOUR = timedelta(hours=1)


def _pod(**spec: Any) -> dict[str, Any]:
    pod = spark_pod()
    pod["spec"] |= {"schedulerName": "none"} | spec
    return pod


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _await_opened(stage: Stage, path: str) -> None:
    wait_for(lambda: is_opened(stage.get(path)))


def _late_enough(stage: Stage, path: str, since: datetime) -> bool:
    """Whether a pod was opened no earlier than its delay after `since`. The second of the opening is rounded down."""
    at = opened_at(stage.get(path))
    assert at is not None
    return at + timedelta(seconds=1) > since + timedelta(seconds=DELAY)


def test_what_holds_a_pod_back_also_holds_back_the_controller(stage: Stage) -> None:
    """The conditions are an hour old, as after a long suspension. The delay counts from the release, never earlier."""
    namespace = stage.namespace(STRICT)
    old = _written(datetime.now(UTC) - HOUR)
    gated, released, chosen = (stage.create(namespace, _pod(), allowed) for allowed in (NEVER, DELAY, DELAY))
    deleted = stage.create(namespace, _pod(), NEVER)
    stage.control_plane.patch(deleted, {"metadata": {"finalizers": ["example.org/kept"]}})
    stage.delete(deleted)
    for path in (gated, released):
        stage.schedule(path, since=old, reason=GATED)
    stage.schedule(chosen, since=old, nominatedNodeName="ecs-full")
    stage.schedule(deleted, since=old)
    _outlast(stage)
    assert {label(stage.get(path)) for path in (gated, released, chosen, deleted)} == {names.WAITING}
    since = datetime.now(UTC)
    stage.schedule(released, since=old)
    stage.schedule(chosen, since=old, nominatedNodeName=None)
    _await_opened(stage, released)
    _await_opened(stage, chosen)
    assert _late_enough(stage, released, since)
    assert {label(stage.get(path)) for path in (gated, deleted)} == {names.WAITING}
    wait_for(lambda: stage.events(namespace) == {(path, "OverflowOpened"): 1 for path in (released, chosen)})


def test_a_time_that_cannot_be_true_counts_from_first_sight(stage: Stage) -> None:
    """One that is missing, one in the future, and one before the pod was there."""
    namespace, begun = stage.namespace(STRICT), datetime.now(UTC)
    paths = {}
    for said in (None, _written(begun + HOUR), _written(begun - HOUR)):
        # A watch that begins anew may tell of it late. Then the time that the condition says counts, but not before the pod.
        since = datetime.now(UTC)
        path = stage.create(namespace, _pod(), DELAY)
        paths[path] = since
        stage.schedule(path, since=said)
    for path, since in paths.items():
        _await_opened(stage, path)
        assert _late_enough(stage, path, since)


def test_a_pod_with_scheduling_gates_waits_from_its_release(stage: Stage) -> None:
    """An API server that does not know gates drops them. The scheduler does not set the condition's time anew."""
    namespace = stage.namespace(STRICT)
    gates = {"schedulingGates": [{"name": "example.org/quota"}]}
    path = stage.create(namespace, _pod(schedulerName="default-scheduler", **gates), DELAY)
    gated = "schedulingGates" in stage.get(path)["spec"]
    assert gated == stage.control_plane.version.has_scheduling_gates
    since = datetime.now(UTC)
    if gated:
        wait_for(lambda: condition(stage.get(path)).get("reason") == GATED)
        _outlast(stage)
        assert label(stage.get(path)) == names.WAITING
        since = datetime.now(UTC)
        stage.control_plane.patch(path, {"spec": {"schedulingGates": None}})
    stage.await_bound(path)
    if gated:
        stage.witness.catch_up()
        before, _ = stage.witness.opening(stage.get(path)["metadata"]["uid"])
        said = condition(before)["lastTransitionTime"]
        assert datetime.fromisoformat(said) + timedelta(seconds=DELAY) < since
        assert _late_enough(stage, path, since)


def _outlast(stage: Stage) -> None:
    """Waits until pods that are unschedulable from now on would have been opened."""
    other = stage.create(stage.namespace(STRICT), spark_pod(), DELAY)
    stage.await_bound(other)
