"""What `doctor` finds where the cluster is as none that can be made: the rest is tried on a real API server."""

import base64
import dataclasses
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.cluster import Cluster, ClusterError
from tests.cli.conftest import ROOT
from tests.virtual_node import TAINT
from webhook.cli.doctor.certificate import bundle_of, check_certificates
from webhook.cli.doctor.examination import examine
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.namespaces import check_namespaces
from webhook.cli.doctor.nodes import check_nodes
from webhook.cli.doctor.resource_policies import check_resource_policies
from webhook.cli.doctor.service import Contact
from webhook.cli.doctor.snapshot import Snapshot
from webhook.cli.doctor.spark_pods import check_spark_pods
from webhook.core.policy import Policy
from webhook.service.policy_file import parse_policy

UNKNOWN = Unknown("it", "there is no such right", "kubectl auth can-i it")
UNREACHED = Contact("", UNKNOWN, None)


def installed(bundle: bytes, **client: Any) -> Installation:
    config = {"service": {"name": "webhook", "namespace": "spark", "path": "/mutate/default"}} | client
    config["caBundle"] = base64.b64encode(bundle).decode()
    entry = {"name": "default.spark-eci-webhook.io", "clientConfig": config}
    configuration = {"metadata": {"name": "spark-placement"}, "webhooks": [entry]}
    unknown = (UNKNOWN, UNKNOWN, UNKNOWN)
    return Installation(configuration, "spark", "webhook", *unknown, "tls", UNKNOWN, Policy(), controller=True)


def test_a_bundle_that_is_no_certificate_is_a_fault() -> None:
    """API servers of today refuse one; older ones stored it."""
    broken = installed(b"rubbish")
    assert bundle_of(broken) == b""
    findings = list(check_certificates(broken, UNREACHED, datetime.now(UTC)))
    assert [(one.level, one.sentence) for one in findings] == [
        (Level.FAULT, "a caBundle of spark-placement holds no readable PEM certificate"),
        (Level.WARNING, "it could not be checked: there is no such right"),
        (Level.WARNING, "it could not be checked: there is no such right"),
    ]


def test_certificates_are_fixed_where_they_come_from() -> None:
    """By the certificate controller, by cert-manager, and where there is neither by hand."""
    own = dataclasses.replace(installed(b""), secret={})
    metadata = {"name": "spark-placement", "annotations": {"cert-manager.io/inject-ca-from": "spark/webhook"}}
    cert_manager = dataclasses.replace(own, configuration=own.configuration | {"metadata": metadata}, controller=False)
    provided = dataclasses.replace(own, controller=False)
    logs = "kubectl logs deployment/webhook-certificate-controller --tail 50 --namespace spark"
    describe = "kubectl describe certificate webhook --namespace spark"
    for one, bundle, secret in (
        (own, logs, logs),
        (cert_manager, describe, describe),
        (
            provided,
            "helm upgrade spark-eci-webhook charts/spark-eci-webhook --namespace spark --reuse-values "
            "--set-file certificates.provided.caBundle=ca.crt",
            "kubectl create secret tls tls --namespace spark --cert tls.crt --key tls.key --dry-run=client -o yaml "
            "| kubectl apply -f -",
        ),
    ):
        findings = check_certificates(one, UNREACHED, datetime.now(UTC))
        assert [found.fix for found in findings if found.level is Level.FAULT] == [bundle, secret, secret]


def snapshot(policies: Any, connects: Any) -> Snapshot:
    return Snapshot(UNKNOWN, None, UNKNOWN, {}, UNKNOWN, {"etl": policies}, {"etl": connects})


COUNTING = {
    "metadata": {"name": "counting"},
    "spec": {"matchLabelKeys": ["sparkoperator.k8s.io/submission-id"]},
}


@pytest.mark.parametrize(
    ("policies", "connects", "level", "sentence"),
    [
        (UNKNOWN, None, Level.WARNING, "it could not be checked: there is no such right"),
        (
            None,
            None,
            Level.FAULT,
            "etl uses mode resource-policy, but the cluster has no kind ResourcePolicy",
        ),
        ([COUNTING], UNKNOWN, Level.WARNING, "it could not be checked: there is no such right"),
        ([COUNTING], None, Level.OK, "etl has counting"),
    ],
)
def test_resource_policies_that_cannot_be_looked_at(policies: Any, connects: Any, level: Level, sentence: str) -> None:
    (found,) = check_resource_policies(snapshot(policies, connects))
    assert (found.level, found.sentence) == (level, sentence)


