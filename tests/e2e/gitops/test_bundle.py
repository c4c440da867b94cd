"""What the requests of GitOps tools do to the caBundle, and what pods see meanwhile."""

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.manifests import CHART, RELEASE
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import Figures
from tests.e2e.gitops.steady_pods import SteadyPods
from tests.e2e.release import CONFIGURATION, Release, serving, trusted

pytestmark = [pytest.mark.needs("control-plane"), pytest.mark.needs("kubectl")]

Request = Callable[[Release, Path], None]
TABLE = "gitops"
#: How often a tool replaces the configuration in the fight.
ROUNDS = 5


@pytest.fixture(scope="module")
def release(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    namespace = control_plane.create_namespace("placement")
    with serving(control_plane, namespace, tmp_path_factory.mktemp("release"), replicas=1) as running:
        yield running


@pytest.fixture(scope="module")
def spark(control_plane: ControlPlane) -> str:
    return control_plane.create_namespace("spark", {"spark-eci-webhook/profile": "eci-only"})


@pytest.fixture(scope="module", params=["Ignore", "Fail"])
def policy(request: pytest.FixtureRequest, release: Release) -> str:
    # Helm applies on the server's side, and refuses to change a field that a replacing client owns.
    release.control_plane.http.delete(CONFIGURATION)
    release.helm.upgrade(CHART, RELEASE, {"webhook": {"failurePolicy": request.param}})
    wait_for(lambda: trusted(release.control_plane))
    return str(request.param)


@pytest.fixture
def manifest(release: Release, policy: str, tmp_path: Path) -> Path:
    """The configuration as Helm renders it, as a file."""
    objects = yaml.safe_load_all(release.helm.status(RELEASE)["manifest"])
    (found,) = [one for one in objects if one["kind"] == "MutatingWebhookConfiguration"]
    assert {entry["failurePolicy"] for entry in found["webhooks"]} == {policy, "Ignore"}
    file = tmp_path / "configuration.yaml"
    file.write_text(yaml.safe_dump(found))
    return file


def kubectl(*arguments: str) -> Request:
    """A request that kubectl makes of the file."""

    def run(release: Release, file: Path) -> None:
        environment = os.environ | {"KUBECONFIG": str(release.control_plane.kubeconfig)}
        command = ["kubectl", *arguments, "-f", str(file)]
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    return run


def put(release: Release, file: Path) -> None:
    """What `helm upgrade --force-replace` and Argo CD's `Replace=true` send: a PUT over whatever is there."""
    body: dict[str, Any] = yaml.safe_load(file.read_text())
    body["metadata"]["resourceVersion"] = release.control_plane.get(CONFIGURATION)["metadata"]["resourceVersion"]
    answer = release.control_plane.http.put(CONFIGURATION, json=body)
    assert answer.is_success, answer.text


def upgrade(release: Release, file: Path) -> None:
    """`helm upgrade` with the values that it has."""
    assert file.exists()
    release.helm.upgrade(CHART, RELEASE, {}, reuse_values=True)


KEEPING: dict[str, Request] = {
    "kubectl apply": kubectl("apply"),
    "kubectl apply --server-side --force-conflicts": kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller"
    ),
    "helm upgrade": upgrade,
}
LOSING: dict[str, Request] = {
    "PUT": put,
    "kubectl replace": kubectl("replace"),
    "kubectl replace --force": kubectl("replace", "--force"),
}


@pytest.mark.parametrize("policy", ["Ignore"], indirect=True)
@pytest.mark.parametrize("name", KEEPING)
def test_applying_keeps_every_bundle(
    release: Release, policy: str, spark: str, manifest: Path, name: str, figures: Figures
) -> None:
    before = bundles(release)
    with SteadyPods(release.control_plane, spark) as pods:
        KEEPING[name](release, manifest)
        after = bundles(release)
        pods.placed_again()
    assert after == before
    assert pods.phases == ["placed"]
    figures.add(TABLE, row(name, policy, "never lost", pods))


@pytest.mark.parametrize("name", LOSING)
def test_replacing_loses_the_bundles_until_the_controller_has_repaired_them(
    release: Release, policy: str, spark: str, manifest: Path, name: str, figures: Figures
) -> None:
    before, generation = bundles(release), revisions(release)
    with SteadyPods(release.control_plane, spark) as pods:
        LOSING[name](release, manifest)
        answered = time.monotonic()
        wait_for(lambda: trusted(release.control_plane))
        seconds = time.monotonic() - answered
        pods.placed_again()
    assert bundles(release) == before
    assert revisions(release) != generation, "the request changed nothing"
    # The loss may be shorter than the time between two pods.
    assert pods.phases in shapes(policy, name), pods.phases
    figures.add(TABLE, row(name, policy, f"{seconds:.2f} s", pods))


@pytest.mark.parametrize("policy", ["Ignore"], indirect=True)
@pytest.mark.usefixtures("policy")
def test_a_put_needs_the_version_that_it_replaces(release: Release, manifest: Path) -> None:
    answer = release.control_plane.http.put(CONFIGURATION, json=yaml.safe_load(manifest.read_text()))
    assert answer.status_code == 422
    assert "resourceVersion" in answer.text


def test_a_tool_that_replaces_every_second_costs_the_pods_between_loss_and_repair(
    release: Release, policy: str, spark: str, manifest: Path, figures: Figures
) -> None:
    with SteadyPods(release.control_plane, spark) as pods:
        for _ in range(ROUNDS):
            put(release, manifest)
            time.sleep(1)
        wait_for(lambda: trusted(release.control_plane))
        pods.placed_again()
    lost = {"Ignore": "unplaced", "Fail": "refused"}[policy]
    assert set(pods.outcomes) <= {"placed", lost}
    assert pods.phases.count(lost) <= ROUNDS
    figures.add(TABLE, row("PUT, five times, one a second", policy, "after each", pods))


def shapes(policy: str, name: str) -> list[list[str]]:
    """The phases that a loss may have: pods are lost in one stretch; without any configuration `Fail` refuses none."""
    if policy == "Ignore":
        return [["placed"], ["placed", "unplaced", "placed"]]
    short = [["placed"], ["placed", "refused", "placed"]]
    if "--force" not in name:
        return short
    return [*short, ["placed", "unplaced", "placed"], ["placed", "unplaced", "refused", "placed"]]


def bundles(release: Release) -> dict[str, str | None]:
    entries = release.control_plane.get(CONFIGURATION)["webhooks"]
    return {entry["name"]: entry["clientConfig"].get("caBundle") for entry in entries}


def revisions(release: Release) -> tuple[str, int]:
    metadata = release.control_plane.get(CONFIGURATION)["metadata"]
    return metadata["uid"], metadata["generation"]


def row(name: str, policy: str, repaired: str, pods: SteadyPods) -> dict[str, object]:
    counts = Counter(pods.outcomes)
    return {
        "request": f"`{name}`",
        "failurePolicy": policy,
        "bundle back after": repaired,
        **{outcome: counts[outcome] for outcome in ("placed", "unplaced", "refused")},
    }
