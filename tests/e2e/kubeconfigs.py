"""Kubeconfigs with several contexts, of which some do not answer."""

import base64
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.e2e.control_plane import ControlPlane

#: A control plane; one whose certificate is checked by another CA; or a URL at which no API server answers.
Target = ControlPlane | tuple[ControlPlane, Path] | str
#: A token that no API server knows.
NOBODYS = "a-token-of-nobody"


def kubeconfig(folder: Path, *, unknown: tuple[str, ...] = (), **targets: Target) -> Path:
    """Writes a kubeconfig with a context for each target; the first one is current.

    The user is the administrator, or for those that `unknown` names somebody with a token that nobody knows.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": _cluster(target)} for name, target in targets.items()],
        "users": [
            {"name": name, "user": {"token": NOBODYS} if name in unknown else _user(target)}
            for name, target in targets.items()
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in targets],
        "current-context": next(iter(targets)),
    }
    path = folder / "several.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content))
    return path


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


def _cluster(target: Target) -> dict[str, str]:
    if isinstance(target, str):
        return {"server": target}
    plane, ca = target if isinstance(target, tuple) else (target, target.ca)
    return {"server": plane.url, "certificate-authority-data": base64.b64encode(ca.read_bytes()).decode()}


def _user(target: Target) -> dict[str, str]:
    if isinstance(target, str):
        return {"token": NOBODYS}
    plane = target[0] if isinstance(target, tuple) else target
    certificate, key = (base64.b64encode(one.read_bytes()).decode() for one in plane.administrator)
    return {"client-certificate-data": certificate, "client-key-data": key}