def test_profiles_are_not_judged_by_configurations_that_cannot_be_looked_at() -> None:
    etl = {"metadata": {"name": "etl", "labels": {"spark-eci-webhook/profile": "default"}}}
    seen = Snapshot(UNKNOWN, None, [etl], {"etl": []}, [], {}, {})
    sentence = "opted in: etl (default); their profiles could not be checked: there is no such right"
    assert list(check_namespaces(seen)) == [Finding("namespaces", Level.WARNING, sentence, UNKNOWN.fix)]


LABEL = {"type": "virtual-kubelet"}
ARM = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}
FIRST, SECOND = "virtual-kubelet.io/provider=alibabacloud:NoSchedule", "kubernetes.io/arch=arm64:NoSchedule"


@pytest.mark.parametrize(
    ("labels", "taints", "level", "sentence", "fix"),
    [
        (
            {},
            [ARM],
            Level.WARNING,
            "no node has the label type=virtual-kubelet",
            "kubectl get nodes --selector type=virtual-kubelet",
        ),
        (
            LABEL,
            [TAINT],
            Level.OK,
            f"nodes with the label type=virtual-kubelet and the taint {FIRST} or {SECOND}: node",
            "",
        ),
        (
            {},
            [TAINT, ARM],
            Level.FAULT,
            f"nodes with the taint {FIRST} but without the label type=virtual-kubelet: node",
            "kubectl label node node type=virtual-kubelet",
        ),
        (
            LABEL,
            [],
            Level.WARNING,
            f"nodes with the label type=virtual-kubelet but without the taint {FIRST} or {SECOND}, so any pod may run there: node",
            f"kubectl taint node node {FIRST}",
        ),
    ],
    ids=["Arm ECS", "x86 virtual node", "unlabelled", "bare"],
)
def test_of_two_taints_the_first_tells_a_virtual_node(
    labels: dict[str, str], taints: list[Any], level: Level, sentence: str, fix: str
) -> None:
    node = {"metadata": {"name": "node", "labels": labels}, "spec": {"taints": taints}}
    policy = parse_policy(json.dumps({"virtualNode": {"taints": [TAINT, ARM]}}).encode(), "policy.yaml")
    seen = Snapshot([], dataclasses.replace(installed(b""), policy=policy), [], {}, [node], {}, {})
    assert list(check_nodes(seen)) == [Finding("virtual nodes", level, sentence, fix)]


LAUNCHED = {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}


@pytest.mark.parametrize(
    ("ours", "theirs", "level"),
    [
        (LAUNCHED, {}, Level.OK),
        (LAUNCHED, LAUNCHED | {"spark-role": "executor"}, Level.OK),
        ({"team": "etl"}, LAUNCHED, Level.OK),
        ({"team": "etl"}, {"team": "web"}, Level.FAULT),
    ],
)
def test_a_resource_policy_is_for_other_pods_where_a_label_contradicts(
    ours: dict[str, str], theirs: dict[str, str], level: Level
) -> None:
    policy = parse_policy(json.dumps({"selector": {"matchLabels": ours}}).encode(), "policy.yaml")
    selecting = {"metadata": {"name": "selecting"}, "spec": {"selector": theirs}}
    seen = dataclasses.replace(
        snapshot([selecting], []), installation=dataclasses.replace(installed(b""), policy=policy)
    )
    (found,) = check_resource_policies(seen)
    assert found.level is level


@pytest.mark.parametrize(
    ("executor", "named"),
    [(None, True), ({}, True), ({"rollout": 0}, False), ({"observe": True}, False)],
    ids=["policy unread", "placed", "outside the rollout", "observed"],
)
def test_pods_that_are_meant_to_carry_no_placement_are_passed_over(executor: Any, *, named: bool) -> None:
    """Where the policy cannot be read, nobody knows that they are."""
    text = json.dumps({"profiles": {"default": {"executor": executor}}}).encode()
    policy = UNKNOWN if executor is None else parse_policy(text, "policy.yaml")
    etl = {"metadata": {"name": "etl", "labels": {"spark-eci-webhook/profile": "default"}}}
    pod = {"metadata": {"name": "pi", "labels": LAUNCHED | {"spark-role": "executor"}}, "spec": {"containers": []}}
    ours = dataclasses.replace(installed(b""), policy=policy)
    found = list(check_spark_pods(Snapshot([], ours, [etl], {"etl": [pod]}, [], {}, {})))
    assert [one.sentence.endswith(": pi") for one in found] == [True] * named


