"""Pods with rules of their own, and rules of a profile that tell executors apart. ECS has no room."""

from typing import Any

import pytest

from tests.e2e.overflow.placement.cases import Case, Outcome, played
from tests.e2e.overflow.placement.profiles import DELAY, LONGER, SHORT, of
from tests.e2e.overflow.placement.stage import Stage
from tests.e2e.overflow.placement.witness import AT_ONCE, NEVER, opened_at
from tests.e2e.spark_pods import spark_pod
from tests.virtual_node import TOLERATION
from webhook.core import names

pytestmark = pytest.mark.needs("control-plane")

STRICT = of("ecs-then-eci")


def executor(number: int = 1, **spec: Any) -> dict[str, Any]:
    pod = spark_pod()
    pod["metadata"]["labels"][names.SPARK_EXEC_ID] = str(number)
    pod["spec"] |= spec
    return pod


def _requiring(operator: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "type", "operator": operator, "values": ["virtual-kubelet"]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


#: Cases with the label and the reason that the webhook writes, for those that say something of it.
CASES = [
    (Case("tolerates virtual nodes", STRICT, AT_ONCE, executor(tolerations=[TOLERATION])), None, "own-toleration"),
    (Case("tolerates all", STRICT, AT_ONCE, executor(tolerations=[{"operator": "Exists"}])), None, "own-toleration"),
    (Case("demands them", STRICT, AT_ONCE, executor(affinity=_requiring("In"))), None, "own-requirement"),
    (
        Case("selects them", STRICT, AT_ONCE, executor(nodeSelector={"type": "virtual-kubelet"})),
        None,
        "own-requirement",
    ),
    (Case("excludes them", STRICT, NEVER, executor(affinity=_requiring("NotIn"))), None, "own-requirement"),
    (
        Case("has another toleration", STRICT, DELAY, executor(tolerations=[TOLERATION | {"key": "own"}])),
        names.OPENED,
        None,
    ),
    (Case("executor of a driver on ECS", STRICT, DELAY, executor()), names.OPENED, None),
    (Case("driver on ECS", STRICT, NEVER, spark_pod("driver")), None, None),
    (Case("share with its own delay", "shares", SHORT, executor(1)), names.OPENED, None),
    (Case("share with the rule's delay", "shares", LONGER, executor(2)), names.OPENED, None),
    (Case("first on ECS", "first-on-ecs", NEVER, executor(1)), None, None),
    (Case("after the first on ECS", "first-on-ecs", DELAY, executor(2)), names.OPENED, None),
    (Case("first overflows", "first-overflow", DELAY, executor(1)), names.OPENED, None),
    (Case("after the first overflows", "first-overflow", NEVER, executor(2)), None, None),
]


@pytest.fixture(scope="module")
def outcomes(shared_stage: Stage) -> dict[str, Outcome]:
    """What became of every pod."""
    return played(shared_stage, [case for case, _, _ in CASES])


@pytest.mark.parametrize(("case", "label", "reason"), CASES, ids=[case.name for case, _, _ in CASES])
def test_a_pod_runs_where_its_rules_allow_it(
    case: Case, label: str | None, reason: str | None, outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[case.name]
    home = case.allowed if case.allowed in (NEVER, AT_ONCE) else "opened"
    assert (outcome.home, outcome.label, outcome.reason) == (home, label, reason)
    assert outcome.events == (set() if label is None else {"OverflowOpened"})


def test_the_share_with_the_shorter_delay_is_opened_first(outcomes: dict[str, Outcome]) -> None:
    shorter, longer = (
        opened_at(outcomes[one].pod) for one in ("share with its own delay", "share with the rule's delay")
    )
    assert shorter is not None
    assert longer is not None
    assert shorter < longer
