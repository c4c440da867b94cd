"""A release of 0.1.0 becomes one of this version, and one of 0.1.0 again, while Spark pods are created without a pause."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import httpx
import pytest

from tests.chart.manifests import CHART, FULLNAME, RELEASE
from tests.documents.commands import claimed
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node
from tests.e2e.release import CONFIGURATION, Release, answering, helm_test, installed, start_controller
from tests.e2e.test_chart_release import everything
from tests.e2e.upgrades import former
from tests.e2e.upgrades.stream import Stream
from tests.live_service import ROOT
from webhook import __version__

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("kubectl")]

PAGE = "docs/upgrading.md"
(UPGRADE,), (TEST,), (DOCTOR,), (DELETE,), (ROLLBACK,) = (
    claimed(PAGE, start)
    for start in ("helm upgrade", "helm test", "spark-eci-webhook doctor", "kubectl delete", "helm rollback")
)
#: Profiles that only observe, or act on a share of the applications.
LEFT_ALONE = ("watched", "mixed")
PROFILES = ("nightly", "mixed", "watched", "strict", "default", "ecs-first")


@pytest.fixture
def virtual_node(control_plane: ControlPlane) -> Iterator[None]:
    """The node that `doctor` asks for, with the taints of the values."""
    metadata = {"name": "virtual-node", "labels": {"type": "virtual-kubelet"}}
    taints = former.VALUES["policy"]["virtualNode"]["taints"]
    control_plane.create("/api/v1/nodes", {"metadata": metadata, "spec": {"taints": taints}})
    yield
    control_plane.http.delete("/api/v1/nodes/virtual-node").raise_for_status()


@pytest.fixture
def release(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Release]:
    """Version 0.1.0, with values of then, and its own code in its pods."""
    old = former.unpacked(tmp_path / "former")
    namespace = control_plane.create_namespace("placement")
    node = Node(control_plane, tmp_path / "node", {former.VERSION: old.packages})
    with installed(control_plane, namespace, former.VALUES, old.chart) as helm:
        try:
            controller = start_controller(node, namespace)
            with answering(helm, node, namespace) as started:
                started.controller = controller
                started.proxy.period = 1
                yield started
        finally:
            node.stop()


@pytest.mark.usefixtures("virtual_node")
def test_an_upgrade_and_its_rollback_place_every_pod_as_before(control_plane: ControlPlane, release: Release) -> None:
    """With the same values. The digest of the policy is another one, as docs/upgrading.md says, and comes back."""
    assert _versions(release) == {former.VERSION}
    before = everything(control_plane, release.namespace)
    secrets, bundle = _secrets(release), _bundle(control_plane)
    since = control_plane.get(CONFIGURATION)["metadata"]["resourceVersion"]

    stream = Stream(control_plane, PROFILES, threads=2)
    expected = stream.once()
    assert [sent for sent in stream.pods if sent.profile not in LEFT_ALONE and not expected[sent]] == []
    (digest,) = stream.digests
    with stream:
        assert _faults(release) == []
        with pytest.raises(helm_python.HelmError, match="missing properties"):
            release.helm.upgrade(CHART, RELEASE, {}, reuse_values=True)
        _helm(release, UPGRADE)
        release.roll()
        assert _versions(release) == {__version__}
        upgraded = set(stream.digests) - {digest}
        _helm(release, TEST)
        assert _faults(release) == []

        _kubectl(release, DELETE)
        _helm(release, ROLLBACK)
        release.roll()
        assert _versions(release) == {former.VERSION}
        # What was asked before the rollback was answered by then.
        stream.once()
        stream.digests.clear()
        _helm(release, TEST)
    stream.once()

    wrong = {one: dict(got) for one, got in stream.records.items() if set(got) != {expected[one]}}
    assert (stream.refusals, wrong) == ({}, {})
    assert len(stream.records) == len(stream.pods)
    assert (len(upgraded), set(stream.digests)) == (1, {digest})
    assert everything(control_plane, release.namespace) == before
    assert (_secrets(release), _bundle(control_plane)) == (secrets, bundle)
    assert {one for stored in _stored(control_plane, since) for one in _bundles(stored)} == {bundle}


def _helm(release: Release, command: str) -> None:
    """Does what a command of the page does, by Helm's library. The pod of `helm test` is removed, as no other object has its kind."""
    words = shlex.split(command.replace("spark-eci-webhook charts/spark-eci-webhook", f"{RELEASE} {CHART}"))
    match words[1:]:
        case ["upgrade", name, chart, "--namespace", _, "--values", "values.yaml", "--wait"]:
            # Nothing here would write the status that --wait waits for. test_first_install.py does.
            release.helm.upgrade(chart, name, former.VALUES)
        case ["test", _, "--namespace", _]:
            succeeded, output = helm_test(release)
            assert succeeded, output
            release.control_plane.remove_pods(release.namespace)
        case ["rollback", _, "--namespace", _]:
            release.helm.rollback(RELEASE)
        case other:
            raise ValueError(f"found {other}; accepted: the commands of {PAGE}")


