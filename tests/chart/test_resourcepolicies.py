"""templates/resourcepolicies.yaml: ResourcePolicy objects for the ACK scheduler."""

from typing import Any

import pytest

from tests.chart.manifests import refusal, render

TEMPLATE = "resourcepolicies.yaml"
#: The example on Alibaba Cloud's page about running Spark jobs on elastic container instances.
EXAMPLE: dict[str, Any] = {
    "ignorePreviousPod": True,
    "ignoreTerminatingPod": False,
    "matchLabelKeys": ["sparkoperator.k8s.io/submission-id"],
    "preemptPolicy": "AfterAllUnits",
    "selector": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"},
    "strategy": "prefer",
    "units": [
        {"max": 2, "resource": "ecs", "nodeSelector": {"kubernetes.io/arch": "amd64"}},
        {"max": 3, "resource": "eci"},
    ],
}


def values(render_when: str = "always", **changes: Any) -> dict[str, Any]:
    spec = {**EXAMPLE, **changes}
    named = {"default": {"sparkapplication-resource-policy": spec}}
    return {"resourcePolicies": {"render": render_when, "namespaces": named}}


def test_the_published_example_comes_out_field_for_field() -> None:
    (policy,) = render(values()).template(TEMPLATE)
    assert policy["apiVersion"] == "scheduling.alibabacloud.com/v1alpha1"
    assert policy["kind"] == "ResourcePolicy"
    assert policy["metadata"]["name"] == "sparkapplication-resource-policy"
    assert policy["metadata"]["namespace"] == "default"
    assert policy["spec"] == EXAMPLE


def test_every_field_is_rendered() -> None:
    unit = {
        "resource": "elastic",
        "max": 4,
        "nodeSelector": {"a": "b"},
        "podLabels": {"c": "d"},
        "podAnnotations": {"e": "f"},
        "maxResources": {"cpu": "100", "memory": "200Gi"},
    }
    units = [unit, {"resource": "acs"}]
    more: dict[str, Any] = {"units": units, "whenTryNextUnits": {"policy": "TimeoutOrExceedMax", "timeout": "1m"}}
    (policy,) = render(values(**more)).template(TEMPLATE)
    assert policy["spec"] == {**EXAMPLE, **more}


def test_policies_are_made_for_many_namespaces() -> None:
    spec = {"selector": {}, "strategy": "prefer", "units": [{"resource": "ecs"}]}
    named = {"one": {"a": spec, "b": spec}, "two": {"a": spec}}
    found = render({"resourcePolicies": {"render": "always", "namespaces": named}}).template(TEMPLATE)
    assert sorted((one["metadata"]["namespace"], one["metadata"]["name"]) for one in found) == [
        ("one", "a"),
        ("one", "b"),
        ("two", "a"),
    ]


def test_without_the_kind_in_the_cluster_auto_makes_none_and_says_so() -> None:
    rendered = render(values("auto"))
    assert rendered.template(TEMPLATE) == []
    assert (
        "No ResourcePolicy was created: the cluster does not serve scheduling.alibabacloud.com/v1alpha1"
        in rendered.notes
    )


def test_never_makes_none_and_says_so() -> None:
    rendered = render(values("never"))
    assert rendered.template(TEMPLATE) == []
    assert 'No ResourcePolicy was created: resourcePolicies.render is "never".' in rendered.notes


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"units": [{"resource": "ecx"}]}, "units/0/resource"),
        ({"units": []}, "units"),
        ({"units": [{"max": 1}]}, "units/0"),
        ({"units": [{"resource": "ecs", "maxx": 1}]}, "units/0"),
        ({"strategy": "spread"}, "strategy"),
        ({"preemptPolicy": "Never"}, "preemptPolicy"),
        ({"matchLabelKey": ["a"]}, "sparkapplication-resource-policy"),
        ({"whenTryNextUnits": {"policy": "ExceedMax", "timeout": "soon"}}, "whenTryNextUnits/timeout"),
    ],
)
def test_what_the_scheduler_does_not_know_is_refused(change: dict[str, Any], at: str) -> None:
    assert f"{at}'" in refusal(values(**change))
