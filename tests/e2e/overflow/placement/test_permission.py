"""A label is an index, never a permission: what users write on their pods, and what the policy then opens.

ECS has no room. The witness compares where each pod ran with what the policy allows it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.overflow.placement.cases import Case, Outcome, allowed_in, played
from tests.e2e.overflow.placement.profiles import DELAY, LONGER, of
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import AT_ONCE, NEVER
from tests.e2e.overflow_controller import OverflowController
from tests.e2e.spark_pods import spark_pod
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode

pytestmark = pytest.mark.needs("control-plane")

STRICT = of("ecs-then-eci")
FORGED = f"mode=ecs-then-eci,profile={STRICT},policy=0123456789ab"
#: What a user may write into the label, and the record that goes with it.
FORGERIES = {
    names.WAITING: {names.PLACEMENT_ANNOTATION: FORGED},
    names.OPENED: {names.PLACEMENT_ANNOTATION: f"{FORGED},{names.OPENED}"},
    "garbage": {names.PLACEMENT_ANNOTATION: "garbage"},
}
WAITING = {names.OVERFLOW_LABEL: names.WAITING}
#: Rules that open nothing, whatever the mode.
CLOSED = ("observing", "outside", "no-such-profile", None)
ALL_MODES = [*SchedulingMode, NONE]
EXCLUDING = {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}
#: Pods that ECI cannot run, or that do not want to run there.
HOST_PATH = {"volumes": [{"name": "data", "hostPath": {"path": "/data"}}]}
UNWILLING: dict[str, dict[str, Any]] = {
    "a hostPath volume": HOST_PATH,
    "the host's network": {"hostNetwork": True},
    "an affinity for other nodes": {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [EXCLUDING]}]
                }
            }
        }
    },
}


def forged(value: str | None, mode: str | None = None, **spec: Any) -> dict[str, Any]:
    """An executor with a label and a record that its user wrote, and an override."""
    pod = spark_pod()
    pod["spec"] |= spec
    metadata = pod["metadata"]
    annotations = metadata.setdefault("annotations", {})
    if value is not None:
        metadata["labels"][names.OVERFLOW_LABEL] = value
        annotations |= FORGERIES[value]
    if mode is not None:
        annotations[names.MODE_ANNOTATION] = mode
    return pod


def _created() -> Iterator[Case]:
    for value in (None, *FORGERIES):
        for mode in SchedulingMode:
            yield Case(f"{mode}, created as {value}", of(mode), allowed_in(mode), forged(value))
        for profile in CLOSED:
            yield Case(f"profile {profile}, created as {value}", profile, NEVER, forged(value))
    driver = spark_pod("driver")
    driver["metadata"]["labels"][names.OVERFLOW_LABEL] = names.WAITING
    yield Case("a driver, created as waiting", STRICT, NEVER, driver)
    other = forged(names.WAITING)
    del other["metadata"]["labels"][names.LAUNCHED_BY_OPERATOR]
    yield Case("a pod that is not selected, created as waiting", STRICT, NEVER, other)
    for what, spec in UNWILLING.items():
        yield Case(f"{what}, created as waiting", STRICT, NEVER, forged(names.WAITING, **spec))
        yield Case(f"{what}, override", "overridable", NEVER, forged(names.WAITING, "ecs-then-eci", **spec))


def _changed() -> Iterator[Case]:
    for value in (names.WAITING, names.OPENED):
        label, record = {names.OVERFLOW_LABEL: value}, FORGERIES[value]
        for mode in (SchedulingMode.ECS_ONLY, SchedulingMode.ECS_FIRST):
            name = f"{mode}, made {value} later"
            yield Case(name, of(mode), allowed_in(mode), later_labels=label, later_annotations=record)
        for profile in CLOSED:
            name = f"profile {profile}, made {value} later"
            yield Case(name, profile, NEVER, later_labels=label, later_annotations=record)
    yield Case("made a driver later", "longest", NEVER, later_labels=WAITING | {names.SPARK_ROLE: "driver"})
    yield Case("the label removed later", "longest", NEVER, later_labels={names.OVERFLOW_LABEL: None})


def _overrides() -> Iterator[Case]:
    for mode in ALL_MODES:
        asked = NEVER if mode == NONE else allowed_in(SchedulingMode(mode), LONGER)
        pod = forged(names.WAITING, mode)
        yield Case(f"override {mode}, allowed", "overridable", asked, pod)
        yield Case(f"override {mode}, refused by ecs-only", of("ecs-only"), NEVER, pod)
        yield Case(f"override {mode}, refused by ecs-then-eci", STRICT, DELAY, pod)
        yield Case(f"override {mode}, without a profile", None, NEVER, pod)
    for profile, allowed in (("overridable", LONGER), (of("ecs-only"), NEVER)):
        override = {names.MODE_ANNOTATION: "ecs-then-eci"}
        name = f"override added later, {profile}"
        yield Case(name, profile, allowed, later_labels=WAITING, later_annotations=override)
    pod, withdrawn = forged(None, "ecs-then-eci"), {names.MODE_ANNOTATION: NONE}
    name = "override changed to none later"
    yield Case(name, "overridable", NEVER, pod, later_labels=WAITING, later_annotations=withdrawn)


def _unseen() -> Iterator[Case]:
    for value in (None, *FORGERIES):
        # The policy opens it, if the label leads the controller to it. The webhook need not have seen it.
        allowed = DELAY if value == names.WAITING else NEVER
        yield Case(f"unseen under ecs-then-eci as {value}", STRICT, allowed, forged(value), unseen=True)
        yield Case(f"unseen under ecs-only as {value}", of("ecs-only"), NEVER, forged(value), unseen=True)


CASES = [*_created(), *_changed(), *_overrides(), *_unseen()]


@pytest.fixture(scope="module")
def refusals(controller: OverflowController) -> dict[str, float]:
    """The controller's counts of refusals before the pods were created."""
    return _refusals(controller)


@pytest.fixture(scope="module")
def outcomes(shared_stage: Stage, refusals: dict[str, float]) -> dict[str, Outcome]:  # noqa: ARG001, they come first
    """What became of every pod."""
    return played(shared_stage, CASES)


def _refusals(controller: OverflowController) -> dict[str, float]:
    metrics = controller.metrics()
    return {reason: metrics[f'not_opened_total{{reason="{reason}"}}'] for reason in ("decision", "no-profile")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_pod_runs_where_the_policy_allows_it(case: Case, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[case.name]
    if case.allowed in (NEVER, AT_ONCE):
        assert outcome.home == case.allowed
    else:
        assert (outcome.home, outcome.label) == ("opened", names.OPENED)
        # Whether the controller finds a pod before or after its namespace opted in is a matter of seconds.
        assert outcome.events - ({"OverflowNotOpened"} if case.unseen else set()) == {"OverflowOpened"}
    if case.allowed == NEVER:
        assert outcome.events == ({"OverflowNotOpened"} if case.refused else set())


def test_every_refusal_is_counted_once(
    outcomes: dict[str, Outcome],
    refusals: dict[str, float],
    controller: OverflowController,
) -> None:
    """Profiles that the policy does not have count as none."""
    none = (None, "no-such-profile")
    refused = Counter("no-profile" if case.profile in none else "decision" for case in CASES if case.refused)
    refused["no-profile"] += sum(
        "OverflowNotOpened" in outcomes[case.name].events for case in CASES if not case.refused
    )
    now = _refusals(controller)
    assert {reason: count - refusals[reason] for reason, count in now.items()} == refused
