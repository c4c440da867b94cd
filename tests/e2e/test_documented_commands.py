"""The documents' commands for a cluster do there what the documents say, with a real kubectl."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.deadline import wait_for
from tests.documents.commands import claimed, commands, documented
from tests.e2e.custom_resources import ANYTHING, custom_kinds, definition
from tests.e2e.documented_cluster import (
    CONFIGURATION,
    CONTROLLER,
    DRIVER,
    EXECUTOR,
    INSIDE,
    NAME,
    OVERFLOW,
    DocumentedCluster,
    documented_cluster,
)
from tests.e2e.spark_pods import placement, spark_pod
from tests.test_tag import OWN
from webhook.core import names

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("kubectl")]

ALERTS, OPERATIONS, ADOPTING = "docs/alerts.md", "docs/operations.md", "docs/adopting.md"
READERS: Final = (
    ALERTS,
    OPERATIONS,
    "docs/overflow.md",
    "docs/for-data-engineers.md",
    "docs/doctor.md",
    ADOPTING,
    "docs/explain.md",
    "docs/ack.md",
)
OWN_NAMESPACE = f"kubectl --namespace {NAME} "
LOGS = OWN_NAMESPACE + "logs --selector app.kubernetes.io/component="
#: Each command that only reads: how it begins in some of the pages, and a line that it prints, as a pattern.
READS: Final = {
    "kubectl get mutatingwebhookconfiguration spark-placement -o jsonpath='{.webhooks[*].fail": r"Ignore( Ignore)+",
    "kubectl get mutatingwebhookconfiguration spark-placement -o jsonpath='{.webhooks[*].clientConfig": r"[1-9]\d{3,}",
    OWN_NAMESPACE + "get pods,events": r"\S+ +Normal +CABundlePatched .*",
    OWN_NAMESPACE + "get pods,secrets": rf"secret/{NAME}-tls .*",
    OWN_NAMESPACE + "get pods,endpoints": rf"endpoints/{NAME} +\d+\..*",
    OWN_NAMESPACE + "get pods --selector app.kubernetes.io/component=overflow": rf"{OVERFLOW}-0 .* Running .*",
    OWN_NAMESPACE + "get deployment,horizontalpodautoscaler": rf"deployment.apps/{NAME} +2/2 .*",
    OWN_NAMESPACE + "get events | grep": rf".* CertificateIssued .*{NAME}-tls.*",
    OWN_NAMESPACE + "get lease": r"  holderIdentity: \S+",
    OWN_NAMESPACE + "describe deployment spark-eci-webhook-overflow": rf"Name: +{OVERFLOW}",
    LOGS + "webhook --prefix --tail 50": r".*/webhook\] {.*\"serving\".*",
    LOGS + "webhook --prefix --tail 20": r".*/webhook\] {.*",
    LOGS + "webhook --prefix --tail 500 | grep '\"certificate\"'": r".*\"outcome\":\"loaded\".*",
    LOGS + "webhook --prefix --tail 500 | grep '\"rejected\"'": r".*\"status\":404.*",
    LOGS + "overflow --prefix --tail 50": r".*/overflow\] {.*Lease.*",
    LOGS + "overflow --prefix --tail 200 | grep -i error": r".*: 403, leases.* is forbidden.*the Lease could not be.*",
    OWN_NAMESPACE + f"logs deployment/{NAME} --previous": r".*: found \"eci-maybe\"; accepted: ecs-only.*",
    OWN_NAMESPACE + f"logs deployment/{CONTROLLER} --tail 50": r"{.*\"CertificateIssued\".*|{.*issued.*",
    OWN_NAMESPACE
    + f"logs deployment/{CONTROLLER} | grep": r"{.*\"the API server has got no answer from the service\".*",
    OWN_NAMESPACE + f"rollout status deployment/{NAME} ": r".* successfully rolled out",
    OWN_NAMESPACE + f"rollout status deployment/{OVERFLOW} ": r".* successfully rolled out",
    "kubectl get --raw": "ok",
    "kubectl version": r"Server Version: .*1\.\d+.*",
    "kubectl get nodes --selector type=virtual-kubelet": r"eci +virtual-kubelet.io/provider\S* +alibabacloud +NoSchedule.*",
    "kubectl get mutatingwebhookconfigurations": r"spark-placement .*",
    "kubectl get namespaces --selector": r"etl .*",
    "kubectl get namespace NAMESPACE --show-labels": rf"etl .*{names.PROFILE_LABEL}=ecs-then-eci.*",
    "kubectl get namespace etl --label-columns": r"etl .* ecs-then-eci",
    "kubectl get pods --all-namespaces --selector spark-role": rf"etl +{EXECUTOR} .*",
    "kubectl get pods --all-namespaces --selector spark-eci-webhook/overflow=waiting": r"limited +held-back .*",
    "kubectl get pods --all-namespaces -l": rf"etl +{EXECUTOR} .* opened",
    "kubectl get pods -n etl -o custom-columns": rf"{EXECUTOR} +<none> +mode=ecs-then-eci,profile=ecs-then-eci,.*,opened",
    "kubectl get events --all-namespaces --field-selector reason=OverflowLimitReached": r"limited .* pod/held-back .*",
    "kubectl get events --all-namespaces --field-selector reason=OverflowNotOpened": r"outside .* pod/by-hand .*",
    "kubectl get events --all-namespaces --field-selector source": rf"etl .* OverflowOpened +pod/{EXECUTOR} .*",
    "kubectl get events --namespace etl --field-selector reason=OverflowOpened": rf".* pod/{EXECUTOR} .*",
    "kubectl get lease": r"\S+",
    "kubectl auth can-i patch pods": "yes",
    f"spark-eci-certs show --secret {NAME}": "  nothing is wrong",
    f"python -m certs show --secret {NAME}": "  nothing is wrong",
    "spark-eci-webhook doctor": r". service +1 ready; answered a review .*",
    "spark-eci-webhook why nightly-driver": rf"etl/{DRIVER}: Pending.*",
    "kubectl get pods --namespace etl --selector spark-role": rf"{DRIVER} +mode=.*",
    "kubectl get pods --namespace etl -o yaml |": r".*left alone.*|.*ecs-then-eci.*",
    "python -m webhook doctor": r". namespaces .*etl \(ecs-then-eci\).*",
    "spark-eci-webhook why": rf"etl/{EXECUTOR}: Pending, .*",
    "python -m webhook why": rf"etl/{EXECUTOR}: Pending, .*",
}


SEVERAL = tuple(
    dict.fromkeys(
        one
        for page in ("docs/doctor.md", "docs/multi-cluster.md")
        for one in claimed(page, "spark-eci-webhook doctor --context")
    )
)


def _found(start: str) -> list[str]:
    """The commands of the pages that begin so, each once."""
    having = [page for page in READERS if any(one.text.startswith(start) for one in commands(page))]
    assert having, start
    longer = (*(one for one in READS if one.startswith(start) and one != start), *SEVERAL)
    return list(dict.fromkeys(one for page in having for one in claimed(page, start) if not one.startswith(longer)))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentedCluster]:
    folder = tmp_path_factory.mktemp("documented")
    with documented_cluster(folder, Path(os.environ["KUBEBUILDER_ASSETS"])) as made:
        yield made


@pytest.mark.parametrize(("command", "line"), [(one, line) for start, line in READS.items() for one in _found(start)])
def test_what_a_command_shows(cluster: DocumentedCluster, command: str, line: str) -> None:
    command = command.replace("NAMESPACE", "etl").replace("POD:8080", f"{NAME}-0:{cluster.operations_port}")
    shown = cluster.say(re.sub(r"\bPOD\b", EXECUTOR, command))
    assert re.search(f"^{line}$", shown, re.MULTILINE), shown


OF_A_CLUSTER = (
    *claimed(OPERATIONS, "python -m webhook explain --cluster"),
    *claimed(ADOPTING, "spark-eci-webhook explain --cluster"),
    *claimed("docs/explain.md", "spark-eci-webhook explain --cluster"),
)


def test_applications_of_a_cluster_are_explained(cluster: DocumentedCluster) -> None:
    kind = definition("sparkoperator.k8s.io", "v1beta2", "SparkApplication", ANYTHING)
    kind["metadata"]["annotations"] = {
        "api-approved.kubernetes.io": "https://github.com/kubeflow/spark-operator/pull/1298"
    }
    cluster.control_plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind)
    wait_for(lambda: cluster.control_plane.serves("sparkoperator.k8s.io/v1beta2", "SparkApplication"))
    application = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "pi"},
        "spec": {
            "type": "Scala",
            "mode": "cluster",
            "image": "spark:3.5.2",
            "sparkVersion": "3.5.2",
            "mainApplicationFile": "local:///pi.jar",
            "driver": {},
            "executor": {"instances": 2},
        },
    }
    cluster.control_plane.create("/apis/sparkoperator.k8s.io/v1beta2/namespaces/etl/sparkapplications", application)
    (cluster.folder / "changed.yaml").write_text("{}", encoding="utf-8")
    for command in OF_A_CLUSTER:
        shown = cluster.shell.run(command)
        assert shown.stdout, (command, shown)
        assert "etl/pi" in shown.stdout or '"name": "pi"' in shown.stdout, (command, shown)


@documented("docs/ack.md", "kubectl api-resources")
def test_a_cluster_has_resource_policies_or_not(cluster: DocumentedCluster, command: str) -> None:
    assert "resourcepolicies" not in cluster.say(command)
    with custom_kinds(cluster.control_plane, ["ResourcePolicy"]):
        assert re.search(r"^resourcepolicies .* ResourcePolicy$", cluster.say(command), re.MULTILINE)


(NEWEST_LAST,) = claimed(ALERTS, OWN_NAMESPACE + "get pods --sort-by")


@documented(ALERTS, OWN_NAMESPACE + "logs NEWEST-POD")
def test_the_log_of_the_newest_replica_names_the_fault(cluster: DocumentedCluster, command: str) -> None:
    cluster.create_pod(NAME, "newest", "Pending")
    try:
        newest = cluster.say(NEWEST_LAST).splitlines()[-1].split()[0]
        assert newest == "newest"
        assert 'found "eci-maybe"' in cluster.say(command.replace("NEWEST-POD", newest)).splitlines()[-1]
    finally:
        cluster.remove_pod("newest")


@documented("docs/overflow.md", "kubectl get pods --namespace etl --label-columns")
def test_pods_are_watched(cluster: DocumentedCluster, command: str) -> None:
    assert command.endswith(" --watch")
    line = ["bash", "-c", f"exec {command}"]
    with subprocess.Popen(line, env=cluster.shell.environment, stdout=subprocess.PIPE, text=True) as watching:
        try:
            assert watching.stdout is not None
            seen = [watching.stdout.readline().split() for _ in range(3)]
        finally:
            watching.terminate()
    (executor,) = [words for words in seen if words[0] == EXECUTOR]
    assert executor[-1] == names.OPENED


def test_several_clusters_are_examined(cluster: DocumentedCluster) -> None:
    (command,) = SEVERAL
    shown = cluster.shell.run(command).stdout.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in shown if line.startswith("│")]
    version = cluster.control_plane.get("/version")["gitVersion"]
    assert rows == [["production", version], ["staging", version], ["lab", "does not answer"]]


(DELETE_SECRET,) = {one for page in (ALERTS, OPERATIONS) for one in claimed(page, OWN_NAMESPACE + "delete secret")}


def test_a_deleted_certificate_is_issued_anew(cluster: DocumentedCluster) -> None:
    path = f"{INSIDE}/secrets/{NAME}-tls"
    before = cluster.control_plane.get(path)["data"]
    cluster.say(DELETE_SECRET)
    wait_for(lambda: cluster.control_plane.http.get(path).is_success)
    assert cluster.control_plane.get(path)["data"]["tls.crt"] != before["tls.crt"]
    webhook = cluster.running[f"{NAME}-0"]
    loaded = webhook.log.read_bytes().count(b'"loaded"')
    # A kubelet does so within a minute.
    webhook.sync()
    wait_for(lambda: webhook.log.read_bytes().count(b'"loaded"') > loaded)
    assert "caBundle, Secret and service certificate match" in cluster.say("spark-eci-webhook doctor")


@documented("charts/spark-eci-webhook/README.md", "kubectl label namespace NAMESPACE")
def test_a_namespace_opts_out_before_a_default_profile(cluster: DocumentedCluster, command: str) -> None:
    cluster.create_namespace("stays")
    cluster.say(command.replace("NAMESPACE", "stays"))
    assert cluster.control_plane.get("/api/v1/namespaces/stays")["metadata"]["labels"][names.PROFILE_LABEL] == "none"


@documented(OPERATIONS, "kubectl label namespace etl spark-eci-webhook/profile=none")
def test_one_namespace_is_turned_off(cluster: DocumentedCluster, command: str) -> None:
    cluster.say(command)
    wait_for(lambda: not placed(cluster, "etl"))


def placed(cluster: DocumentedCluster, namespace: str) -> str | None:
    """The record that a new pod would get."""
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    return placement(cluster.control_plane.create(path, spark_pod("executor")))


(UPGRADE,) = claimed(OPERATIONS, "helm upgrade spark-eci-webhook")


@documented(OPERATIONS, "kubectl delete mutatingwebhookconfiguration")
def test_the_webhook_is_turned_off_and_an_upgrade_turns_it_on(cluster: DocumentedCluster, command: str) -> None:
    assert UPGRADE.endswith("--set webhook.defaultProfile=")
    wait_for(lambda: placed(cluster, "limited"))
    cluster.say(command)
    wait_for(lambda: not placed(cluster, "limited"))
    cluster.helm(UPGRADE)
    wait_for(lambda: placed(cluster, "limited"))
    entries = cluster.control_plane.get(CONFIGURATION)["webhooks"]
    assert not [one["name"] for one in entries if one["name"].startswith("unlabelled.")]


#: The one command of each kind.
(TEST,) = {one for page in (OPERATIONS, "charts/spark-eci-webhook/README.md") for one in claimed(page, "helm test")}


def test_helm_test_asks_the_service(cluster: DocumentedCluster) -> None:
    outputs: list[str] = []
    kubelet = threading.Thread(target=cluster.run_test_pod, args=(outputs,))
    kubelet.start()
    try:
        cluster.helm(TEST)
    finally:
        kubelet.join()
    (output,) = outputs
    assert "mode=ecs-first,profile=default" in output


@documented(OPERATIONS, "helm rollback")
def test_the_previous_release_comes_back(cluster: DocumentedCluster, command: str) -> None:
    """The last upgrade but one set the policy, so what comes back has it still; the one before has not."""
    policy = f"{INSIDE}/configmaps/{NAME}-policy"
    before = cluster.control_plane.get(policy)["data"]
    cluster.helm(f"helm upgrade {NAME} charts/{NAME} --namespace {NAME} --set image.repository={OWN}")
    assert cluster.control_plane.get(policy)["data"] != before
    cluster.helm(command)
    assert cluster.control_plane.get(policy)["data"] == before


UNINSTALL = claimed(OPERATIONS, "helm uninstall")
LEFT = claimed(OPERATIONS, "kubectl delete secret", "kubectl delete lease", "kubectl delete pod", "kubectl delete job")
OPT_OUT, END = claimed(OPERATIONS, "kubectl label namespaces --selector", "kubectl delete namespace")


def test_uninstalling_and_removing_what_is_left_leaves_nothing(cluster: DocumentedCluster) -> None:
    """The last test: it ends the release."""
    for pod in cluster.running.values():
        pod.kill()
    (uninstall,) = UNINSTALL
    cluster.helm(uninstall)
    for name, command in zip((f"{NAME}-ca", OVERFLOW), LEFT, strict=False):
        assert name in command
        assert f'"{name}" deleted' in cluster.say(command)
    for command in LEFT[2:]:
        assert cluster.say(command) == ""
    labelled = cluster.control_plane.get(f"/api/v1/namespaces?labelSelector={names.PROFILE_LABEL}")
    assert labelled["items"]
    cluster.say(OPT_OUT)
    labelled = cluster.control_plane.get(f"/api/v1/namespaces?labelSelector={names.PROFILE_LABEL}")
    assert labelled["items"] == []
    secrets = cluster.control_plane.get(f"{INSIDE}/secrets")["items"]
    leases = cluster.control_plane.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAME}/leases")["items"]
    assert (secrets, leases) == ([], [])
    with finalizing(cluster):
        cluster.say(END)
    assert cluster.control_plane.http.get(INSIDE).status_code == httpx.codes.NOT_FOUND


@contextmanager
def finalizing(cluster: DocumentedCluster) -> Iterator[None]:
    """Ends the release's namespace once it is deleted, as a controller manager does when nothing is left in it."""

    def finalize() -> None:
        wait_for(lambda: "deletionTimestamp" in cluster.control_plane.get(INSIDE)["metadata"])
        namespace = cluster.control_plane.get(INSIDE)
        namespace["spec"]["finalizers"] = []
        cluster.control_plane.http.put(f"{INSIDE}/finalize", json=namespace).raise_for_status()

    thread = threading.Thread(target=finalize)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@documented(ADOPTING, "kubectl label namespace web")
def test_the_next_namespace_is_labelled(cluster: DocumentedCluster, command: str) -> None:
    cluster.create_namespace("web")
    cluster.say(command)
    labels = cluster.control_plane.get("/api/v1/namespaces/web")["metadata"]["labels"]
    assert labels[names.PROFILE_LABEL] == "default"


FIRST, AGAIN = claimed(ADOPTING, "helm upgrade --install", "helm upgrade spark-eci-webhook")


def test_adopting_begins_with_an_installation_that_observes(cluster: DocumentedCluster) -> None:
    """After the test of the uninstallation."""
    values = cluster.folder / "values.yaml"
    policy = f"{INSIDE}/configmaps/{NAME}-policy"
    for command, step in ((FIRST, "observe: true"), (AGAIN, "rollout: 10")):
        values.write_text(
            f"{{policy: {{profiles: {{default: {{executor: {{{step}}}}}}}}}, image: {{repository: {OWN}}}}}"
        )
        cluster.helm(command)
        assert step in cluster.control_plane.get(policy)["data"]["policy.yaml"]
    cluster.helm(*UNINSTALL)
