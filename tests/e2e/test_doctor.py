"""`doctor` on a real API server: what it reads, by which route and with which rights. tests/cli tests the findings."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.process import free_port
from certs.authority import new_authority
from certs.cluster import Cluster
from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import ANYTHING, DEFINITIONS, definition
from tests.e2e.kubeconfigs import kubeconfig, silent
from tests.e2e.kubelet import kubelet
from tests.e2e.networks import own_address
from tests.e2e.release import ADVISED, CONFIGURATION, Release, installed, serving
from tests.e2e.rights import await_rights
from tests.e2e.service_proxy import ServiceProxy
from tests.pods import BUILT_IN_MODES
from tests.virtual_node import TAINT
from webhook import __version__
from webhook.cli.doctor.examination import examine
from webhook.cli.live.installation import policy_in
from webhook.cli.process import run_command
from webhook.core.policy import Policy
from webhook.overflow.api_server import ApiServer
from webhook.overflow.clock import ServerClock
from webhook.overflow.lease import Lease

pytestmark = pytest.mark.needs("control-plane")

JSON = dict[str, Any]
ADMISSION = "admissionregistration.k8s.io"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
OVERFLOW, HOLDER = "spark-eci-webhook/overflow", "overflow-1_0c"
PROFILE, LAUNCHED = "spark-eci-webhook/profile", "sparkoperator.k8s.io/launched-by-spark-operator"
POD = f"{FULLNAME}-0"
DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Healthy:
    """An installation without faults, with a namespace in the profile default and one in resource-policy."""

    release: Release
    etl: str
    strict: str

    @property
    def control_plane(self) -> ControlPlane:
        return self.release.control_plane

    @property
    def inside(self) -> str:
        return f"/api/v1/namespaces/{self.release.namespace}"

    @property
    def unreachable(self) -> JSON:
        """Endpoints at which nothing listens."""
        return {"subsets": [subset(self.release.namespace, free_port())]}

    def everything(self) -> list[str]:
        found = examine(Cluster(self.control_plane.api)).findings
        return [f"{one.level} {one.check}: {one.sentence}" for one in found]

    def found(self) -> list[str]:
        return [line for line in self.everything() if not line.startswith("ok ")]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A separate control plane: the doctor looks at the whole cluster, and other tests leave objects in theirs."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture(scope="module")
def healthy(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    connect = definition("sparkoperator.k8s.io", "v1alpha1", "SparkConnect", ANYTHING)
    # Kubernetes protects this group, so the operator's own definition has this annotation too.
    approved = {"api-approved.kubernetes.io": "https://github.com/kubeflow/spark-operator/pull/1298"}
    connect["metadata"]["annotations"] = approved
    for one in (connect, DEFINITIONS["ResourcePolicy"]):
        control_plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", one)
        wait_for(partial(control_plane.serves, f"{one['spec']['group']}/v1alpha1", one["spec"]["names"]["kind"]))
    control_plane.create("/api/v1/nodes", {"metadata": {"name": "ecs"}})
    virtual = {"metadata": {"name": "virtual", "labels": {"type": "virtual-kubelet"}}, "spec": {"taints": [TAINT]}}
    control_plane.create("/api/v1/nodes", virtual)
    with (
        serving(control_plane, control_plane.create_namespace("own"), tmp_path_factory.mktemp("node")) as release,
        reachable(release),
    ):
        # It would repair the caBundle that a test breaks.
        assert release.controller is not None
        release.controller.stop()
        etl = control_plane.create_namespace("etl", {PROFILE: "default"})
        strict = control_plane.create_namespace("strict", {PROFILE: "resource-policy"})
        written = run(None, "resource-policy", "-n", strict, "--ecs-max", "2", "--per-application").stdout
        policies = f"/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{strict}/resourcepolicies"
        control_plane.create(policies, yaml.safe_load(written))
        for role in ("driver", "executor"):
            create_pod(control_plane, etl, role)
        yield Healthy(release, etl, strict)


def test_all_is_well_with_the_rights_of_the_documentation(healthy: Healthy) -> None:
    role = next(yaml.safe_load_all(DOCUMENTATION.split("```yaml\n")[1].split("```")[0]))
    with leading(healthy, Policy().digest), account(healthy, role["rules"]) as kubeconfig:
        ran = run(kubeconfig, "doctor", "-o", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    table = [line.split("|")[1].strip() for line in DOCUMENTATION.splitlines() if line.startswith("| ")]
    assert [(one["check"], one["level"]) for one in found] == [(check, "ok") for check in table[1:]]
    certificates = found.pop(2)["sentence"]
    assert certificates.startswith("caBundle, Secret and service certificate match, valid for 89 days, until 20")
    assert [f"{one['check']}: {one['sentence']}{one['fix']}" for one in found] == [
        f"configuration: spark-placement has the profiles {', '.join(sorted(['default', *BUILT_IN_MODES]))}",
        "order: spark-placement is called last",
        f"service: 1 ready; answered a review through the API server's proxy: mode=ecs-first,profile=default,policy={Policy().digest}",
        f"namespaces: opted in: {healthy.etl} (default), {healthy.strict} (resource-policy)",
        "outranked: no namespace and no Spark pod has a label alibabacloud.com/eci or alibabacloud.com/acs of its own",
        "pods: 2 running Spark pods have a placement",
        "virtual nodes: nodes with the label type=virtual-kubelet and the taint virtual-kubelet.io/provider=alibabacloud:NoSchedule: virtual",
        f"ResourcePolicies: {healthy.strict} has sparkapplication-resource-policy",
        f"overflow: {HOLDER} opens pods by policy {Policy().digest}; 0 pods wait",
    ]


def test_an_account_without_rights(healthy: Healthy) -> None:
    """Nothing that may not be read is a fault."""
    with account(healthy, []) as kubeconfig:
        ran = run(kubeconfig, "doctor", "-o", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    user = f'User "system:serviceaccount:{healthy.etl}:default" cannot list resource'
    found = [(one["check"], one["level"], one["sentence"], one["fix"]) for one in json.loads(ran.stdout)]
    assert found == [
        (
            check,
            "warning",
            f'{what} could not be checked: {kind}{"." * bool(group)}{group} is forbidden: {user} "{kind}" in API group "{group}" at the cluster scope',
            f"kubectl auth can-i list {kind}",
        )
        for check, what, kind, group in (
            ("configuration", "the webhook configurations", "mutatingwebhookconfigurations", ADMISSION),
            ("namespaces", "the namespaces", "namespaces", ""),
            ("virtual nodes", "the nodes", "nodes", ""),
        )
    ]


def test_an_account_with_some_rights(healthy: Healthy) -> None:
    rules = [
        {"apiGroups": [ADMISSION], "resources": ["*"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["get", "list"]},
    ]
    with account(healthy, rules) as kubeconfig:
        ran = run(kubeconfig, "doctor", "-n", healthy.etl, "-o", "json")
    found = [(one["level"], one["check"]) for one in json.loads(ran.stdout)]
    assert (ran.returncode, ran.stderr) == (0, "")
    well = ", ".join(check for level, check in found if level == "ok")
    warned = ", ".join(check for level, check in found if level == "warning")
    assert well == "configuration, order, namespaces, outranked, pods"
    assert warned == "certificates, certificates, service, service, service, virtual nodes, overflow"


def test_faults_of_objects_as_text(healthy: Healthy) -> None:
    control_plane = healthy.control_plane
    connects = f"/apis/sparkoperator.k8s.io/v1alpha1/namespaces/{healthy.strict}/sparkconnects"
    connect = {"apiVersion": "sparkoperator.k8s.io/v1alpha1", "kind": "SparkConnect"}
    (entry, *_) = control_plane.get(CONFIGURATION)["webhooks"]
    operator = {**entry, "name": "a.sparkoperator.k8s.io", "namespaceSelector": {"matchLabels": {"a": "b"}}}
    with (
        changed(control_plane, CONFIGURATION.replace("spark-placement", "spark-z"), {"webhooks": [operator]}),
        changed(control_plane, "/api/v1/nodes/virtual", {"metadata": {"labels": {"type": None}}}),
        changed(control_plane, f"{connects}/shared", connect),
        changed(control_plane, f"/api/v1/namespaces/{healthy.etl}", {"metadata": {"labels": {PROFILE: "typo"}}}),
    ):
        ran = run(control_plane.kubeconfig, "doctor")
    lines = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert [line[0] for line in lines if line[0] != " "] == [*"✓✗✓✓✗✓✓✗✗"]
    fault, fix = lines[5:7]
    assert fault.startswith(f'✗ namespaces        {healthy.etl}: unknown profile "typo"; accepted: ')
    assert fix == f"{' ' * 20}kubectl label namespace {healthy.etl} {PROFILE}=default --overwrite"


def test_a_bundle_of_another_authority_and_pods_without_a_placement(healthy: Healthy) -> None:
    control_plane = healthy.control_plane
    name = control_plane.create_namespace("late")
    late, label = f"/api/v1/namespaces/{name}", {"metadata": {"labels": {PROFILE: "ecs-only"}}}
    old = create_pod(control_plane, name, "driver")
    created = datetime.fromisoformat(old["metadata"]["creationTimestamp"])
    wait_for(lambda: datetime.now(UTC) > created + timedelta(seconds=2))
    with changed(control_plane, late, label), strange_bundle(healthy):
        young = create_pod(control_plane, name, "driver")
        stored, presented, older, younger = healthy.found()
    secret = f"the Secret {healthy.release.namespace}/{FULLNAME}-tls"
    assert stored.startswith(f"fault certificates: {secret}: tls.crt is not signed by any certificate of the caBundle")
    assert presented.startswith("fault certificates: the service, reached at the ClusterIP 127.77.")
    assert presented.endswith("that the caBundle does not trust: unable to get local issuer certificate")
    start = f"pods: pods without a placement in {name}, probably"
    assert older == f"warning {start} older than the opt-in or the policy: {old['metadata']['name']}"
    assert younger == (
        f"fault {start} because the webhook was not reached when they were created "
        f"(failurePolicy Ignore lets such pods pass): {young['metadata']['name']}"
    )


def test_pods_that_wait_for_an_overflow_controller(healthy: Healthy) -> None:
    control_plane = healthy.control_plane
    lease = f"{FULLNAME}-overflow"
    with leading(healthy, "0badc0de"):
        (other,) = healthy.found()
    body = create_pod(control_plane, healthy.etl, "executor", "?dryRun=All")
    name = body["metadata"]["name"]
    pod = {"metadata": {"labels": body["metadata"]["labels"] | {OVERFLOW: "waiting"}}, "spec": body["spec"]}
    bound = pod | {"spec": body["spec"] | {"nodeName": "ecs"}}
    pods = f"/api/v1/namespaces/{healthy.etl}/pods"
    with changed(control_plane, f"{pods}/{name}", pod), changed(control_plane, f"{pods}/{name}-bound", bound):
        (waiting,) = healthy.found()
    assert other == (
        f"warning overflow: the overflow controller {HOLDER} opens pods by policy 0badc0de, "
        f"but the service has {Policy().digest}"
    )
    assert waiting == (
        f"fault overflow: no overflow controller runs (nobody holds the Lease {lease}), "
        f"so 1 pod waits for ever: {healthy.etl}/{name}"
    )


def test_the_clusters_address_is_used_if_the_proxy_does_not_reach_the_pods(healthy: Healthy) -> None:
    policy = {"data": {"policy.yaml": "profiles: {default: {driver: {mode: eci-only}}}"}}
    with changed(healthy.control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", healthy.unreachable):
        (answered,) = [line for line in healthy.everything() if " service: " in line]
        with changed(healthy.control_plane, f"{healthy.inside}/configmaps/{FULLNAME}-policy", policy):
            (found,) = [line for line in healthy.found() if " service: " in line]
    assert answered.startswith("ok service: 1 ready; answered a review at the ClusterIP 127.77.")
    assert found.startswith("warning service: the service answers at the ClusterIP 127.77.")
    assert f" with policy {Policy().digest}, but the ConfigMap has " in found


def test_a_port_forward_is_the_other_way(healthy: Healthy, tmp_path: Path) -> None:
    control_plane, target = healthy.control_plane, healthy.release.pods[0]
    port, address = free_port(), own_address()
    daemon = {"kubeletEndpoint": {"Port": port}}
    status = {"addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": daemon}
    stored = control_plane.get(f"{healthy.inside}/pods/{POD}")
    spec = {"nodeName": "with-kubelet", "containers": stored["spec"]["containers"]}
    body = {"metadata": {"labels": stored["metadata"]["labels"]}, "spec": spec}
    with (
        kubelet(address, port, (target.address, target.port("https")), tmp_path),
        changed(control_plane, "/api/v1/nodes/with-kubelet", {"status": status}),
        changed(control_plane, f"{healthy.inside}/pods/zz-by-kubelet", body),
        changed(control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", healthy.unreachable),
    ):
        control_plane.patch(f"{healthy.inside}/pods/zz-by-kubelet/status", {"status": {"phase": "Running"}})
        certificates, service = healthy.everything()[2:4]
        with strange_bundle(healthy):
            presented = healthy.found()[-1]
    assert certificates.startswith("ok certificates: caBundle, Secret and service certificate match, valid for ")
    way = "through a port-forward to the pod zz-by-kubelet"
    assert service.startswith(f"ok service: 1 ready; answered a review {way}: ")
    assert presented.startswith(f"fault certificates: the service, reached {way}, presents a certificate")


def test_no_cluster(healthy: Healthy, tmp_path: Path) -> None:
    content = yaml.safe_load(healthy.control_plane.kubeconfig.read_text())
    url = content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    for name, arguments, sentence in (
        ("none", [], "no cluster: Invalid kube-config file. No configuration found; accepted: a kubeconfig\n"),
        ("config", [], f"the cluster at {url} does not answer: [Errno 111] Connection refused\n"),
        ("config", ["--context", "typo"], 'no cluster: found no context "typo"; accepted: test\n'),
    ):
        ran = run(tmp_path / name, "doctor", *arguments)
        assert (ran.returncode, ran.stdout, ran.stderr[: len(sentence)]) == (2, "", sentence)


def test_several_contexts(healthy: Healthy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One is well, one has another policy and no pods of the service, and one does not answer."""
    (tmp_path / "plane").mkdir()
    with silent() as mute, ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path / "plane") as other:
        config = kubeconfig(tmp_path, well=healthy.control_plane, other=other, mute=mute)
        contexts = [f"--context={name}" for name in ("well", "other", "mute")]
        own = other.create_namespace("own")
        other.create_namespace("etl", {PROFILE: "advised"})
        with installed(other, own, {"policy": {"profiles": ADVISED}}), leading(healthy, Policy().digest):
            digest = policy_in(other.get(f"/api/v1/namespaces/{own}/configmaps/{FULLNAME}-policy")).digest
            text, as_json, two, single = (
                in_process(capsys, "doctor", f"--kubeconfig={config}", *arguments)
                for arguments in (contexts, [*contexts, "--output=json"], contexts[:2], [contexts[0], "--output=json"])
            )
    version = healthy.control_plane.get("/version")["gitVersion"]
    sentence = f"context mute: the cluster at {mute} does not answer: "
    assert [one.returncode for one in (text, as_json, two, single)] == [2, 2, 1, 0]
    # How the silent server is given up depends on how busy this machine is.
    assert (text.stderr[: len(sentence)], as_json.stderr[: len(sentence)], two.stderr) == (sentence, sentence, "")
    found = json.loads(as_json.stdout)["contexts"]
    shown = ("context", "kubernetes", "version", "policy", "namespaces", "faults", "warnings", "drift")
    faulty = [one for one in found[1]["findings"] if one["level"] == "fault"]
    warned = [one for one in found[1]["findings"] if one["level"] == "warning"]
    assert [[one[key] for key in shown] for one in found] == [
        ["well", version, __version__, Policy().digest, 2, 0, 0, []],
        ["other", version, __version__, digest, 1, len(faulty), len(warned), ["policy"]],
        ["mute", "", "", "", None, 0, 0, []],
    ]
    assert [f"context mute: {one}\n" for one in found[2]["unreachable"]] == [as_json.stderr]
    assert found[0]["findings"] == json.loads(single.stdout)
    assert "advised" in found[1]["profiles"]
    assert {one["check"] for one in faulty} == {"certificates", "service", "virtual nodes"}
    lines = text.stdout.splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert cells == [
        ["well", version, __version__, Policy().digest, "2", "0", "0", ""],
        ["other", version, __version__, digest, "1", str(len(faulty)), str(len(warned)), "policy"],
        ["mute", "does not answer", "", "", "", "", "", ""],
    ]
    assert [line for line in lines if line.startswith("context ")] == ["context other"]
    fixes = [line.strip() for line in lines if line.strip().startswith(("kubectl", "helm"))]
    assert len(fixes) == len(faulty) + len(warned)
    for fix in fixes:
        flag = "context" if fix.startswith("kubectl") else "kube-context"
        assert fix.startswith(f"{fix.split()[0]} --kubeconfig {config} --{flag} other ")


