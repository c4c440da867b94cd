"""The API server calls the webhook for the pods that the policy selects.

Nothing answers here, and the failurePolicy is Fail: a pod for which the webhook is called is refused.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chart.manifests import render
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.release import CONFIGURATION
from webhook.core import names
from webhook.core.placement import role_of
from webhook.core.pod import ObjectMeta, Pod, PodSpec
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.core.selectors import Role
from webhook.service.policy_file import parse_policy

pytestmark = pytest.mark.needs("control-plane")

#: Labels of pods: of each kind, of several at once, and of pods that lack something.
PODS: list[dict[str, str]] = [
    {key: value for key, value in labels.items() if key != left_out}
    for labels in (
        {names.LAUNCHED_BY_OPERATOR: "true", names.SPARK_ROLE: "executor", names.SPARK_APP_SELECTOR: "spark-1"},
        {names.LAUNCHED_BY_OPERATOR: "true", names.SPARK_ROLE: "connect-server"},
        {names.LAUNCHED_BY_OPERATOR: "false", names.SPARK_ROLE: "driver"},
        {names.APACHE_APP_NAME: "pi", names.SPARK_ROLE: "driver", names.SPARK_APP_SELECTOR: "pi-0"},
        {names.APACHE_APP_NAME: "pi", names.SPARK_ROLE: "operator"},
        {names.CLUSTER_NAME: "prod", names.SPARK_ROLE: "master"},
        {names.CLUSTER_NAME: "prod", names.SPARK_ROLE: "worker", "team": "ads"},
        {names.CLUSTER_NAME: "prod", names.SPARK_ROLE: "driver"},
        {"team": "etl", names.SPARK_ROLE: "worker"},
        {"team": "ads", "tier": "gold", names.SPARK_ROLE: "executor"},
        {"team": "ads", "tier": "", names.SPARK_ROLE: "executor"},
    )
    for left_out in ("", *labels)
]
TEAMS = [{"matchLabels": {"team": "etl"}}, {"matchLabels": {"team": "ads", "tier": "gold"}}]


@contextmanager
def configured(control_plane: ControlPlane, selector: dict[str, Any]) -> Iterator[str]:
    """The chart's configuration with `selector`; yields a namespace that has opted in."""
    version = control_plane.version
    values = {
        "policy": {"selector": selector},
        "webhook": {"failurePolicy": "Fail"},
        "kubeVersion": f"{version.major}.{version.minor}",
    }
    configuration = render(values).one("MutatingWebhookConfiguration", "spark-placement")
    for entry in configuration["webhooks"]:
        entry["clientConfig"]["caBundle"] = ""
    control_plane.create(CONFIGURATION.rpartition("/")[0], configuration)
    try:
        yield control_plane.create_namespace("selected", {names.PROFILE_LABEL: "default"})
    finally:
        control_plane.http.delete(CONFIGURATION)


def called(control_plane: ControlPlane, namespace: str, labels: dict[str, str]) -> bool:
    """Whether the webhook is called for a pod with `labels`."""
    pod = {"metadata": {"name": "p", "labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    answer = control_plane.http.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", json=pod)
    assert answer.is_success or "failed calling webhook" in answer.text, answer.text
    return not answer.is_success


def is_ours(labels: dict[str, str], profile: CompiledProfile) -> bool:
    return isinstance(role_of(Pod(ObjectMeta(labels=labels), PodSpec()), profile), Role)


@pytest.mark.parametrize(
    "alternatives",
    [
        ["kubeflow"],
        ["apache"],
        ["spark"],
        ["cluster"],
        TEAMS[1:],
        ["kubeflow", "cluster"],
        ["apache", "spark", *TEAMS],
        TEAMS,
        ["kubeflow", "apache", "spark", "cluster", *TEAMS],
    ],
    ids=str,
)
def test_the_webhook_is_called_for_exactly_the_pods_of_the_policy(
    control_plane: ControlPlane, alternatives: list[Any]
) -> None:
    """Before Kubernetes 1.28, which has matchConditions, it is called for more if there are several alternatives."""
    selector = {"anyOf": alternatives}
    policy = parse_policy(json.dumps({"selector": selector}).encode(), "policy.yaml")
    profile = compile_profile(policy, "default")
    with configured(control_plane, selector) as namespace:
        ours = [labels for labels in PODS if is_ours(labels, profile)]
        assert 0 < len(ours) < len(PODS)
        # The API server learns of a configuration a moment later.
        wait_for(lambda: called(control_plane, namespace, ours[0]))
        found = [labels for labels in PODS if called(control_plane, namespace, labels)]
    # It forgets one a moment later, too, and that of the next test has the same name.
    wait_for(lambda: not called(control_plane, namespace, ours[0]))
    assert [labels for labels in found if labels in ours] == ours
    if len(alternatives) == 1 or control_plane.version.serves_match_conditions:
        assert found == ours
    assert not [labels for labels in found if labels.get(names.SPARK_ROLE) in (None, "operator")]
