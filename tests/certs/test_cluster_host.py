"""How a cluster is named in sentences."""

from types import SimpleNamespace

import pytest

from certs.cluster import Cluster


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
        ("https://admin:secret@10.0.0.1:6443/k8s/@c", "https://10.0.0.1:6443/k8s/@c"),
        ("https://token@lab.example.com", "https://lab.example.com"),
    ],
)
def test_the_url_has_no_password(server: str, shown: str) -> None:
    assert Cluster(SimpleNamespace(configuration=SimpleNamespace(host=server))).host == shown
