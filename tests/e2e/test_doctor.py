"""`doctor` on a real API server: healthy, and with each fault made on purpose and undone."""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.authority import KeyPair, issue, new_authority
from certs.cluster import Cluster
from tests.chart.rendered import FULLNAME
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import ANYTHING, DEFINITIONS, definition
from tests.e2e.kubelet import kubelet
from tests.e2e.release import Release, serving
from tests.e2e.service_proxy import ServiceProxy
from tests.pods import MODES
from tests.virtual_node import TAINT
from tests.waiting import wait_for
from webhook.cli.doctor.examination import examine
from webhook.core.policy import Policy

pytestmark = pytest.mark.needs("control-plane")

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
CONFIGURATION = f"{CONFIGURATIONS}/spark-placement"
PROFILES = ", ".join(sorted(["default", *MODES]))
PROFILE = "spark-eci-webhook/profile"
POD = f"{FULLNAME}-0"
DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
Found = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Healthy:
    """An installation in which all is well."""

    release: Release
    etl: str
    """A namespace in the profile default, with a driver and an executor."""
    strict: str
    """A namespace in the profile resource-policy, with a ResourcePolicy."""

    @property
    def control_plane(self) -> ControlPlane:
        return self.release.control_plane

    @property
    def inside(self) -> str:
        return f"/api/v1/namespaces/{self.release.namespace}"

    def found(self, namespace: str | None = None) -> Found:
        """What is not well: check, level, sentence."""
        return [one for one in self.everything(namespace) if one[1] != "ok"]

    def everything(self, namespace: str | None = None) -> Found:
        findings = examine(Cluster(self.control_plane.api), namespace)
        assert all(bool(one.fix) is (one.level != "ok") for one in findings)
        assert all("\n" not in one.sentence for one in findings)
        return [(one.check, one.level.value, one.sentence) for one in findings]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own: the doctor looks at the whole cluster, and other tests leave theirs as they like."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture(scope="module")
def healthy(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    with ExitStack() as ends:
        for name in ("ResourcePolicy", "SparkConnect"):
            ends.enter_context(served(control_plane, name))
        for name, labels, taints in (
            ("ecs", {}, []),
            ("virtual-kubelet", {"type": "virtual-kubelet"}, [TAINT]),
        ):
            node = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}}
            ends.enter_context(created(control_plane, "/api/v1/nodes", node))
        release = ends.enter_context(
            serving(control_plane, control_plane.create_namespace("placement"), tmp_path_factory.mktemp("node"))
        )
        # It would heal what is broken here on purpose.
        assert release.controller is not None
        release.controller.stop()
        ends.enter_context(reachable(release))
        etl = control_plane.create_namespace("etl", {PROFILE: "default"})
        strict = control_plane.create_namespace("strict", {PROFILE: "resource-policy"})
        written = spark_eci_webhook("resource-policy", "-n", strict, "--ecs-max", "2", "--per-application").stdout
        control_plane.create(resource_policies(strict), yaml.safe_load(written))
        for role in ("driver", "executor"):
            create_pod(control_plane, etl, role)
        yield Healthy(release, etl, strict)
        for namespace in (etl, strict):
            label(control_plane, namespace, {PROFILE: None})


def test_all_is_well(healthy: Healthy) -> None:
    days = 89
    found = healthy.everything()
    presented = next(sentence for check, _, sentence in found if check == "certificates")
    assert presented.startswith(f"caBundle, Secret and service certificate match, valid for {days} days, until 20")
    assert [(check, level) for check, level, _ in found] == [
        ("configuration", "ok"),
        ("order", "ok"),
        ("certificates", "ok"),
        ("service", "ok"),
        ("namespaces", "ok"),
        ("outranked", "ok"),
        ("pods", "ok"),
        ("virtual nodes", "ok"),
        ("ResourcePolicies", "ok"),
    ]
    assert [sentence for check, _, sentence in found if check != "certificates"] == [
        f"spark-placement has the profiles {PROFILES}",
        "spark-placement is called last",
        "1 ready; answered a review through the API server's proxy: "
        f"mode=ecs-first,profile=default,policy={Policy().digest}",
        f"opted in: {healthy.etl} (default), {healthy.strict} (resource-policy)",
        "no namespace and no Spark pod has the label alibabacloud.com/eci or alibabacloud.com/acs",
        "2 running Spark pods have a placement",
        "nodes with the label type=virtual-kubelet and the taint virtual-kubelet.io/provider=alibabacloud:NoSchedule: "
        "virtual-kubelet",
        f"{healthy.strict} has sparkapplication-resource-policy",
    ]


