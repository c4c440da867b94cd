"""The image of this checkout, built once for all tests."""

from collections.abc import Iterator

import httpx
import pytest

from tests.image.container import Container, build, buildah

TAG = "localhost/spark-eci-webhook:test"


@pytest.fixture(scope="session")
def container() -> Iterator[Container]:
    """A container of it."""
    build(TAG)
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
