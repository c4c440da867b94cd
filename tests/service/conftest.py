from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_service import Service, issue, service


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine."""
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def built_in(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the built-in policy."""
    with service(tls, tmp_path_factory.mktemp("log") / "log") as running:
        yield running
