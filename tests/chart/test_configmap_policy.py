"""templates/configmap-policy.yaml: the policy file of the service, straight from the values."""

from pathlib import Path
from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, render
from webhook.core.policy import Policy
from webhook.service.policy_file import load_policy, parse_policy


def policy(values: dict[str, Any], folder: Path) -> Policy:
    file = folder / "policy.yaml"
    file.write_text(render(values).one("ConfigMap", f"{FULLNAME}-policy")["data"]["policy.yaml"])
    return load_policy(file)


def test_the_default_policy_is_the_one_that_is_built_in(tmp_path: Path) -> None:
    found = policy({}, tmp_path)
    assert found.digest == Policy().digest
    assert (found.selector.selectors, found.profiles) == (Policy().selector.selectors, Policy().profiles)


def test_a_profile_of_the_user_joins_the_built_in_ones(tmp_path: Path) -> None:
    mine = {"driver": {"mode": "eci-only"}, "executor": {"mode": "eci-first", "weight": 100}}
    found = policy({"policy": {"profiles": {"mine": mine}}}, tmp_path).profiles
    assert found.keys() == Policy().profiles.keys() | {"mine"}
    assert found["mine"].executor.weight == 100


def test_the_overflow_controller_adds_its_key_and_its_profile(tmp_path: Path) -> None:
    on: dict[str, Any] = {"overflow": {"enabled": True}}
    assert policy(on, tmp_path).digest == parse_policy(b"overflow: {}", "policy.yaml").digest
    changed = on | {"policy": {"profiles": {"ecs-then-eci": {"executor": {"after": "5m"}}}}}
    found = policy(changed, tmp_path).profiles["ecs-then-eci"]
    assert (found.driver.mode, found.executor.mode, found.executor.after) == ("ecs-then-eci", "ecs-then-eci", "300s")


@pytest.mark.parametrize("enabled", [False, True])
def test_null_removes_the_profile_of_the_overflow_controller_too(*, enabled: bool, tmp_path: Path) -> None:
    values = {"overflow": {"enabled": enabled}, "policy": {"profiles": {"ecs-then-eci": None, "no-such": None}}}
    assert policy(values, tmp_path).profiles == Policy().profiles


def test_null_removes_a_profile(tmp_path: Path) -> None:
    found = policy({"policy": {"profiles": {"eci-only": None, "default": None}}}, tmp_path).profiles
    assert found.keys() == Policy().profiles.keys() - {"eci-only", "default"}


def test_null_replaces_the_labels_of_the_selector(tmp_path: Path) -> None:
    labels = {"sparkoperator.k8s.io/launched-by-spark-operator": None, "team": "data"}
    assert policy({"policy": {"selector": {"matchLabels": labels}}}, tmp_path).selector.match_labels == {"team": "data"}


def test_a_list_of_alternatives_replaces_the_default_of_the_selector(tmp_path: Path) -> None:
    alternatives = ["apache", "cluster", {"matchLabels": {"team": "etl"}}]
    for labels in ({}, {"matchLabels": None}):
        found = policy({"policy": {"selector": {"anyOf": alternatives, **labels}}}, tmp_path).selector
        assert found.model_dump(mode="json", by_alias=True) == {"anyOf": alternatives, "matchLabels": None}


def test_every_part_of_a_policy_reaches_the_file(tmp_path: Path) -> None:
    executor = {
        "mode": "ecs-first",
        "weight": 7,
        "imageCache": {"auto": False, "snapshots": [{"image": "*/spark:3.5.*", "id": "imc-2ze5hdcnngenmwc1jmwf"}]},
        "labels": {"team": "etl"},
        "annotations": {"k8s.aliyun.com/eci-use-specs": "2-4Gi,ecs.c6.xlarge"},
        "always": {"labels": {"cost": "high"}, "annotations": {"karpenter.sh/do-not-disrupt": "true"}},
        "first": {"count": 2, "mode": "ecs-only"},
    }
    node = {
        "label": {"key": "k8s.aliyun.com/vnode", "value": "true"},
        "taints": [{"key": "k8s.aliyun.com/vnode"}],
        "unsupported": ["privileged"],
        "outrankedBy": [],
    }
    values = {"virtualNode": node, "profiles": {"mine": {"allowOverride": False, "executor": executor}}}
    found = policy({"policy": values}, tmp_path).model_dump(mode="json", by_alias=True)
    assert executor.items() <= found["profiles"]["mine"]["executor"].items()
    assert found["virtualNode"]["taints"] == [{"key": "k8s.aliyun.com/vnode", "value": None, "effect": "NoSchedule"}]
    assert found["virtualNode"]["label"] == node["label"]
    assert found["virtualNode"]["unsupported"] == ["privileged"]
