"""`make index` joins the images of two architectures, here empty ones, and skopeo reads both as they were."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.release.clone import checkout_of_now
from webhook import __version__

pytestmark = [pytest.mark.needs("git"), pytest.mark.needs("buildah"), pytest.mark.needs("registry")]
BUILDAH = "buildah --storage-driver vfs"
NAME = f"spark-eci-webhook-{__version__}"


def _run(command: str, folder: Path) -> str:
    done = subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _image(architecture: str, folder: Path) -> None:
    tag, name = f"localhost/index-test-{architecture}", f"{NAME}-{architecture}.oci.tar"
    container = _run(f"{BUILDAH} from scratch", folder)
    try:
        _run(f"{BUILDAH} config --arch {architecture} --os linux {container}", folder)
        _run(f"{BUILDAH} commit --quiet {container} {tag}", folder)
        _run(f"{BUILDAH} push --quiet --format oci {tag} oci-archive:dist/{name}", folder)
    finally:
        _run(f"{BUILDAH} rm {container}", folder)
        _run(f"{BUILDAH} rmi --force {tag}", folder)


def test_the_index_has_both_images_and_one_that_lacks_is_named(tmp_path: Path) -> None:
    checkout = checkout_of_now(tmp_path / "checkout")
    (checkout / "dist").mkdir()
    command = ["make", "index", f"BUILDAH={BUILDAH}"]
    _image("amd64", checkout)
    done = subprocess.run(command, cwd=checkout, check=False, capture_output=True, text=True)
    lacks = f"error: dist/{NAME}-arm64.oci.tar: not found; accepted: what make release builds"
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, lacks)
    _image("arm64", checkout)
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    index = json.loads(_manifest(NAME, checkout))
    images = [(_digest(_manifest(f"{NAME}-{one}", checkout)), one) for one in ("amd64", "arm64")]
    assert [(one["digest"], one["platform"]["architecture"]) for one in index["manifests"]] == images
    assert [one["platform"]["os"] for one in index["manifests"]] == ["linux", "linux"]


def _manifest(name: str, folder: Path) -> str:
    return _run(f"skopeo inspect --raw oci-archive:dist/{name}.oci.tar", folder)


def _digest(manifest: str) -> str:
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
