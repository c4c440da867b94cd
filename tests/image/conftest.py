"""The image of this checkout, built once for all tests, as it is released."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.image.container import BUILDAH, Container, buildah
from tests.release.clone import build, checkout_of_now

TAG = "localhost/spark-eci-webhook:test"


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, which has all files of this checkout."""
    return checkout_of_now(tmp_path_factory.mktemp("release") / "checkout")


@pytest.fixture(scope="session")
def released(checkout: Path) -> Path:
    """The folder with what `make release` builds of it."""
    done = build(checkout, buildah=shlex.join(BUILDAH))
    assert done.returncode == 0, done.stderr
    return checkout / "dist"


@pytest.fixture(scope="session")
def container(released: Path) -> Iterator[Container]:
    """A container of the image that is released."""
    (archive,) = released.glob("spark-eci-webhook-[0-9]*.oci.tar")
    buildah("tag", buildah("pull", "--quiet", f"oci-archive:{archive}"), TAG)
    made = Container(TAG)
    yield made
    made.remove()
    buildah("rmi", TAG)


def is_ready(port: int) -> bool:
    """Whether the service with this operations port takes reviews."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.HTTPError:
        return False