def test_no_configuration(healthy: Healthy) -> None:
    with without(healthy.control_plane, CONFIGURATIONS, "spark-placement"):
        assert healthy.found()[0] == (
            "configuration",
            "fault",
            "this webhook has no MutatingWebhookConfiguration, so no pod is placed",
        )
    assert healthy.found() == []


def configuration(name: str, entry: str) -> dict[str, Any]:
    """A configuration that changes new pods, of no namespace that there is."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    webhook = {
        "name": entry,
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"there": "is-none"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
    }
    return {"metadata": {"name": name}, "webhooks": [webhook]}


@pytest.mark.parametrize(
    ("name", "entry", "findings"),
    [
        ("spark-operator-webhook", "mutate--v1-pod.sparkoperator.k8s.io", []),
        ("vk-webhook", "vk.aliyun.com", []),
        (
            "spark-z-operator",
            "mutate--v1-pod.sparkoperator.k8s.io",
            [("order", "fault", "spark-placement is called before spark-z-operator, ")],
        ),
        (
            "zz-sidecars",
            "sidecars.example.org",
            [("order", "warning", "spark-placement is called before zz-sidecars, ")],
        ),
    ],
)
def test_who_is_called_later(healthy: Healthy, name: str, entry: str, findings: Found) -> None:
    with created(healthy.control_plane, CONFIGURATIONS, configuration(name, entry)):
        found = healthy.found()
    expected = [(*rest, sentence + "which may overwrite the placement") for *rest, sentence in findings]
    assert found == expected


def test_who_is_called_before_is_named(healthy: Healthy) -> None:
    operators = configuration("spark-operator-webhook", "mutate--v1-pod.sparkoperator.k8s.io")
    with created(healthy.control_plane, CONFIGURATIONS, operators):
        assert ("order", "ok", "spark-placement is called last, after spark-operator-webhook") in healthy.everything()


def test_a_second_configuration(healthy: Healthy) -> None:
    with created(healthy.control_plane, CONFIGURATIONS, configuration("spark-second", "default.spark-eci-webhook.io")):
        assert healthy.found() == [
            (
                "configuration",
                "warning",
                f"spark-placement has the profiles {PROFILES}, but spark-second places the same pods",
            )
        ]


def test_an_entry_that_is_not_called_again(healthy: Healthy) -> None:
    with entries(healthy.control_plane, lambda entry: entry | {"reinvocationPolicy": "Never"}, only="eci-only"):
        assert healthy.found() == [
            (
                "order",
                "warning",
                "eci-only.spark-eci-webhook.io is not called again if a later webhook changes the pod",
            )
        ]


def bundle(pem: bytes) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda entry: {
        **entry,
        "clientConfig": {**entry["clientConfig"], "caBundle": base64.b64encode(pem).decode()},
    }


def test_an_entry_without_a_bundle(healthy: Healthy) -> None:
    with entries(healthy.control_plane, bundle(b""), only="ecs-first"):
        assert healthy.found() == [
            (
                "certificates",
                "fault",
                "ecs-first.spark-eci-webhook.io of spark-placement has no caBundle, "
                "so the API server cannot trust the service",
            )
        ]


def test_a_bundle_is_fixed_where_the_certificates_come_from(healthy: Healthy) -> None:
    """The controller is looked for, and after it cert-manager and a Secret of one's own."""
    control_plane, controller = healthy.control_plane, f"{FULLNAME}-certificate-controller"
    deployments = f"/apis/apps/v1/namespaces/{healthy.release.namespace}/deployments"

    def fix() -> str:
        return next(one.fix for one in examine(Cluster(control_plane.api)) if one.level == "fault")

    with entries(control_plane, bundle(b""), only="ecs-first"):
        assert fix().startswith(f"kubectl logs deployment/{controller} ")
        with without(control_plane, deployments, controller):
            assert fix().endswith(" --set-file certificates.provided.caBundle=ca.crt")
            injected = {"cert-manager.io/inject-ca-from": f"{healthy.release.namespace}/{FULLNAME}"}
            with patched(control_plane, CONFIGURATION, {"metadata": {"annotations": injected}}):
                assert fix().startswith(f"kubectl describe certificate {FULLNAME} ")


