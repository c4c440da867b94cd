"""The image, built from the Dockerfile and run by uid 65532 with a read-only root."""

import gzip
import json
import os
import ssl
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from benchmarks.process import free_port
from certs.issue import ensure
from tests.chart.manifests import render
from tests.e2e.component import Component
from tests.image.conftest import TAG, is_ready
from tests.image.container import ROOT, Container, buildah
from tests.release.clone import commit_of
from webhook import __version__

pytestmark = pytest.mark.needs("buildah")

#: Of the layers that the Dockerfile adds to the base, not compressed.
MOST_BYTES = 125_000_000
REVIEW = ROOT / "tests/reviews/spark-3.5.2-executor-1.json"


def test_it_is_configured_for_an_unprivileged_user(container: Container, checkout: Path) -> None:
    configuration = container.configuration
    assert configuration["User"] == "65532:65532"
    assert configuration["Entrypoint"] == ["python", "-m", "webhook"]
    assert configuration["Cmd"] == ["serve"]
    assert configuration["ExposedPorts"].keys() == {"8443/tcp", "8080/tcp"}
    labels = {key.rsplit(".", 1)[1]: value for key, value in configuration["Labels"].items() if "opencontainers" in key}
    assert labels == {
        "title": "spark-eci-webhook",
        "description": "Places Spark pods on ECS and ECI, for whole namespaces",
        "licenses": "Apache-2.0 AND MIT",
        "version": __version__,
        "revision": commit_of(checkout),
    }


def test_the_chart_runs_it_as_it_runs_by_itself(container: Container) -> None:
    (found,) = render().one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert found["command"] == container.configuration["Entrypoint"] + container.configuration["Cmd"]


def test_it_answers_a_review_on_a_read_only_root(container: Container, tmp_path: Path) -> None:
    tls = tmp_path / "tls"
    ensure(tls, ("localhost", "127.0.0.1"), datetime.now(UTC))
    for file in tls.iterdir():
        os.chown(file, 65532, 65532)
    mounts = {tls: "/etc/spark-eci-webhook/tls"}
    port, operations = free_port(), free_port()
    ports = {"ECI_WEBHOOK_PORT": str(port), "ECI_WEBHOOK_OPERATIONS_PORT": str(operations)}
    words = [*container.configuration["Entrypoint"], *container.configuration["Cmd"]]
    service = Component(container.command(words, mounts, ports), tmp_path / "log")
    try:
        service.start(lambda: is_ready(operations))
        assert Path(f"/proc/{service.pid}/status").read_text().split("Uid:", 1)[1].split()[:4] == ["65532"] * 4
        with httpx.Client(verify=ssl.create_default_context(cafile=tls / "ca.crt"), timeout=60) as client:
            url = f"https://localhost:{port}/mutate/eci-only"
            answer = client.post(url, content=REVIEW.read_bytes(), headers={"Content-Type": "application/json"})
        response = answer.json()["response"]
        assert response["uid"] == json.loads(REVIEW.read_bytes())["request"]["uid"]
        assert response["patchType"] == "JSONPatch"
    finally:
        service.stop(60)
    assert '"event":"stopped"' in (tmp_path / "log").read_text().replace(" ", "")


def test_nobody_can_write_to_the_root(container: Container) -> None:
    done = container.run("python", "-c", "open('/app/new', 'w')")
    assert "Read-only file system" in done.stderr


def test_it_knows_the_defaults_of_the_chart(container: Container, tmp_path: Path) -> None:
    # pytest lets only its own user into tmp_path.
    folder = tmp_path / "values"
    folder.mkdir()
    (folder / "values.yaml").write_text("policy: {profiles: {mine: {}}}")
    words = [*container.configuration["Entrypoint"], "validate", "--values", "/mnt/values.yaml"]
    done = container.run(*words, mounts={folder: "/mnt"})
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


def test_it_holds_what_runs_and_nothing_else(container: Container) -> None:
    assert {path.name for path in (container.root / "app").iterdir()} == {"webhook", "certs", "charts", "LICENSE"}
    charts = [path.relative_to(container.root / "app/charts") for path in (container.root / "app/charts").rglob("*.*")]
    assert sorted(map(str, charts)) == ["spark-eci-webhook/values.schema.json", "spark-eci-webhook/values.yaml"]
    assert not list((container.root / "opt/venv/bin").glob("pip*"))
    assert not [tool for tool in ("gcc", "cc", "make") if (container.root / "usr/bin" / tool).exists()]
    packages = {path.name for path in next((container.root / "opt/venv/lib").glob("python3*/site-packages")).iterdir()}
    assert packages & {"pytest", "mypy", "helm_python", "hypothesis"} == set()


def test_its_bytecode_is_there_already(container: Container) -> None:
    sources = [one for folder in ("app", "opt/venv") for one in (container.root / folder).rglob("*.py")]
    assert len(sources) > 1000
    assert [one for one in sources if not list((one.parent / "__pycache__").glob(f"{one.stem}.cpython-*.pyc"))] == []


def test_its_bytecode_counts_whatever_time_a_source_has(container: Container) -> None:
    """Layers round times to seconds, so bytecode with a time in it may be out of date in the image."""
    bytecode = [one for folder in ("app", "opt/venv") for one in (container.root / folder).rglob("*.pyc")]
    assert len(bytecode) > 2000
    # The four bytes after the magic number: 0 is by time, 1 by hash but unchecked, 3 by hash.
    assert {path.read_bytes()[4:8] for path in bytecode} == {b"\x01\0\0\0"}


def _layers(image: str) -> list[str]:
    """The digest of each layer, not compressed, from the base up."""
    found = json.loads(buildah("inspect", "--type", "image", image))
    return list(found["OCIv1"]["rootfs"]["diff_ids"])


def _bytes(archive: Path) -> list[int]:
    """The bytes of each layer in an OCI archive, not compressed, from the base up."""
    with tarfile.open(archive) as opened:

        def blob(digest: str) -> bytes:
            found = opened.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert found is not None
            return found.read()

        index = json.loads(opened.extractfile("index.json").read())  # type: ignore[union-attr]
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        return [len(gzip.decompress(blob(layer["digest"]))) for layer in manifest["layers"]]


def test_its_own_layers_are_small(container: Container, released: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert container.root.exists()
    base, layers = _layers(os.environ["BASE_IMAGE"]), _layers(TAG)
    assert layers[: len(base)] == base
    (archive,) = released.glob("spark-eci-webhook-[0-9]*.oci.tar")
    sizes = _bytes(archive)
    own, others = sum(sizes[len(base) :]), sum(sizes[: len(base)])
    with capsys.disabled():
        print(f"\n{TAG}: {own / 1e6:.1f} MB on a base of {others / 1e6:.1f} MB")  # noqa: T201
    assert own <= MOST_BYTES