def test_a_service_that_is_gone(healthy: Healthy) -> None:
    with (
        healthy.release.away(),
        changed(healthy.control_plane, f"{healthy.inside}/endpoints/{FULLNAME}", healthy.unreachable),
    ):
        wait_for(lambda: len(healthy.found()) == 2)
        certificates, service = healthy.found()
    assert certificates.startswith("warning certificates: the service's certificate could not be checked: ")
    assert service.startswith("fault service: the service does not answer a review through the API server's proxy: ")


def run(kubeconfig: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    command, variables = [sys.executable, "-m", "webhook", *arguments], os.environ | {"KUBECONFIG": str(kubeconfig)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def in_process(capsys: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same, without a process."""
    capsys.readouterr()
    code = run_command(arguments)
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def create_pod(control_plane: ControlPlane, name: str, role: str, query: str = "") -> JSON:
    """Creates a pod as the operator would, and returns it as stored."""
    metadata = {"generateName": f"pi-{role}-", "labels": {LAUNCHED: "true", "spark-role": role}}
    spec = {"containers": [{"name": f"spark-kubernetes-{role}", "image": "registry/spark:3.5.2"}]}
    return control_plane.create(f"/api/v1/namespaces/{name}/pods{query}", {"metadata": metadata, "spec": spec})


@contextmanager
def account(healthy: Healthy, rules: list[JSON]) -> Iterator[Path]:
    """A kubeconfig of an account with these rights."""
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": healthy.etl}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "some"}
    with (
        changed(healthy.control_plane, f"{RBAC}/clusterroles/some", {"rules": rules}),
        changed(healthy.control_plane, f"{RBAC}/clusterrolebindings/some", {"roleRef": role, "subjects": [subject]}),
    ):
        await_rights(healthy.control_plane, f"{healthy.etl}:default", rules)
        yield healthy.control_plane.service_account_kubeconfig(healthy.etl, "default")


@contextmanager
def leading(healthy: Healthy, digest: str) -> Iterator[None]:
    """Until the block ends, an overflow controller with the policy `digest` holds its Lease."""
    clock, stop = ServerClock(), threading.Event()
    server, name = ApiServer(Cluster(healthy.control_plane.api), clock), f"{FULLNAME}-overflow"
    lease = Lease(server, clock.now, healthy.release.namespace, name, HOLDER, digest)

    def lead() -> None:
        while not stop.is_set():
            stop.wait(lease.turn())
        lease.release()

    thread = threading.Thread(target=lead)
    thread.start()
    try:
        wait_for(lambda: lease.may_write)
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def strange_bundle(healthy: Healthy) -> Iterator[None]:
    """Until the block ends, the caBundle is that of another authority, and the API server cannot call the service."""
    bundle = base64.b64encode(new_authority(datetime.now(UTC)).certificate_pem).decode()
    webhooks = healthy.control_plane.get(CONFIGURATION)["webhooks"]
    strange = [{**one, "clientConfig": {**one["clientConfig"], "caBundle": bundle}} for one in webhooks]
    try:
        with changed(healthy.control_plane, CONFIGURATION, {"webhooks": strange}):
            wait_for(lambda: not placed(healthy))
            yield
    finally:
        wait_for(lambda: placed(healthy))


def placed(healthy: Healthy) -> bool:
    """Whether a new pod would be placed. The API server sees a new configuration a moment later."""
    return "annotations" in create_pod(healthy.control_plane, healthy.etl, "driver", "?dryRun=All")["metadata"]


@contextmanager
def changed(control_plane: ControlPlane, path: str, change: JSON) -> Iterator[None]:
    """Patches or creates an object, and undoes it at the end."""
    collection, _, name = path.rpartition("/")
    before = control_plane.http.get(path)
    if before.is_success:
        control_plane.patch(path, change)
    else:
        control_plane.create(collection, {**change, "metadata": {"name": name, **change.get("metadata", {})}})
    try:
        yield
    finally:
        if before.is_success:
            kept = before.json()
            kept["metadata"]["resourceVersion"] = control_plane.get(path)["metadata"]["resourceVersion"]
            answer = control_plane.http.put(path, json=kept)
            assert answer.is_success, answer.text
        else:
            control_plane.http.delete(f"{path}?gracePeriodSeconds=0")
            wait_for(lambda: control_plane.http.get(path).status_code == 404)


@contextmanager
def reachable(release: Release, service: str = FULLNAME) -> Iterator[None]:
    """Lets the API server's proxy reach the Service's pods, although it refuses addresses on loopback."""
    control_plane, inside = release.control_plane, f"/api/v1/namespaces/{release.namespace}"
    port, labels = free_port(), control_plane.get(f"{inside}/services/{service}")["spec"]["selector"]
    container = {"name": "webhook", "image": "webhook", "ports": [{"name": "https", "containerPort": 8443}]}
    # No scheduler moves it to a node, whose kubelet would give it another address.
    pod = {"metadata": {"labels": labels}, "spec": {"schedulerName": "none", "containers": [container]}}
    with ServiceProxy([own_address()], port, "https") as proxy, changed(control_plane, f"{inside}/pods/{POD}", pod):
        status = {"phase": "Running", "podIP": own_address(), "podIPs": [{"ip": own_address()}]}
        control_plane.patch(f"{inside}/pods/{POD}/status", {"status": status})
        for one in release.pods:
            proxy.add(one)
        wait_for(lambda: proxy.ready == len(release.pods))
        subsets = {"subsets": [subset(release.namespace, port)]}
        with changed(control_plane, f"{inside}/endpoints/{service}", subsets):
            yield


def subset(namespace: str, port: int) -> JSON:
    """An endpoint on this machine; the proxy connects only to addresses of pods."""
    target = {"kind": "Pod", "namespace": namespace, "name": POD}
    return {"addresses": [{"ip": own_address(), "targetRef": target}], "ports": [{"name": "https", "port": port}]}
