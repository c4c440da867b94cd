"""Pods that are created together, each with what the policy allows it, and what became of them once nothing more happens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from tests.e2e.overflow.placement.profiles import DELAY, LONGER
from tests.e2e.overflow.placement.stage import Stage, unschedulable
from tests.e2e.overflow.placement.witness import AT_ONCE, NEVER, is_opened, label, node, on_eci, record
from tests.e2e.spark_pods import spark_pod
from webhook.core import names
from webhook.core.modes import SchedulingMode

#: How long to wait at most until every pod is where it is allowed to be.
_PATIENCE = 120
Pod = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A pod in a namespace under a profile, or under none."""

    name: str
    profile: str | None
    allowed: str | int
    pod: Pod = field(default_factory=spark_pod)
    unseen: bool = False
    """Whether its namespace opted in only after the pod was created, so that the webhook has not seen it."""
    later_labels: Mapping[str, str | None] = field(default_factory=dict)
    """What its user sets after that; None removes a label."""
    later_annotations: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the controller finds the pod, and must not open it."""
        before = (self.pod["metadata"].get("labels") or {}).get(names.OVERFLOW_LABEL)
        return self.allowed == NEVER and self.later_labels.get(names.OVERFLOW_LABEL, before) == names.WAITING


@dataclass(frozen=True)
class Outcome:
    """What became of a pod."""

    pod: Pod
    events: frozenset[str]
    """The reasons of the controller's Events about it."""

    @property
    def home(self) -> str:
        return NEVER if not node(self.pod) else "opened" if is_opened(self.pod) else AT_ONCE

    @property
    def label(self) -> str | None:
        return label(self.pod)

    @property
    def reason(self) -> str | None:
        """The reason in the webhook's record."""
        fields = dict(field.split("=") for field in record(self.pod).split(",") if "=" in field)
        return fields.get("reason")


def allowed_in(mode: SchedulingMode, delay: int = DELAY) -> str | int:
    """What a rule with a mode and a delay allows a pod without a will of its own, if ECS has no room."""
    if mode.waits:
        return delay
    return AT_ONCE if mode.opens_eci else NEVER


def played(stage: Stage, cases: Iterable[Case]) -> dict[str, Outcome]:
    """Creates all pods, waits until each is where it is allowed to be and said to be refused, and returns what became of it.

    The last pod is opened after all others could have been.
    """
    found = {case.name: case for case in [*cases, Case("the last one", "longer", LONGER)]}
    paths: dict[str, str] = {}
    for (profile, unseen), names_of_pods in _by_namespace(found.values()).items():
        namespace = stage.namespace(None if unseen else profile)
        for name in names_of_pods:
            paths[name] = _create(stage, namespace, found[name])
        if unseen:
            stage.enrol(namespace, profile)
    # What is not so in the end is for the tests to say.
    end = monotonic() + _PATIENCE
    outcomes = _outcomes(stage, paths)
    while not all(_settled(case, outcomes[name]) for name, case in found.items()) and monotonic() < end:
        sleep(0.2)
        outcomes = _outcomes(stage, paths)
    return outcomes


def _by_namespace(cases: Iterable[Case]) -> dict[tuple[str | None, bool], list[str]]:
    """The names of the cases of each namespace, which is told by its profile and whether its pods are unseen."""
    found: dict[tuple[str | None, bool], list[str]] = {}
    for case in cases:
        found.setdefault((case.profile, case.unseen), []).append(case.name)
    return found


def _create(stage: Stage, namespace: str, case: Case) -> str:
    path = stage.create(namespace, case.pod, case.allowed)
    if case.later_labels:
        stage.relabel(path, case.later_labels, case.later_annotations)
    return path


def _settled(case: Case, outcome: Outcome) -> bool:
    if case.allowed == NEVER:
        return unschedulable(outcome.pod) and (not case.refused or bool(outcome.events))
    # The controller tells of a pod after it has opened it.
    return on_eci(outcome.pod) and (case.allowed == AT_ONCE or bool(outcome.events))


def _outcomes(stage: Stage, paths: Mapping[str, str]) -> dict[str, Outcome]:
    events = stage.events()
    pods = {pod["metadata"]["name"]: pod for pod in stage.control_plane.get("/api/v1/pods")["items"]}
    return {
        name: Outcome(
            pods[path.rpartition("/")[2]],
            frozenset(reason for about, reason in events if about == path),
        )
        for name, path in paths.items()
    }
