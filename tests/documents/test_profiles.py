"""Each profile of docs/profiles.md is accepted, and places pods as the page says."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.admission_reviews import answer, patched
from tests.cases import case_of
from tests.live_service import ROOT
from webhook.core import names
from webhook.core.cautions import cautions
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.explain.standing import Stance, standings
from webhook.service.policy_file import parse_policy

PAGE = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
POLICIES: Final = {
    name: policy
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for policy in [parse_policy(block.encode(), "profiles.md")]
    for name in policy.profiles
}
#: For each profile: the mode of its driver, and of the executors 1 and 11; no mode if the pod stays as it is.
MODES: Final = {
    "default": ("ecs-only", "ecs-first", "ecs-first"),
    "strict": ("ecs-only", "ecs-then-eci", "ecs-then-eci"),
    "spot": ("ecs-only", "eci-only", "eci-only"),
    "eci-only": ("eci-only", "eci-only", "eci-only"),
    "home": ("ecs-only", "ecs-only", "ecs-only"),
    "base": ("ecs-only", "ecs-only", "eci-first"),
    "resource-policy": ("resource-policy", "resource-policy", "resource-policy"),
    "fast": ("ecs-only", "eci-only", "eci-only"),
    "watched": ("", "", ""),
    "batch": ("ecs-only", "ecs-then-eci", "ecs-then-eci"),
    "reports": ("ecs-only", "ecs-first", "ecs-first"),
}
#: For each mode: how a new pod stands to ECS nodes, and to virtual nodes, before the overflow controller opens any.
STANCES: Final = {
    "": (Stance.MAY, Stance.MAY_NOT),
    "ecs-only": (Stance.MAY, Stance.MAY_NOT),
    "eci-only": (Stance.MAY_NOT, Stance.MAY),
    "ecs-first": (Stance.PREFERS, Stance.MAY),
    "ecs-then-eci": (Stance.MAY, Stance.MAY_NOT),
    "eci-first": (Stance.MAY, Stance.PREFERS),
    "resource-policy": (Stance.MAY, Stance.MAY),
}
TRIAL: Final = "trial"
(TABLE,) = re.findall(r"^\| need \| profile \|\n(?:\|.*\n)+", PAGE, re.MULTILINE)


def _pod(profile: str, role: str, overlay: Mapping[str, Any] | None = None) -> Any:
    """A pod after its review."""
    pod = case_of(profile, role=role, pod=dict(overlay or {})).pod
    return patched(pod, answer(pod, POLICIES[profile], profile))


def _placed(profile: str, role: str, overlay: Mapping[str, Any] | None = None) -> Any:
    """The metadata of a pod after its review."""
    return _pod(profile, role, overlay)["metadata"]


def _mode(metadata: Any) -> str:
    record = metadata.get("annotations", {}).get(names.PLACEMENT_ANNOTATION, "")
    return str(dict(one.partition("=")[::2] for one in record.split(",")).get("mode", ""))


def _numbered(number: int) -> dict[str, Any]:
    return {"metadata": {"labels": {names.SPARK_EXEC_ID: str(number)}}}


def test_every_profile_of_the_table_is_shown_and_judged() -> None:
    assert set(POLICIES) == {*MODES, TRIAL} == set(re.findall(r"`([a-z-]+)`(?= and `|\]\(#)", TABLE))
    assert [caution for policy in POLICIES.values() for caution in cautions(policy)] == []


@pytest.mark.parametrize("profile", MODES)
def test_pods_get_the_modes_that_the_page_tells(profile: str) -> None:
    executors = [_placed(profile, "executor", _numbered(number)) for number in (1, 11)]
    assert (_mode(_placed(profile, "driver")), *map(_mode, executors)) == MODES[profile]


@pytest.mark.parametrize("profile", MODES)
def test_pods_may_run_where_their_modes_say(profile: str) -> None:
    pods = [_pod(profile, "driver"), *(_pod(profile, "executor", _numbered(number)) for number in (1, 11))]
    compiled = compile_profile(POLICIES[profile], profile)
    found = [tuple(one.stance for one in standings(pod, compiled)) for pod in pods]
    assert found == [STANCES[mode] for mode in MODES[profile]]


def test_those_that_are_called_built_in_are() -> None:
    for name in re.findall(r"\[`([a-z-]+)`\]\([^)]+\), which is built in", PAGE):
        assert POLICIES[name].profiles[name] == Policy().profiles[name]


def test_what_the_rules_add_is_added() -> None:
    assert _placed("spot", "executor")["annotations"]["k8s.aliyun.com/eci-spot-strategy"] == "SpotAsPriceGo"
    image = {"spec": {"containers": [{"name": names.EXECUTOR_CONTAINER, "image": "registry.corp.test/spark:3.5.2"}]}}
    cached = _placed("fast", "executor", image)["annotations"]
    assert cached[names.IMAGE_CACHE_SNAPSHOT] == "imc-2ze5hdcnngenmwc1jmwf"
    assert POLICIES["strict"].profiles["strict"].overflow.max_per_application == 50
    assert POLICIES["batch"].profiles["batch"].overflow.max_per_namespace == 200


def test_home_keeps_tolerating_pods_on_ecs_but_not_those_with_a_label_that_overrides() -> None:
    tolerating = {"spec": {"tolerations": [{"operator": "Exists"}]}}
    labelled = {"metadata": {"labels": {"alibabacloud.com/eci": "true"}}}
    compiled = compile_profile(POLICIES["home"], "home")
    pods = [_pod("home", "executor", overlay) for overlay in (tolerating, labelled)]
    found = [tuple(one.stance for one in standings(pod, compiled)) for pod in pods]
    assert found == [STANCES["ecs-only"], STANCES["eci-only"]]


def test_a_profile_that_forbids_other_modes_keeps_its_own() -> None:
    asking = {"metadata": {"annotations": {names.MODE_ANNOTATION: "eci-only"}}}
    assert _mode(_placed("home", "executor", asking)) == "ecs-only"
    assert _mode(_placed("default", "executor", asking)) == "eci-only"


def test_a_part_of_the_applications_is_about_a_quarter() -> None:
    placed = [
        {
            _mode(_placed(TRIAL, role, {"metadata": {"labels": {names.APP_NAME: f"app-{number}"}}})) != ""
            for role in ("driver", "executor")
        }
        for number in range(400)
    ]
    assert all(len(both) == 1 for both in placed)
    assert 70 <= placed.count({True}) <= 130