def test_a_bundle_of_another_authority(healthy: Healthy) -> None:
    stranger = new_authority(datetime.now(UTC))
    with entries(healthy.control_plane, bundle(stranger.certificate_pem)):
        (stored, presented) = healthy.found()
    secret = f"the Secret {healthy.release.namespace}/{FULLNAME}-tls"
    assert stored[:2] == presented[:2] == ("certificates", "fault")
    assert stored[2].startswith(f"{secret}: tls.crt is not signed by any certificate of the caBundle, but by CN=")
    assert presented[2].startswith("the service, reached at the ClusterIP 127.77.")
    assert (
        "presents a certificate that the caBundle does not trust: unable to get local issuer certificate"
        in presented[2]
    )


def test_entries_with_different_bundles(healthy: Healthy) -> None:
    stranger = new_authority(datetime.now(UTC))
    with entries(healthy.control_plane, bundle(stranger.certificate_pem), only="unknown-profile"):
        assert healthy.found() == [
            ("certificates", "fault", "the entries of spark-placement have different caBundles"),
        ]


def test_no_secret(healthy: Healthy) -> None:
    with without(healthy.control_plane, f"{healthy.inside}/secrets", f"{FULLNAME}-tls"):
        (found,) = healthy.found()
    assert found == (
        "certificates",
        "warning",
        f'the Secret {FULLNAME}-tls could not be checked: secrets "{FULLNAME}-tls" not found',
    )


@pytest.mark.parametrize(
    ("age", "faults"),
    [
        (timedelta(days=91), ["fault: tls.crt expired on ", "warning: presents another certificate"]),
        (timedelta(days=80), ["warning: tls.crt expires in 9 days", "warning: presents another certificate"]),
    ],
)
def test_a_certificate_that_was_not_renewed(healthy: Healthy, age: timedelta, faults: list[str]) -> None:
    authority = new_authority(datetime.now(UTC) - timedelta(days=100))
    pair = issue(authority, [f"{FULLNAME}.{healthy.release.namespace}.svc"], datetime.now(UTC) - age)
    both = trusted(healthy) + authority.certificate_pem
    with entries(healthy.control_plane, bundle(both)), secret(healthy, pair, both):
        found = healthy.found()
    assert len(found) == len(faults)
    for (check, level, sentence), fault in zip(found, faults, strict=True):
        expected_level, _, expected = fault.partition(": ")
        assert (check, level) == ("certificates", expected_level)
        assert expected in sentence


def test_a_key_that_does_not_belong(healthy: Healthy) -> None:
    stored = healthy.control_plane.get(f"{healthy.inside}/secrets/{FULLNAME}-tls")["data"]
    other = issue(new_authority(datetime.now(UTC)), ["other"], datetime.now(UTC))
    pair = {"tls.crt": stored["tls.crt"], "tls.key": base64.b64encode(other.key_pem).decode()}
    with patched(healthy.control_plane, f"{healthy.inside}/secrets/{FULLNAME}-tls", {"data": pair}):
        assert healthy.found() == [
            (
                "certificates",
                "fault",
                f"the Secret {healthy.release.namespace}/{FULLNAME}-tls: tls.key does not belong to tls.crt",
            )
        ]


def test_a_service_without_endpoints(healthy: Healthy) -> None:
    path = f"{healthy.inside}/endpoints/{FULLNAME}"
    with patched(healthy.control_plane, path, {"subsets": None}):
        assert healthy.found() == [
            (
                "service",
                "fault",
                f"the Service {healthy.release.namespace}/{FULLNAME} has no ready endpoint",
            )
        ]


