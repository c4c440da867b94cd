"""The page in the image, started as the chart's Deployment says: on the loopback of its pod alone, and with a read-only root."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from benchmarks.process import free_port
from certs.issue import ensure
from tests.chart.manifests import Rendered, render
from tests.e2e.component import Component
from tests.image.conftest import is_ready
from tests.image.container import ROOT, Container
from webhook.core.policy import Policy

pytestmark = pytest.mark.needs("buildah")

EXAMPLE = "examples/ecs-first/before.yaml"


@dataclass(frozen=True)
class Running:
    """A service that runs as the chart says, with these ports."""

    service: Component
    ports: dict[str, int]
    page: int


@pytest.fixture(scope="module")
def running(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    ports, page = {"https": free_port(), "operations": free_port()}, free_port()
    rendered = render({"page": {"enabled": True, "port": page}, "ports": ports})
    (found,) = rendered.one("Deployment")["spec"]["template"]["spec"]["containers"]
    folder = tmp_path_factory.mktemp("page")
    volumes = {"policy": _policy(rendered, folder / "policy"), "tls": _certificate(folder / "tls")}
    mounts = {volumes[one["name"]]: one["mountPath"] for one in found["volumeMounts"]}
    words = [*found["command"], *found["args"]]
    variables = {one["name"]: one["value"] for one in found["env"]}
    service = Component(container.command(words, mounts, variables), folder / "log")
    try:
        service.start(partial(is_ready, ports["operations"]))
        yield Running(service, ports, page)
    finally:
        service.stop()


def _policy(rendered: Rendered, folder: Path) -> Path:
    """A folder with what the Deployment mounts from its ConfigMap."""
    folder.mkdir()
    (configured,) = rendered.template("configmap-policy.yaml")
    for name, text in configured["data"].items():
        (folder / name).write_text(text)
    return folder


def _certificate(folder: Path) -> Path:
    ensure(folder, ("localhost", "127.0.0.1"), datetime.now(UTC))
    for file in folder.iterdir():
        os.chown(file, 65532, 65532)
    return folder


def test_every_file_of_the_page_is_served(running: Running) -> None:
    files = list((ROOT / "webhook/page/static").iterdir())
    assert files
    with httpx.Client(base_url=f"http://127.0.0.1:{running.page}", timeout=60) as client:
        for file in files:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            assert client.get(path).content == file.read_bytes(), path


def test_it_explains_as_the_command_of_this_checkout_does(running: Running, tmp_path: Path) -> None:
    origin = f"http://127.0.0.1:{running.page}"
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=120) as client:
        started = client.get("/start").json()
        question = {"documents": (ROOT / EXAMPLE).read_text(), "policy": "", "profile": "eci-only"}
        answer = client.post("/explain", json=question)
    assert started["policy"]["digest"] == Policy().digest
    assert (answer.status_code, answer.json()["faults"]) == (200, [])
    # The page gives the text this name.
    (tmp_path / "application.yaml").write_text(question["documents"])
    command = [
        sys.executable,
        "-m",
        "webhook",
        "explain",
        "-f",
        "application.yaml",
        "--profile",
        "eci-only",
        "-o",
        "json",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert answer.json()["explanation"] == json.loads(done.stdout)


def test_it_listens_on_loopback_alone(running: Running) -> None:
    """All of 127.0.0.0/8 is this machine's, so 127.0.0.2 stands for the pod's own address."""
    for name, port in running.ports.items():
        with closing(socket.create_connection(("127.0.0.2", port), 10)):
            assert name
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", running.page), 10)
    listening = _listening(running.page)
    assert listening <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in listening
    assert ("::1" in listening) == _has_ipv6_loopback()


def _listening(port: int) -> set[str]:
    """The addresses at which something of this machine's network listens on a port (Linux: proc_net_tcp)."""
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, number = local.split(":")
            if state == "0A" and int(number, 16) == port:
                words = bytes.fromhex(address)
                packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
                found.add(socket.inet_ntop(family, packed))
    return found


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_its_processes_are_the_service_of_the_unprivileged_user_and_two_more(running: Running) -> None:
    commands = [_command(pid) for pid in _family(running.service.pid)]
    assert [words[:3] for words in commands] == [
        ["python", "-m", "webhook"],
        [words[0] for words in commands[1:2]] + ["-m", "webhook.page"],
        [words[0] for words in commands[2:3]] + ["-m", "webhook.playground"],
    ]
    for pid in _family(running.service.pid):
        status = Path(f"/proc/{pid}/status").read_text()
        assert status.split("Uid:", 1)[1].split()[:4] == ["65532"] * 4
        assert int(status.split("CapEff:", 1)[1].split()[0], 16) == 0


def _command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def _family(pid: int) -> list[int]:
    """The process and all that it started, the parents first."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]
