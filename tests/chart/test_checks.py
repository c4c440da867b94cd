"""templates/checks.yaml: values that break a rule which the schema cannot express are refused in one sentence."""

import base64
from typing import Any

import pytest

from tests.chart.manifests import refusal, render
from webhook.core.names import RESERVED_PROFILES

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
OWN = {"app.kubernetes.io/name": "spark-eci-webhook"}
LABELS = {"sparkoperator.k8s.io/launched-by-spark-operator": None} | OWN


def resource_policy(**fields: Any) -> dict[str, Any]:
    spec = {"selector": {}, "strategy": "prefer", "units": [{"resource": "ecs"}, {"resource": "eci"}], **fields}
    return {"resourcePolicies": {"namespaces": {"default": {"spark": spec}}}}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"replicas": 0},
            "replicas is 0, but podDisruptionBudget.enabled is true: set podDisruptionBudget.enabled to false or "
            "replicas to 1 or more",
        ),
        (
            {"terminationGracePeriodSeconds": 20},
            "terminationGracePeriodSeconds is 20, but a replica needs more than 20 s to stop: preStopSeconds 5, "
            "settings.drainSeconds 10 and settings.stopSeconds 5",
        ),
        (
            {"autoscaling": {"enabled": True, "minReplicas": 9}},
            "autoscaling.minReplicas is 9, more than autoscaling.maxReplicas 6: set it to 6 or less",
        ),
        (
            {"certificates": {"source": "provided", "provided": {"caBundle": PEM}}},
            'certificates.provided.secretName is empty: with certificates.source "provided" it must be the name of a '
            "kubernetes.io/tls Secret with the serving certificate",
        ),
        (
            {"certificates": {"source": "provided", "provided": {"secretName": "ours"}}},
            "certificates.provided.caBundle is empty: set it to the CA's certificate in PEM, with which the API server "
            "verifies the service",
        ),
        (
            {"certificates": {"source": "provided", "provided": {"secretName": "ours", "caBundle": None}}},
            "certificates.provided.caBundle is empty: set it to the CA's certificate in PEM, with which the API server "
            "verifies the service",
        ),
        (
            {"certificates": {"source": "provided", "provided": {"secretName": "ours", "caBundle": "rubbish"}}},
            "certificates.provided.caBundle holds no certificate: set it to PEM with -----BEGIN CERTIFICATE-----, plain or "
            "in base64",
        ),
        (
            {"commonLabels": {"app.kubernetes.io/name": "mine"}},
            "commonLabels: app.kubernetes.io/name is set by the chart: remove it",
        ),
        *(
            (
                {"commonAnnotations": {"a": "b", key: value}},
                f"commonAnnotations: {key} is for hooks, and would be on every object: remove it",
            )
            for key, value in (
                ("helm.sh/hook", "pre-install"),
                ("helm.sh/hook-weight", "1"),
                ("helm.sh/hook-delete-policy", "hook-succeeded"),
            )
        ),
        *(
            (
                {"policy": {"profiles": {name: {}}}},
                f"policy.profiles: the name {name} is reserved for {whom}: choose another name",
            )
            for name, whom in RESERVED_PROFILES.items()
        ),
        *(
            (
                {"webhook": {"defaultProfile": name}},
                f"webhook.defaultProfile: there is no profile {name}: set it to one of default, eci-first, eci-only, "
                "ecs-first, ecs-only, resource-policy, or to nothing",
            )
            for name in ("mine", *RESERVED_PROFILES)
        ),
        (
            {"webhook": {"defaultProfile": "default"}, "policy": {"profiles": {"default": None}}},
            "webhook.defaultProfile: there is no profile default: set it to one of eci-first, eci-only, ecs-first, "
            "ecs-only, resource-policy, or to nothing",
        ),
        (
            {"webhook": {"defaultProfile": "ecs-then-eci"}},
            "webhook.defaultProfile: there is no profile ecs-then-eci: set it to one of default, eci-first, eci-only, "
            "ecs-first, ecs-only, resource-policy, or to nothing",
        ),
        (
            {"webhook": {"defaultProfile": "default"}, "kubeVersion": "1.20"},
            "webhook.defaultProfile needs Kubernetes 1.21 or later: an older one does not label namespaces with their "
            "names, so that system namespaces could not be left out",
        ),
        (
            {"postSync": {"enabled": True}, "settings": {"clientCa": "/etc/clients/ca.crt"}},
            "postSync.enabled is true, but with settings.clientCa the service refuses the Job, which has no client "
            "certificate: set postSync.enabled to false",
        ),
        (
            {
                "policy": {"selector": {"anyOf": ["kubeflow", {"matchLabels": OWN}]}},
                "certificates": {"controller": {"podLabels": {"spark-role": "master"}}},
            },
            "policy.selector selects the chart's own pods: remove spark-role from certificates.controller.podLabels",
        ),
        (
            {"podLabels": {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "driver"}},
            "policy.selector selects the chart's own pods: remove spark-role from podLabels",
        ),
        (
            {
                "policy": {"selector": {"anyOf": ["cluster", "spark"]}},
                "podLabels": {"spark-app-selector": "a", "spark-role": "driver"},
            },
            "policy.selector selects the chart's own pods: remove spark-role from podLabels",
        ),
        (
            {
                "policy": {"selector": {"anyOf": ["kubeflow", {"matchLabels": OWN}]}},
                "overflow": {"podLabels": {"spark-role": "worker"}},
            },
            "policy.selector selects the chart's own pods: remove spark-role from overflow.podLabels",
        ),
        (
            resource_policy(matchLabelKeys=["sparkoperator.k8s.io/submission-id"]),
            "resourcePolicies.namespaces.default.spark: matchLabelKeys counts pods against max, but no unit has max: "
            "set max in a unit or remove matchLabelKeys",
        ),
        (
            resource_policy(ignorePreviousPod=True),
            "resourcePolicies.namespaces.default.spark: ignorePreviousPod counts pods against max, but no unit has "
            "max: set max in a unit or remove ignorePreviousPod",
        ),
        (
            resource_policy(ignoreTerminatingPod=False),
            "resourcePolicies.namespaces.default.spark: ignoreTerminatingPod counts pods against max, but no unit has "
            "max: set max in a unit or remove ignoreTerminatingPod",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(values: dict[str, Any], sentence: str) -> None:
    assert refusal(values).rstrip().endswith(sentence)


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 0, "podDisruptionBudget": {"enabled": False}},
        {"replicas": 0, "autoscaling": {"enabled": True}},
        {"terminationGracePeriodSeconds": 21},
        {"commonAnnotations": {"helm.sh/resource-policy": "keep"}},
        {"webhook": {"defaultProfile": ""}},
        {"postSync": {"enabled": True}, "settings": {"clientCa": None}},
        {"postSync": {"enabled": False}, "settings": {"clientCa": "/etc/clients/ca.crt"}},
        {"podLabels": {"spark-role": "driver"}},
        {"policy": {"selector": {"matchLabels": LABELS}}, "podLabels": {"spark-role": "operator"}},
        {
            "certificates": {
                "source": "provided",
                "provided": {"secretName": "ours", "caBundle": base64.b64encode(PEM.encode()).decode()},
            }
        },
        resource_policy(),
        resource_policy(ignorePreviousPod=True, units=[{"resource": "ecs", "max": 2}, {"resource": "eci"}]),
    ],
)
def test_what_can_work_is_not_refused(values: dict[str, Any]) -> None:
    assert render(values).objects