def test_where_the_proxy_does_not_reach_the_pods_the_clusters_address_does(healthy: Healthy) -> None:
    with patched(healthy.control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", {"subsets": [nobody(healthy)]}):
        assert healthy.found() == []
        (sentence,) = [sentence for check, _, sentence in healthy.everything() if check == "service"]
    assert sentence.startswith("1 ready; answered a review at the ClusterIP 127.77.")


def test_a_port_forward_is_the_other_way(healthy: Healthy, tmp_path: Path) -> None:
    """What the service presents is seen through it, and a review answered where the API server's proxy cannot."""
    control_plane, pod, target = healthy.control_plane, "zz-by-kubelet", healthy.release.pods[0]
    (port,) = free_ports(1, own_address())
    node = {
        "metadata": {"name": "with-kubelet"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": own_address()}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        },
    }
    stored = control_plane.get(f"{healthy.inside}/pods/{POD}")
    spec = {"nodeName": "with-kubelet", "containers": stored["spec"]["containers"]}
    body = {"metadata": {"name": pod, "labels": stored["metadata"]["labels"]}, "spec": spec}
    unreachable = {"subsets": [nobody(healthy)]}
    with (
        kubelet(own_address(), port, (target.address, target.port("https")), tmp_path),
        created(control_plane, "/api/v1/nodes", node),
        created(control_plane, f"{healthy.inside}/pods", body),
        patched(control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", unreachable),
    ):
        control_plane.patch(f"{healthy.inside}/pods/{pod}/status", {"status": {"phase": "Running"}})
        sentences = {check: sentence for check, _, sentence in healthy.everything()}
        stranger = new_authority(datetime.now(UTC))
        with entries(control_plane, bundle(stranger.certificate_pem)):
            presented = healthy.found()[-1]
    assert sentences["certificates"].startswith("caBundle, Secret and service certificate match, valid for ")
    assert sentences["service"].startswith(f"1 ready; answered a review through a port-forward to the pod {pod}: ")
    assert presented[2].startswith(
        f"the service, reached through a port-forward to the pod {pod}, presents a certificate"
    )


def test_a_policy_that_is_not_in_force(healthy: Healthy) -> None:
    changed = {"data": {"policy.yaml": "profiles: {default: {driver: {mode: eci-only}}}"}}
    with patched(healthy.control_plane, f"{healthy.inside}/configmaps/{FULLNAME}-policy", changed):
        (found,) = healthy.found()
    assert found[:2] == ("service", "warning")
    assert found[2].startswith(
        f"the service answers through the API server's proxy with policy {Policy().digest}, but the ConfigMap holds "
    )


def test_a_policy_that_cannot_be_read_is_passed_over(healthy: Healthy) -> None:
    path = f"{healthy.inside}/configmaps/{FULLNAME}-policy"
    with patched(healthy.control_plane, path, {"data": {"policy.yaml": "profiles: 1"}}):
        assert healthy.found() == []


def test_a_namespace_that_names_no_profile(healthy: Healthy) -> None:
    with namespace(healthy.control_plane, {PROFILE: "eci-olny"}) as name:
        assert healthy.found() == [
            (
                "namespaces",
                "fault",
                f'{name}: unknown profile "eci-olny"; accepted: {PROFILES}',
            )
        ]


def test_the_webhooks_own_namespace(healthy: Healthy) -> None:
    own = healthy.release.namespace
    with patched(healthy.control_plane, f"/api/v1/namespaces/{own}", {"metadata": {"labels": {PROFILE: "default"}}}):
        assert healthy.found() == [
            (
                "namespaces",
                "warning",
                f"{own} opted in, but kube-system and the webhook's own namespace are never selected",
            )
        ]


def test_one_namespace_alone(healthy: Healthy) -> None:
    with namespace(healthy.control_plane, {}) as name:
        assert healthy.found(name) == [
            ("namespaces", "warning", f"{name} has no label {PROFILE}, so its pods are not placed"),
        ]
    assert ("namespaces", "ok", f"opted in: {healthy.etl} (default)") in healthy.everything(healthy.etl)
    assert healthy.found("nowhere") == [
        ("namespaces", "warning", 'the namespace nowhere could not be checked: namespaces "nowhere" not found'),
    ]


@pytest.mark.parametrize("key", ["alibabacloud.com/eci", "alibabacloud.com/acs"])
def test_labels_that_outrank_the_placement(healthy: Healthy, key: str) -> None:
    control_plane = healthy.control_plane
    with namespace(control_plane, {PROFILE: "ecs-only", key: "true"}) as name:
        pod = create_pod(control_plane, name, "executor", {key: "true"})
        assert healthy.found() == [
            ("outranked", "warning", f"the label {key} of the namespace {name} outranks the placement of all its pods"),
            ("outranked", "warning", f"the label {key} outranks the placement of pods in {name}: {pod}"),
        ]


def test_pods_that_are_older_than_the_opt_in(healthy: Healthy) -> None:
    control_plane = healthy.control_plane
    with namespace(control_plane, {}) as name:
        pod = create_pod(control_plane, name, "driver")
        made = created_at(control_plane, f"/api/v1/namespaces/{name}/pods/{pod}")
        wait_for(lambda: datetime.now(UTC) > made + timedelta(seconds=2))
        label(control_plane, name, {PROFILE: "ecs-only"})
        assert healthy.found() == [
            (
                "pods",
                "warning",
                f"pods without a placement in {name}, probably older than the opt-in: {pod}",
            )
        ]


def test_pods_that_the_webhook_was_not_asked_about(healthy: Healthy) -> None:
    """The API server does not trust it for a while, and lets pods in as they are."""
    control_plane = healthy.control_plane
    stranger = new_authority(datetime.now(UTC))
    with namespace(control_plane, {PROFILE: "ecs-only"}) as name:
        with entries(control_plane, bundle(stranger.certificate_pem)):
            wait_for(lambda: not placed(control_plane, name))
            pod = create_pod(control_plane, name, "driver")
        assert healthy.found() == [
            (
                "pods",
                "fault",
                f"pods without a placement in {name}, probably because the webhook was not reached when they were created "
                f"(failurePolicy Ignore lets such pods pass): {pod}",
            )
        ]
    wait_for(lambda: placed(control_plane, healthy.etl))


def test_no_virtual_node(healthy: Healthy) -> None:
    with without(healthy.control_plane, "/api/v1/nodes", "virtual-kubelet"):
        assert healthy.found() == [
            (
                "virtual nodes",
                "fault",
                "no node has the label type=virtual-kubelet, so pods that need ECI stay Pending",
            )
        ]


@pytest.mark.parametrize(
    ("labels", "taints", "level", "sentence"),
    [
        (
            {},
            [TAINT],
            "fault",
            "nodes with the taint virtual-kubelet.io/provider=alibabacloud:NoSchedule "
            "but without the label type=virtual-kubelet: odd",
        ),
        (
            {"type": "virtual-kubelet"},
            [],
            "warning",
            "nodes with the label type=virtual-kubelet but without the taint virtual-kubelet.io/provider=alibabacloud:NoSchedule, "
            "so any pod may run there: odd",
        ),
    ],
)
def test_half_a_virtual_node(
    healthy: Healthy, labels: dict[str, str], taints: list[dict[str, str]], level: str, sentence: str
) -> None:
    node = {"metadata": {"name": "odd", "labels": labels}, "spec": {"taints": taints}}
    with created(healthy.control_plane, "/api/v1/nodes", node):
        assert healthy.found() == [("virtual nodes", level, sentence)]


def test_no_resource_policy(healthy: Healthy) -> None:
    with without(healthy.control_plane, resource_policies(healthy.strict), "sparkapplication-resource-policy"):
        assert healthy.found() == [
            (
                "ResourcePolicies",
                "fault",
                f"{healthy.strict} uses mode resource-policy, but has no ResourcePolicy",
            )
        ]


def test_a_resource_policy_for_other_pods(healthy: Healthy) -> None:
    path = f"{resource_policies(healthy.strict)}/sparkapplication-resource-policy"
    selector = {"sparkoperator.k8s.io/launched-by-spark-operator": "false"}
    with patched(healthy.control_plane, path, {"spec": {"selector": selector}}):
        assert healthy.found() == [
            (
                "ResourcePolicies",
                "fault",
                f"{healthy.strict} uses mode resource-policy, "
                "but its ResourcePolicies select other pods: sparkapplication-resource-policy",
            )
        ]


def test_a_resource_policy_that_rejects_spark_connect(healthy: Healthy) -> None:
    path = f"/apis/sparkoperator.k8s.io/v1alpha1/namespaces/{healthy.strict}/sparkconnects"
    connect = {"apiVersion": "sparkoperator.k8s.io/v1alpha1", "kind": "SparkConnect", "metadata": {"name": "shared"}}
    with created(healthy.control_plane, path, connect):
        assert healthy.found() == [
            (
                "ResourcePolicies",
                "fault",
                f"sparkapplication-resource-policy of {healthy.strict} counts by sparkoperator.k8s.io/submission-id, "
                "a label that SparkConnect pods lack, so it rejects those of shared",
            )
        ]


def test_what_rights_do_not_allow_is_said(healthy: Healthy) -> None:
    """Everything is refused to an account without rights, and nothing is called a fault for it."""
    control_plane = healthy.control_plane
    kubeconfig = control_plane.service_account_kubeconfig(healthy.etl, "default")
    ran = spark_eci_webhook("doctor", "-o", "json", kubeconfig=kubeconfig)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    assert [(one["check"], one["level"]) for one in found] == [
        ("configuration", "warning"),
        ("namespaces", "warning"),
        ("virtual nodes", "warning"),
    ]
    for one, what in zip(found, ("mutatingwebhookconfigurations", "namespaces", "nodes"), strict=True):
        assert "could not be checked: " in one["sentence"]
        assert f'cannot list resource "{what}"' in one["sentence"]
        assert one["fix"] == f"kubectl auth can-i list {what}"


def test_an_account_with_some_rights_sees_what_it_may(healthy: Healthy) -> None:
    """It may read configurations and its own namespace, and neither Secrets nor the webhook's namespace."""
    control_plane = healthy.control_plane
    rules = [
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations"],
            "verbs": ["list"],
        },
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["get", "list"]},
    ]
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    reader = {"metadata": {"name": "reader"}, "rules": rules}
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": healthy.etl}],
    }
    with (
        created(control_plane, f"{rbac}/clusterroles", reader),
        created(control_plane, f"{rbac}/clusterrolebindings", binding),
    ):
        kubeconfig = control_plane.service_account_kubeconfig(healthy.etl, "default")
        ran = spark_eci_webhook("doctor", "-n", healthy.etl, "-o", "json", kubeconfig=kubeconfig)
    found = [(one["check"], one["level"]) for one in json.loads(ran.stdout)]
    assert ran.returncode == 0
    assert found == [
        ("configuration", "ok"),
        ("order", "ok"),
        ("certificates", "warning"),
        ("certificates", "warning"),
        ("service", "warning"),
        ("service", "warning"),
        ("namespaces", "ok"),
        ("outranked", "ok"),
        ("pods", "ok"),
        ("virtual nodes", "warning"),
    ]


