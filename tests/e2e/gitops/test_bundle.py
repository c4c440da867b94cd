"""What the requests of GitOps tools do to the caBundle, and what pods see meanwhile."""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
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
    while True:
        body["metadata"]["resourceVersion"] = release.control_plane.get(CONFIGURATION)["metadata"]["resourceVersion"]
        answer = release.control_plane.http.put(CONFIGURATION, json=body)
        # The controller may have repaired it in between.
        if answer.status_code != httpx.codes.CONFLICT:
            break
    assert answer.is_success, answer.text


def upgrade(release: Release, file: Path) -> None:
    """`helm upgrade` with the values that it has."""
    assert file.exists()
    release.helm.upgrade(CHART, RELEASE, {}, reuse_values=True)


SERVER_SIDE = "kubectl apply --server-side --force-conflicts"
#: What Argo CD's `ServerSideApply=true` sends.
_AS_ARGO_CD = ("apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller")
KEEPING: dict[str, Request] = {
    "kubectl apply": kubectl("apply"),
    SERVER_SIDE: kubectl(*_AS_ARGO_CD),
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
    assert stored_without_bundles(release) == yaml.safe_load(manifest.read_text())["webhooks"]
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


@pytest.mark.parametrize("policy", ["Ignore"], indirect=True)
@pytest.mark.usefixtures("policy")
def test_an_entry_that_leaves_git_leaves_the_cluster_unless_its_bundle_is_merged_into_what_is_applied(
    release: Release, manifest: Path, tmp_path: Path
) -> None:
    release.control_plane.http.delete(CONFIGURATION)
    KEEPING[SERVER_SIDE](release, manifest)
    wait_for(lambda: trusted(release.control_plane))
    before = bundles(release)
    gone = remove_an_entry(manifest)
    merged = tmp_path / "merged.yaml"
    merged.write_text(merge(manifest, before))
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl(*_AS_ARGO_CD, "--validate=false")(release, merged)
    assert "sideEffects: Required value" in refused.value.stderr
    KEEPING[SERVER_SIDE](release, manifest)
    assert bundles(release) == {name: bundle for name, bundle in before.items() if name != gone}


@pytest.mark.parametrize("policy", ["Ignore"], indirect=True)
@pytest.mark.usefixtures("policy")
def test_an_entry_that_helm_owns_stays_when_it_leaves_what_another_tool_applies(
    release: Release, manifest: Path
) -> None:
    release.control_plane.http.delete(CONFIGURATION)
    upgrade(release, manifest)
    KEEPING[SERVER_SIDE](release, manifest)
    gone = remove_an_entry(manifest)
    KEEPING[SERVER_SIDE](release, manifest)
    assert gone in bundles(release)


def remove_an_entry(manifest: Path) -> str:
    """Removes the entry of a profile from the file, and returns its name."""
    body = yaml.safe_load(manifest.read_text())
    removed = body["webhooks"].pop(1)
    manifest.write_text(yaml.safe_dump(body))
    return str(removed["name"])


def merge(manifest: Path, found: dict[str, str | None]) -> str:
    """The file with the caBundles merged in by name, as Argo CD's `RespectIgnoreDifferences=true` does before 3.3.13."""
    patch = {"webhooks": [{"name": name, "clientConfig": {"caBundle": bundle}} for name, bundle in found.items()]}
    command = ["kubectl", "patch", "--local", "--type=strategic", f"--patch={json.dumps(patch)}", "--output=yaml"]
    done = subprocess.run([*command, "-f", str(manifest)], check=True, capture_output=True, text=True)
    return done.stdout


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


def stored_without_bundles(release: Release) -> list[dict[str, Any]]:
    """The entries as the API server has them, but for their caBundles."""
    entries: list[dict[str, Any]] = release.control_plane.get(CONFIGURATION)["webhooks"]
    for entry in entries:
        del entry["clientConfig"]["caBundle"]
    return entries


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
