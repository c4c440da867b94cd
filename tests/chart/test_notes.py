"""templates/NOTES.txt: what to do next, and what needs attention."""

from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, RELEASE, render
from webhook.core.policy import Policy

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def test_the_next_three_commands_are_there() -> None:
    commands = [line.strip() for line in render().notes.splitlines() if line.startswith("     ")]
    assert commands == [
        f"helm test {RELEASE} --namespace {NAMESPACE}",
        "kubectl label namespace NAMESPACE spark-eci-webhook/profile=default",
        "kubectl get pods --namespace NAMESPACE -l spark-role -o custom-columns="
        "'NAME:.metadata.name,NODE:.spec.nodeName,PLACEMENT:.metadata.annotations.spark-eci-webhook/placement'",
    ]


def test_with_certificates_of_clients_there_is_no_test_to_run() -> None:
    notes = render({"settings": {"clientCa": "/etc/clients/ca.crt"}}).notes
    assert "helm test" not in notes
    assert [line for line in notes.splitlines() if line[:2] in ("1.", "2.")] == [
        "1. Give each API server a client certificate of a CA in settings.clientCa. The release has no test, because a test "
        "pod has no such certificate.",
        "2. Once that is done, and helm install ran with --wait, opt a namespace in to a profile (default, eci-first, "
        "eci-only, ecs-first, ecs-only, resource-policy):",
    ]


@pytest.mark.parametrize(
    ("source", "condition"),
    [
        ("self", ", and helm install ran with --wait"),
        ("cert-manager", ", and doctor finds the caBundle"),
        ("provided", ""),
    ],
)
def test_namespaces_are_labelled_only_when_the_api_server_can_call_the_service(source: str, condition: str) -> None:
    certificates = {"source": source, "provided": {"secretName": "tls", "caBundle": PEM}}
    notes = render({"certificates": certificates if source == "provided" else {"source": source}}).notes
    assert f"2. Once that succeeds{condition}, opt a namespace in to a profile (" in notes


def test_helms_namespace_and_that_of_the_objects_are_told_apart() -> None:
    notes = render({"namespaceOverride": "elsewhere", "kubeVersion": "1.20"}).notes
    assert f"is installed as {RELEASE} in elsewhere." in notes
    assert f"helm test {RELEASE} --namespace {NAMESPACE}\n" in notes
    assert "kubectl label namespace elsewhere kubernetes.io/metadata.name=elsewhere\n" in notes
    assert notes.count(NAMESPACE) == 1


def test_the_profiles_are_listed_and_none_but_default_is_recommended() -> None:
    notes = render({"policy": {"profiles": {"aaa": {}}}}).notes
    assert f"({', '.join(sorted(['aaa', *Policy().profiles]))})" in notes
    assert "spark-eci-webhook/profile=default\n" in notes
    without = render({"policy": {"profiles": {"default": None}}}).notes
    assert f"({', '.join(sorted(Policy().profiles.keys() - {'default'}))})" in without
    assert "spark-eci-webhook/profile=PROFILE\n" in without


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"kubeVersion": "1.20"},
            f"kubectl label namespace {NAMESPACE} kubernetes.io/metadata.name={NAMESPACE}",
        ),
        (
            {"webhook": {"failurePolicy": "Fail"}},
            "are refused. The same happens to pods of a new profile until the certificate controller has written its "
            "caBundle.",
        ),
        (
            {"certificates": {"source": "self"}, "image": {"repository": "team/hook"}},
            "image.repository team/hook names no registry: nodes that do not have the image team/hook:1.0.0 take it from "
            "docker.io.",
        ),
        (
            {"webhook": {"configurationName": "placement"}},
            "webhook.configurationName placement does not sort between spark-operator-webhook and vk-webhook",
        ),
        (
            {"overflow": {"enabled": True}},
            "kubectl get pods --all-namespaces -l spark-eci-webhook/overflow -L spark-eci-webhook/overflow",
        ),
        (
            {"page": {"enabled": True, "port": 9081}},
            "Each replica has a page, and its container the entries of page.resources in place of those of resources. "
            "Forward the port of one, and open http://127.0.0.1:9081:",
        ),
        (
            {"page": {"enabled": True, "port": 9081}},
            f"kubectl port-forward --namespace {NAMESPACE} deployment/{FULLNAME} 9081\n",
        ),
        (
            {"webhook": {"defaultProfile": "eci-only"}},
            "Every namespace without the label is placed by the profile eci-only, apart from kube-node-lease, "
            f"kube-public, kube-system and {NAMESPACE}. A namespace opts out with: ",
        ),
        (
            {"overflow": {"enabled": True}, "kubeVersion": "1.29"},
            "It may patch every pod of the cluster, because this Kubernetes has no ValidatingAdmissionPolicy. List its "
            "namespaces in overflow.namespaces.",
        ),
        (
            {"overflow": {"enabled": True}, "kubeVersion": "1.29", "webhook": {"defaultProfile": "ecs-then-eci"}},
            "To list its namespaces in overflow.namespaces, set webhook.defaultProfile to a profile without the mode "
            "ecs-then-eci.",
        ),
    ],
)
def test_what_needs_attention_is_said_only_if_it_applies(values: dict[str, Any], sentence: str) -> None:
    assert sentence in render(values).notes.replace("\n", " ").replace("  ", " ") + render(values).notes
    assert sentence not in render().notes


@pytest.mark.parametrize(
    "values", [{"kubeVersion": "1.30"}, {"kubeVersion": "1.29", "overflow": {"namespaces": ["etl"]}}]
)
def test_the_risk_of_patching_pods_is_said_where_nothing_limits_it(values: dict[str, Any]) -> None:
    values["overflow"] = {"enabled": True} | values.get("overflow", {})
    assert "It may patch every pod" not in render(values).notes
