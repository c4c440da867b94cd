"""The label of a namespace changes while its pods wait."""

from contextlib import ExitStack

import pytest

from tests.deadline import wait_for
from tests.e2e.overflow.placement.profiles import DELAY, LONGER, of
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import NEVER, label
from tests.e2e.spark_pods import spark_pod
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

STRICT = of("ecs-then-eci")


def _refusals(stage: Stage, reason: str) -> float:
    return stage.metric(f'not_opened_total{{reason="{reason}"}}')


def test_a_namespace_that_opted_out_is_not_opened_until_it_opts_in_again(stage: Stage) -> None:
    namespace = stage.namespace("longer")
    before = _refusals(stage, "no-profile")
    path = stage.create(namespace, spark_pod(), LONGER)
    stage.await_unschedulable(namespace, 1)
    stage.enrol(namespace, None)
    wait_for(lambda: stage.events() == {(path, "OverflowNotOpened"): 1})
    assert _refusals(stage, "no-profile") == before + 1
    # By now it would be due.
    other = stage.create(stage.namespace("longer"), spark_pod(), LONGER)
    stage.await_bound(other)
    assert label(stage.get(path)) == names.WAITING
    stage.enrol(namespace, "longer")
    stage.await_bound(path)
    assert _refusals(stage, "no-profile") == before + 1
    wait_for(lambda: stage.events(namespace) == {(path, "OverflowNotOpened"): 1, (path, "OverflowOpened"): 1})


def test_a_pod_waits_as_long_as_the_profile_says_that_its_namespace_has_now(stage: Stage) -> None:
    namespace = stage.namespace("hour")
    path = stage.create(namespace, spark_pod(), DELAY)
    stage.await_unschedulable(namespace, 1)
    stage.enrol(namespace, STRICT)
    stage.await_bound(path)
    wait_for(lambda: stage.events() == {(path, "OverflowOpened"): 1})


@pytest.mark.parametrize("profile", [of("ecs-only"), of("ecs-first"), "observing", "outside"])
def test_a_profile_that_opens_nothing_later_counts_at_once(stage: Stage, profile: str) -> None:
    """Also one whose mode the webhook opens: the controller opens no pods of other modes."""
    namespace = stage.namespace("longest")
    before = _refusals(stage, "decision")
    path = stage.create(namespace, spark_pod(), NEVER)
    stage.await_unschedulable(namespace, 1)
    stage.enrol(namespace, profile)
    wait_for(lambda: stage.events() == {(path, "OverflowNotOpened"): 1})
    assert _refusals(stage, "decision") == before + 1


def test_namespaces_for_which_the_webhook_is_never_called_are_never_opened(stage: Stage) -> None:
    """The webhook's own, and kube-system, whatever their label says."""
    pod = spark_pod()
    pod["metadata"]["labels"][names.OVERFLOW_LABEL] = names.WAITING
    both = (stage.release.namespace, "kube-system")
    account = f"/api/v1/namespaces/{both[1]}/serviceaccounts/default"
    with ExitStack() as ends:
        stage.control_plane.create_default_service_account(both[1])
        ends.callback(stage.control_plane.http.delete, account)
        for namespace in both:
            ends.enter_context(stage.borrowed(namespace, STRICT))
        paths = [stage.create(namespace, pod, NEVER) for namespace in both]
        wait_for(lambda: stage.events(*both) == {(path, "OverflowNotOpened"): 1 for path in paths})