def test_the_rights_in_the_documentation_are_enough(healthy: Healthy) -> None:
    """With exactly these all is looked at, and well."""
    control_plane, rbac = healthy.control_plane, "/apis/rbac.authorization.k8s.io/v1"
    role, binding = yaml.safe_load_all(DOCUMENTATION.split("```yaml\n")[1].split("```")[0])
    binding["subjects"] = [{"kind": "ServiceAccount", "name": "default", "namespace": healthy.etl}]
    with (
        created(control_plane, f"{rbac}/clusterroles", role),
        created(control_plane, f"{rbac}/clusterrolebindings", binding),
    ):
        kubeconfig = control_plane.service_account_kubeconfig(healthy.etl, "default")
        ran = spark_eci_webhook("doctor", "-o", "json", kubeconfig=kubeconfig)
    assert [(one["check"], one["level"]) for one in json.loads(ran.stdout)] == [
        (check, level) for check, level, _ in healthy.everything()
    ]


def test_the_documentation_has_every_check(healthy: Healthy) -> None:
    table = [line.split("|")[1].strip() for line in DOCUMENTATION.splitlines() if line.startswith("| ")]
    assert table[1:] == list(dict.fromkeys(check for check, _, _ in healthy.everything()))


def test_people_see_signs_and_the_command_that_fixes(healthy: Healthy) -> None:
    kubeconfig = healthy.control_plane.kubeconfig
    ran = spark_eci_webhook("doctor", kubeconfig=kubeconfig)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line[0] for line in ran.stdout.splitlines()] == ["✓"] * 9
    with namespace(healthy.control_plane, {PROFILE: "typo"}) as name:
        ran = spark_eci_webhook("doctor", kubeconfig=kubeconfig)
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line[0] == "✗")
    assert lines[at].startswith(f'✗ namespaces        {name}: unknown profile "typo"')
    assert lines[at + 1].strip() == f"kubectl label namespace {name} {PROFILE}=default --overwrite"


