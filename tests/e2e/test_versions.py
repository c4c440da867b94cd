"""The version of Kubernetes under test is one of those that docs/versions.md calls tried."""

import os

import pytest

from tests.documents.versions import KUBERNETES
from tests.e2e.control_plane import ControlPlane

pytestmark = pytest.mark.needs("control-plane")


def test_the_version_under_test_is_told(control_plane: ControlPlane) -> None:
    found = control_plane.get("/version")["gitVersion"].removeprefix("v")
    told = [one for one in KUBERNETES if found == one or found.startswith(f"{one}.")]
    assert told, f"tests/e2e/versions.yaml does not have {found}; accepted: {', '.join(KUBERNETES)}"
    if os.environ.get("CI"):
        assert KUBERNETES[told[0]] == "always"