@pytest.mark.parametrize("key", ["sparkoperator.k8s.io/app-name", "sparkoperator.k8s.io/submission-id"])
def test_a_resource_policy_that_counts_by_what_spark_connect_lacks(key: str) -> None:
    counting: dict[str, Any] = {"metadata": {"name": "counting"}, "spec": {"matchLabelKeys": [key]}}
    connects = [{"metadata": {"name": "shared"}}]
    sentence = f"counting of etl counts by {key}, a label that SparkConnect pods lack, so it rejects those of shared"
    fix = "kubectl edit resourcepolicy counting --namespace etl"
    assert list(check_resource_policies(snapshot([counting], connects))) == [
        Finding("ResourcePolicies", Level.FAULT, sentence, fix)
    ]
    counting["spec"]["selector"] = {"sparkoperator.k8s.io/app-name": "pi"}
    (found,) = check_resource_policies(snapshot([counting], connects))
    assert (found.level, found.sentence) == (Level.OK, "etl has counting")


class Scripted(Cluster):
    """Answers from a script, by path and query; everything else is refused."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__(None)
        self.answers = answers

    def _request(self, method: str, path: str, query: Any, body: Any = None, what: str = "") -> Any:
        assert (method, body, what) == ("GET", None, "")
        key = f"{path}?{query.get('continue', '')}"
        if key not in self.answers:
            raise ClusterError("refused")
        return self.answers[key]


def test_long_collections_are_read_page_by_page() -> None:
    pages: dict[str, Any] = {
        "/nodes?": {"items": [1, 2], "metadata": {"continue": "more"}},
        "/nodes?more": {"items": [3], "metadata": {"continue": "most"}},
        "/nodes?most": {"items": None, "metadata": {}},
    }
    found: list[Any] = [*Scripted(pages).items("/nodes")]
    assert found == [1, 2, 3]


def test_a_configuration_that_names_a_url_is_passed_over() -> None:
    """As where the service runs outside the cluster."""
    entry = {
        "name": "default.spark-eci-webhook.io",
        "clientConfig": {"url": "https://example.org/mutate/default"},
        "reinvocationPolicy": "IfNeeded",
    }
    configuration = {"metadata": {"name": "spark-placement"}, "webhooks": [entry]}
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?"
    found = examine(Scripted({path: {"items": [configuration], "metadata": {}}}))
    assert [(one.check, one.level) for one in found] == [
        ("configuration", Level.OK),
        ("order", Level.OK),
        ("service", Level.WARNING),
        ("namespaces", Level.WARNING),
        ("virtual nodes", Level.WARNING),
    ]
    assert found[0].sentence == "spark-placement has the profiles default"
    assert found[2].sentence == (
        "spark-placement calls a URL instead of a Service, so the service and its certificate were not checked"
    )


def kubeconfig(user: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "one", "user": user}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "current-context": "one",
        }
    )


PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
ACCEPTED = "accepted: a kubeconfig"
NO_KUBECONFIG = f"not a kubeconfig, or one with an auth-provider that is not supported; {ACCEPTED}"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: b: c", f'mapping values are not allowed here in "{{}}", line 1, column 5; {ACCEPTED}'),
        ("[1, 2]", NO_KUBECONFIG),
        (kubeconfig({"auth-provider": {"name": "gcp"}}), NO_KUBECONFIG),
        (kubeconfig({"exec": PLUGIN}), f"[Errno 2] No such file or directory: 'no-such-plugin'; {ACCEPTED}"),
    ],
    ids=["not YAML", "a list", "gcp", "no exec plugin"],
)
def test_a_kubeconfig_that_cannot_be_used(content: str, sentence: str, tmp_path: Path) -> None:
    """In a process of its own: the client reads KUBECONFIG when it is imported, and logs to the real stderr."""
    file = tmp_path / "config"
    file.write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "webhook", "doctor"]
    variables = os.environ | {"KUBECONFIG": str(file)}
    ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"no cluster: {sentence.format(file)}\n")