def _kubectl(release: Release, command: str) -> None:
    """Runs a command of the page. There is no controller manager, so what it deletes takes its process with it here."""
    words = shlex.split(command.replace("deployment spark-eci-webhook", f"deployment {FULLNAME}"))
    words[-1] = release.namespace
    subprocess.run([*words, "--kubeconfig", release.control_plane.kubeconfig], check=True, capture_output=True)
    assert release.controller
    release.controller.stop()


def _faults(release: Release) -> list[str]:
    """What `doctor` calls a fault, without the namespaces that other tests have left."""
    program, *arguments = shlex.split(DOCTOR)
    assert program == "spark-eci-webhook"
    variables = os.environ | {"KUBECONFIG": str(release.control_plane.kubeconfig)}
    command = [sys.executable, "-m", "webhook", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    namespaces = release.control_plane.get("/api/v1/namespaces")["items"]
    born = {one["metadata"]["name"]: one["metadata"]["creationTimestamp"] for one in namespaces}
    others = [name for name, time in born.items() if time < born[release.namespace]]
    foreign = re.compile(rf"✗ namespaces +({'|'.join(map(re.escape, others))}): ")
    faults = [line for line in ran.stdout.splitlines() if line.startswith("✗") and not foreign.match(line)]
    return faults + ran.stderr.splitlines()


def _versions(release: Release) -> set[str]:
    """What the replicas say that they are."""
    found = set()
    for pod in release.pods:
        text = httpx.get(httpx.URL(pod.url("readinessProbe")).copy_with(path="/metrics"), timeout=30).text
        found.update(re.findall(r'^spark_eci_webhook_build_info{version="(.+)"} 1', text, re.MULTILINE))
    return found


def _secrets(release: Release) -> dict[str, Any]:
    """The CA and the serving certificate."""
    items = release.control_plane.get(f"/api/v1/namespaces/{release.namespace}/secrets")["items"]
    return {one["metadata"]["name"]: one["data"] for one in items if one["metadata"]["name"].startswith(FULLNAME)}


def _bundle(control_plane: ControlPlane) -> str:
    """The caBundle of every entry."""
    (bundle,) = set(_bundles(control_plane.get(CONFIGURATION)))
    return bundle


def _bundles(configuration: dict[str, Any]) -> list[str]:
    """The caBundle of each entry of a profile; an empty text for one that has none."""
    entries = [one for one in configuration["webhooks"] if not one["name"].startswith("canary.")]
    return [one["clientConfig"].get("caBundle", "") for one in entries]


def _stored(control_plane: ControlPlane, since: str) -> list[dict[str, Any]]:
    """Each version of the webhook configuration that was stored after `since`."""
    path, _, name = CONFIGURATION.rpartition("/")
    asked = {"watch": "true", "resourceVersion": since, "timeoutSeconds": "2", "fieldSelector": f"metadata.name={name}"}
    with control_plane.http.stream("GET", path, params=asked) as answer:
        return [json.loads(line)["object"] for line in answer.iter_lines()]
