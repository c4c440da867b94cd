"""The real scheduler judges how pods stand to ECS nodes and to virtual nodes.

It knows nothing of ECI itself. So it cannot judge a label that sends pods to ECI, nor what ECI cannot run: of that it only shows
that it binds such a pod nevertheless. It does not place pods that have a nodeName, nor does it follow ResourcePolicies.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cases import CASES, case_of
from tests.e2e.control_plane import ControlPlane
from tests.e2e.drawn_pods import drawn_placement
from tests.e2e.standing_trials import Stand, Trial, VirtualNode, homes
from tests.overlays import overlaid
from tests.scheduler import feasible, score
from webhook.core.modes import SchedulingMode
from webhook.core.placement import Placement
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.explain.outcome import outcome
from webhook.explain.standing import Stance, Standing, standings
from webhook.explain.standing_reason import StandingReason as Why
from webhook.spark.workloads import SparkPod, Workload

#: How many pods are drawn for each mode, for pods as their users write them, and for a taint that nodes prefer to be without.
DRAWN = 30
#: How many pods there are at least of each kind that is judged.
ENOUGH = 8
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
#: Most versions of the API server refuse this pod.
REFUSED = "toleration-by-a-numeric-operator-does-not"


@dataclass(frozen=True)
class Stood:
    """A stored pod, and how it stands."""

    name: str
    pod: dict[str, Any]
    profile: CompiledProfile
    ecs: Standing
    eci: Standing
    placement: Placement | None = None

    @property
    def reasons(self) -> set[Why]:
        return {because.reason for one in (self.ecs, self.eci) for because in one.because}

    @property
    def schedulable(self) -> bool:
        """Whether a scheduler decides, by what it reads of the pod."""
        return self.reasons.isdisjoint({Why.NODE_NAME, Why.SENT_TO_ECI})

    @property
    def preferred(self) -> str | None:
        """The side that the pod prefers."""
        sides = {"ecs": self.ecs, "eci": self.eci}
        return next((name for name, one in sides.items() if one.stance is Stance.PREFERS), None)

    @property
    def expected(self) -> dict[Stand, str]:
        """Where the scheduler binds the pod in each stand that decides something."""
        ecs, eci = (one.stance in (Stance.MAY, Stance.PREFERS) for one in (self.ecs, self.eci))
        eci |= Why.BOUND_ANYWAY in self.reasons
        found = {Stand.ECS: "ecs" if ecs else "pending", Stand.ECI: "eci" if eci else "pending"}
        return {**found, Stand.TWINS: self.preferred} if self.preferred and self.suits_twins else found

    @property
    def suits_twins(self) -> bool:
        """Whether the twins can stand for both kinds of node: the pod may run on both, and each preferred term matches one.

        An ECS node with the label of virtual nodes, which ordinary nodes do not have, might suit other pods.
        """
        twins = self.node.twins
        alone = [{"spec": {"affinity": {"nodeAffinity": {_PREFERRED: [term]}}}} for term in self.preferences]
        return len(feasible(self.pod, twins)) == len(twins) and all(
            any(score(one, node) for node in twins) for one in alone
        )

    @property
    def preferences(self) -> list[dict[str, Any]]:
        """The preferred terms that are not empty."""
        affinity = (self.pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
        return [term for term in affinity.get(_PREFERRED) or [] if any(term["preference"].values())]

    @property
    def node(self) -> VirtualNode:
        """The virtual node of the policy, with the first taint alone, which all its virtual nodes have."""
        label, taint = self.profile.label, self.profile.taints[0]
        value = taint.value
        for one in self.eci.because:
            if one.reason is Why.VALUE_TOLERATED and one.place is not None:
                value = self.pod["spec"]["tolerations"][one.place[-1]]["value"]
        return VirtualNode((label.key, label.value), (taint.key, value or "any", taint.effect.value))


def _placed(name: str, pod: Any, profile: CompiledProfile) -> Stood:
    """A pod as it is stored after the webhook."""
    made = SparkPod("pod", pod)
    found = outcome(Workload("Pod", "default", "p", (made,)), made, profile)
    placement = None if found.decision is None else found.decision.placement
    return Stood(name, found.after, profile, *standings(found.after, profile, placement), placement)


def _opened(stood: Stood) -> Stood:
    """A pod that waits, after the overflow controller has added the tolerations."""
    assert stood.placement is not None
    assert stood.placement.wait is not None
    tolerations = [
        {"key": one.key, "operator": one.operator, "value": one.value, "effect": one.effect}
        for _, one in stood.placement.wait.tolerations
    ]
    own = stood.pod["spec"].get("tolerations") or []
    pod = overlaid(stood.pod, {"spec": {"tolerations": [*own, *tolerations]}})
    return Stood(f"{stood.name}, opened", pod, stood.profile, *standings(pod, stood.profile, stood.placement))


def _cases() -> Iterator[Stood]:
    for case in CASES:
        yield _placed(case.name, case.pod, compile_profile(case.policy, "default"))


def _drawn() -> Iterator[Stood]:
    draw = random.Random(18)  # noqa: S311
    for mode in SchedulingMode:
        case = case_of(mode, rule={"mode": mode.value, "weight": 20}, policy={"overflow": {}})
        profile = compile_profile(case.policy, "default")
        for number in range(DRAWN):
            yield _placed(f"{mode} {number}", overlaid(case.pod, {"spec": drawn_placement(draw)}), profile)
    for effect in ("NoSchedule", "PreferNoSchedule"):
        taint = {"key": "virtual-kubelet.io/provider", "value": "alibabacloud", "effect": effect}
        case = case_of(effect, rule="ecs-only", policy={"virtualNode": {"taints": [taint]}})
        profile = compile_profile(case.policy, "default")
        for number in range(DRAWN):
            pod = overlaid(case.pod, {"spec": drawn_placement(draw)})
            yield Stood(f"own, {effect} {number}", pod, profile, *standings(pod, profile))


@pytest.fixture(scope="module")
def stood() -> list[Stood]:
    found = [*_cases(), *_drawn()]
    return [*found, *(_opened(one) for one in found if one.eci.stance is Stance.MAY_NOT_YET)]


@pytest.mark.needs("control-plane")
def test_the_scheduler_binds_pods_where_they_may_run_and_prefer_to(
    control_plane: ControlPlane, stood: list[Stood]
) -> None:
    tried = [one for one in stood if one.schedulable]
    trials = [Trial(one.name, one.pod, one.node, stand) for one in tried for stand in one.expected]
    with control_plane.scheduler():
        found = homes(control_plane, trials)
    expected = {(one.name, stand): home for one in tried for stand, home in one.expected.items()}
    assert found == expected | {key: home for key, home in found.items() if key[0] == REFUSED and home == "refused"}


def test_a_pod_prefers_the_side_for_which_its_preferences_weigh_more(stood: list[Stood]) -> None:
    """What no scheduler shows: pods that prefer no side, because their preferences weigh the same for both."""
    judged = Counter[str | None]()
    for one in stood:
        if one.schedulable and one.suits_twins and one.reasons.isdisjoint({Why.RESOURCE_POLICY, Why.AVOIDED}):
            ecs, eci = (score(one.pod, node) for node in one.node.twins)
            heavier = None if ecs == eci else "ecs" if ecs > eci else "eci"
            may = {one.ecs.stance, one.eci.stance} <= {Stance.MAY, Stance.PREFERS}
            assert one.preferred == (heavier if may else None), one.name
            judged[one.preferred] += 1
    assert judged.keys() == {None, "ecs", "eci"}
    assert min(judged.values()) >= ENOUGH


def test_every_reason_occurs_and_every_pair_of_stances_does_often(stood: list[Stood]) -> None:
    assert {reason for one in stood for reason in one.reasons} == set(Why)
    pairs = Counter((one.ecs.stance, one.eci.stance) for one in stood)
    may, prefers, may_not, may_not_yet = Stance
    both = {(may, may), (prefers, may), (may, prefers)}
    assert pairs.keys() == both | {(may, may_not), (may_not, may), (may_not, may_not), (may, may_not_yet)}
    assert min(pairs.values()) >= ENOUGH