def test_no_cluster(tmp_path: Path) -> None:
    ran = spark_eci_webhook("doctor", kubeconfig=tmp_path / "none")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        2,
        "",
        "no cluster: Invalid kube-config file. No configuration found; accepted: a kubeconfig\n",
    )


def test_a_cluster_that_does_not_answer(healthy: Healthy, tmp_path: Path) -> None:
    content = yaml.safe_load(healthy.control_plane.kubeconfig.read_text())
    (port,) = free_ports(1)
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    ran = spark_eci_webhook("doctor", kubeconfig=tmp_path / "config")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        2,
        "",
        f"the cluster at https://127.0.0.1:{port} does not answer: [Errno 111] Connection refused\n",
    )
    ran = spark_eci_webhook("doctor", "--context", "typo", kubeconfig=tmp_path / "config")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "typo" in ran.stderr


def test_a_service_that_is_gone(healthy: Healthy) -> None:
    """Last, since its pods do not come back."""
    for pod in healthy.release.pods:
        pod.kill()
    with patched(healthy.control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", {"subsets": [nobody(healthy)]}):
        wait_for(lambda: len(healthy.found()) == 2)
        certificates, service = healthy.found()
    assert certificates[:2] == ("certificates", "warning")
    assert certificates[2].startswith("the service's certificate could not be checked: ")
    assert service[:2] == ("service", "fault")
    assert service[2].startswith("the service does not answer a review through the API server's proxy: ")


def spark_eci_webhook(*arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "COVERAGE_PROCESS_START": os.environ.get("COVERAGE_PROCESS_START", "")}
    return subprocess.run(
        [sys.executable, "-m", "webhook", *arguments],
        env=variables | {"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )


def resource_policies(namespace: str) -> str:
    return f"/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{namespace}/resourcepolicies"


def create_pod(control_plane: ControlPlane, name: str, role: str, labels: dict[str, str] | None = None) -> str:
    """Create a pod as the operator would, and return its name."""
    operators = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": role}
    pod = {
        "metadata": {"generateName": f"pi-{role}-", "labels": operators | (labels or {})},
        "spec": {"containers": [{"name": f"spark-kubernetes-{role}", "image": "registry/spark:3.5.2"}]},
    }
    stored = control_plane.create(f"/api/v1/namespaces/{name}/pods", pod)
    return str(stored["metadata"]["name"])


def placed(control_plane: ControlPlane, name: str) -> bool:
    """Say whether a pod would be placed now."""
    labels = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "driver"}
    pod = {"metadata": {"name": "tried", "labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    stored = control_plane.create(f"/api/v1/namespaces/{name}/pods?dryRun=All", pod)
    return "annotations" in stored["metadata"]


def label(control_plane: ControlPlane, name: str, labels: dict[str, str | None]) -> None:
    control_plane.patch(f"/api/v1/namespaces/{name}", {"metadata": {"labels": labels}})


def created_at(control_plane: ControlPlane, path: str) -> datetime:
    return datetime.fromisoformat(control_plane.get(path)["metadata"]["creationTimestamp"])


def trusted(healthy: Healthy) -> bytes:
    (entry, *_) = healthy.control_plane.get(CONFIGURATION)["webhooks"]
    return base64.b64decode(entry["clientConfig"]["caBundle"])


@contextmanager
def secret(healthy: Healthy, pair: KeyPair, authorities: bytes) -> Iterator[None]:
    """Put a pair into the serving Secret."""
    data = {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem, "ca.crt": authorities}
    encoded = {key: base64.b64encode(content).decode() for key, content in data.items()}
    with patched(healthy.control_plane, f"{healthy.inside}/secrets/{FULLNAME}-tls", {"data": encoded}):
        yield


@contextmanager
def created(control_plane: ControlPlane, collection: str, body: dict[str, Any]) -> Iterator[None]:
    """Let an object be there."""
    control_plane.create(collection, body)
    try:
        yield
    finally:
        gone(control_plane, f"{collection}/{body['metadata']['name']}")


@contextmanager
def without(control_plane: ControlPlane, collection: str, name: str) -> Iterator[None]:
    """Let an object be gone."""
    kept = control_plane.get(f"{collection}/{name}")
    gone(control_plane, f"{collection}/{name}")
    try:
        yield
    finally:
        for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "selfLink"):
            kept["metadata"].pop(key, None)
        control_plane.create(collection, kept)


@contextmanager
def patched(control_plane: ControlPlane, path: str, change: dict[str, Any]) -> Iterator[None]:
    """Let an object be different."""
    kept = control_plane.get(path)
    control_plane.patch(path, change)
    try:
        yield
    finally:
        kept["metadata"]["resourceVersion"] = control_plane.get(path)["metadata"]["resourceVersion"]
        answer = control_plane.http.put(path, json=kept)
        assert answer.is_success, answer.text


@contextmanager
def entries(
    control_plane: ControlPlane, change: Callable[[dict[str, Any]], dict[str, Any]], only: str | None = None
) -> Iterator[None]:
    """Let all entries of the configuration be different, or one."""
    kept = control_plane.get(CONFIGURATION)["webhooks"]
    changed = [change(one) if only in (None, one["name"].split(".")[0]) else one for one in kept]
    control_plane.patch(CONFIGURATION, {"webhooks": changed})
    try:
        yield
    finally:
        control_plane.patch(CONFIGURATION, {"webhooks": kept})


@contextmanager
def namespace(control_plane: ControlPlane, labels: dict[str, str]) -> Iterator[str]:
    """Let a namespace be there; without a controller manager it stays, so its label goes."""
    name = control_plane.create_namespace("spark", labels)
    try:
        yield name
    finally:
        label(control_plane, name, {PROFILE: None})


@contextmanager
def served(control_plane: ControlPlane, kind: str) -> Iterator[None]:
    """Let the API server serve a custom kind."""
    connect = definition("sparkoperator.k8s.io", "v1alpha1", "SparkConnect", ANYTHING)
    # As the operator's own, whose group is one that Kubernetes protects.
    approved = {"api-approved.kubernetes.io": "https://github.com/kubeflow/spark-operator/pull/1298"}
    connect["metadata"]["annotations"] = approved
    one = {**DEFINITIONS, "SparkConnect": connect}[kind]
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    group_version = f"{one['spec']['group']}/{one['spec']['versions'][0]['name']}"
    with created(control_plane, definitions, one):
        wait_for(partial(control_plane.serves, group_version, kind))
        yield


@contextmanager
def reachable(release: Release) -> Iterator[None]:
    """Let the API server's proxy reach the Service's pods: it connects to no address on loopback."""
    (port,) = free_ports(1, own_address())
    inside = f"/api/v1/namespaces/{release.namespace}"
    template = release.control_plane.get(f"/apis/apps/v1/namespaces/{release.namespace}/deployments/{FULLNAME}")
    labels = template["spec"]["template"]["metadata"]["labels"]
    container = {"name": "webhook", "image": "webhook", "ports": [{"name": "https", "containerPort": 8443}]}
    pod = {"metadata": {"name": POD, "labels": labels}, "spec": {"containers": [container]}}
    body = {"metadata": {"name": FULLNAME}, "subsets": [subset(release.namespace, port)]}
    with ExitStack() as ends:
        proxy = ends.enter_context(ServiceProxy(own_address(), port, "https"))
        ends.enter_context(created(release.control_plane, f"{inside}/pods", pod))
        status = {"phase": "Running", "podIP": own_address(), "podIPs": [{"ip": own_address()}]}
        release.control_plane.patch(f"{inside}/pods/{POD}/status", {"status": status})
        ends.enter_context(created(release.control_plane, f"{inside}/endpoints", body))
        for one in release.pods:
            proxy.add(one)
        wait_for(lambda: proxy.ready == len(release.pods))
        yield


def subset(namespace: str, port: int) -> dict[str, Any]:
    """An endpoint on this machine; the proxy goes only where a pod of that address is."""
    target = {"kind": "Pod", "namespace": namespace, "name": POD}
    return {"addresses": [{"ip": own_address(), "targetRef": target}], "ports": [{"name": "https", "port": port}]}


def nobody(healthy: Healthy) -> dict[str, Any]:
    """An endpoint at which nobody listens."""
    (port,) = free_ports(1, own_address())
    return subset(healthy.release.namespace, port)


def own_address() -> str:
    """An address of this machine that is not on loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def free_ports(number: int, address: str = "127.0.0.1") -> list[int]:
    with ExitStack() as ends:
        probes = [ends.enter_context(socket.create_server((address, 0))) for _ in range(number)]
        return [probe.getsockname()[1] for probe in probes]


def gone(control_plane: ControlPlane, path: str) -> None:
    control_plane.http.delete(f"{path}?gracePeriodSeconds=0")
    wait_for(lambda: control_plane.http.get(path).status_code == 404)