WAITING = {"mode": "ecs-then-eci"}
SOME = {"enabled": True, "namespaces": ["etl"]}


@pytest.mark.parametrize(
    "profile",
    [
        {"driver": WAITING},
        {"executor": WAITING},
        {"executor": {"mode": "eci-only", "first": {"count": 2, **WAITING}}},
        {"executor": {"mix": [{"percent": 99, "mode": "eci-only"}, {"percent": 1, **WAITING}]}},
    ],
)
def test_no_pod_of_the_default_profile_waits_where_the_controller_does_not_see_it(profile: dict[str, Any]) -> None:
    def values(**changed: Any) -> dict[str, Any]:
        given = {"webhook": {"defaultProfile": "mine"}, "policy": {"profiles": {"mine": profile}}, "overflow": SOME}
        return given | changed

    assert (
        refusal(values())
        .rstrip()
        .endswith(
            "overflow.namespaces: pods of webhook.defaultProfile mine wait in every namespace without the label, but the "
            "controller would open them in the listed ones alone: leave overflow.namespaces empty, or set "
            "webhook.defaultProfile to a profile without the mode ecs-then-eci"
        )
    )
    assert render(values(overflow={"enabled": True})).objects
    assert render(values(webhook={"defaultProfile": "default"})).objects
    assert render(values(webhook={})).objects
