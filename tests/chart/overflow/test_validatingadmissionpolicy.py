"""templates/overflow/validatingadmissionpolicy.yaml: the API server lets the controller's account only open pods.

The end-to-end tests try it on real API servers.
"""

import json
from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, render
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.selectors import Role
from webhook.service.policy_file import parse_policy

TEMPLATE = "overflow/validatingadmissionpolicy.yaml"
NAME = f"{NAMESPACE}-{FULLNAME}-overflow"


def policy(**values: Any) -> dict[str, Any]:
    rendered = render({"overflow": {"enabled": True}, "kubeVersion": "1.30", **values})
    spec: dict[str, Any] = rendered.one("ValidatingAdmissionPolicy", NAME)["spec"]
    return spec


@pytest.mark.parametrize(
    ("version", "rendered"), [("1.20", False), ("1.29.9", False), ("1.30", True), ("v1.36.0", True)]
)
def test_it_is_there_where_the_cluster_has_it(version: str, *, rendered: bool) -> None:
    found = render({"overflow": {"enabled": True}, "kubeVersion": version}).template(TEMPLATE)
    kinds = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    assert [one["kind"] for one in found] == (kinds if rendered else [])
    assert render({"kubeVersion": version}).template(TEMPLATE) == []


def test_it_denies_and_concerns_the_controllers_account_alone() -> None:
    values = {"overflow": {"enabled": True, "serviceAccount": {"name": "opener"}}, "kubeVersion": "1.30"}
    rendered = render(values)
    assert rendered.one("ValidatingAdmissionPolicyBinding", NAME)["spec"] == {
        "policyName": NAME,
        "validationActions": ["Deny"],
    }
    spec = rendered.one("ValidatingAdmissionPolicy", NAME)["spec"]
    assert spec["failurePolicy"] == "Fail"
    (condition,) = spec["matchConditions"]
    assert condition["expression"] == f"request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:opener'"


@pytest.mark.parametrize(
    "taints",
    [
        None,
        [{"key": "a"}],
        [{"key": "a", "value": ""}, {"key": "b.example.org/c", "value": "d", "effect": "NoExecute"}],
    ],
    ids=str,
)
def test_the_tolerations_that_it_allows_are_those_that_open_a_pod(taints: list[dict[str, str]] | None) -> None:
    (opening,) = [
        one["expression"] for one in policy(policy=virtual_node(taints))["variables"] if one["name"] == "opening"
    ]
    allowed = json.loads(opening.removeprefix("dyn(").removesuffix(")"))
    parsed = parse_policy(json.dumps(virtual_node(taints)).encode(), "policy.yaml") if taints else Policy()
    expected = compile_profile(parsed, "default").rules[Role.EXECUTOR].wait.tolerations
    stored = ("key", "operator", "value", "effect")
    assert allowed == [
        {field: value for field in stored if (value := getattr(toleration, field))} for _, toleration in expected
    ]


def test_taints_that_are_left_empty_are_those_of_the_service() -> None:
    default = policy()["variables"]
    for empty in ({"virtualNode": None}, {"virtualNode": {"taints": None}}):
        assert policy(policy=empty)["variables"] == default


def test_its_keys_are_those_of_the_webhook() -> None:
    text = str(policy()["validations"])
    for word in (names.OVERFLOW_LABEL, names.WAITING, names.OPENED, names.PLACEMENT_ANNOTATION):
        assert f"'{word}'" in text.replace("\\", "")


def test_the_mode_that_needs_the_controller_is_the_one_that_waits() -> None:
    built_in = render({"overflow": {"enabled": True}}).one("ConfigMap", f"{FULLNAME}-policy")["data"]["policy.yaml"]
    found = parse_policy(built_in.encode(), "policy.yaml").profiles.keys()
    assert found - Policy().profiles.keys() == {str(mode) for mode in SchedulingMode if mode.waits}


def virtual_node(taints: list[dict[str, str]] | None) -> dict[str, Any]:
    return {"virtualNode": {"taints": taints}} if taints else {}
