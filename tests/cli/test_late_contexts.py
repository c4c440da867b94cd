"""Contexts that hang, at the login or in the middle of an answer, beside one that is well. The others are shown."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.errors import InputError
from certs.kubeconfig import api_client
from tests.cli.conftest import ROOT, Run
from tests.deadline import wait_for
from webhook.cli.live import contexts

#: Seconds in place of those after which a cluster no longer answers.
QUIET = 8
#: Of an exec plugin that starts a process, tells its number, and never ends.
HANGING = "sleep 300 & echo $! > {}; wait"
#: A shell starts what is in its background with SIGINT ignored, and a process passes that on.
LISTENING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
)
JSON = dict[str, Any]


class ApiServers(ThreadingHTTPServer):
    """API servers in one: `/good` has no applications, `/trickles` and `/stalls` send a space now and then.

    `/trickles` does so from the first answer on, and `/stalls` after it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.slow: list[str] = []
        """The paths of answers that have no end."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's docstring says."""

    server: ApiServers

    def do_GET(self) -> None:
        _, which, path = self.path.partition("?")[0].split("/", 2)
        if which == "trickles" or (which == "stalls" and path != "version"):
            self.server.slow.append(which)
            self._send(200, 1000, b"")
            while not self.server.over.wait(0.2):
                self.wfile.write(b" ")
        elif path == "version":
            self._send(200, 25, b'{"gitVersion": "v1.31.4"}')
        elif path.endswith(("namespaces", "mutatingwebhookconfigurations")):
            self._send(200, 27, b'{"metadata":{}, "items":[]}')
        else:
            self._send(404, 2, b"{}")

    def _send(self, code: int, length: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[ApiServers]:
    with ApiServers() as started:
        thread = threading.Thread(target=started.serve_forever, args=[0.05])
        thread.start()
        yield started
        started.over.set()
        started.shutdown()
        thread.join()


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    """The file in which the plugin of the context `hanging` tells the number of the process that it started."""
    file = tmp_path / "plugin"
    yield file
    if runs(file):
        os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture
def kubeconfig(servers: ApiServers, plugin: Path, tmp_path: Path) -> Path:
    users: dict[str, JSON] = {
        "hanging": execute(HANGING.format(plugin)),
        "failing": execute("echo not allowed >&2; exit 3"),
    }
    return write(tmp_path, {name: servers.url(name) for name in ("good", "trickles", "stalls", *users)}, users)


def execute(command: str) -> JSON:
    version = "client.authentication.k8s.io/v1"
    return {
        "exec": {"apiVersion": version, "interactiveMode": "Never", "command": "sh", "args": ["-c", command]},
    }


def write(folder: Path, servers: dict[str, str], users: dict[str, JSON]) -> Path:
    """A kubeconfig with a context for each server."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in servers.items()],
        "users": [{"name": name, "user": users.get(name, {"token": "t"})} for name in servers],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in servers],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


def runs(file: Path) -> bool:
    """Whether the process whose number is in `file` runs. One that has ended may wait for its parent."""
    try:
        return " Z " not in Path(f"/proc/{int(file.read_text())}/stat").read_text()
    except FileNotFoundError:
        return False


def late(servers: ApiServers, quiet: int) -> dict[str, str]:
    """What is said of each context that is late."""
    return {
        "hanging": "no cluster: the login took more than 12 seconds; if it needs you, log in with kubectl first",
        "trickles": f"the cluster at {servers.url('trickles')} does not answer: no whole answer within 12 seconds",
        "stalls": f"the cluster at {servers.url('stalls')} no longer answers: nothing new for {quiet} seconds",
    }


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "_QUIET_SECONDS", QUIET)


@pytest.mark.usefixtures("impatient")
def test_contexts_that_hang_are_a_sentence_each_and_the_others_are_shown(
    run: Run, servers: ApiServers, kubeconfig: Path, plugin: Path
) -> None:
    names = ("hanging", "trickles", "failing", "stalls", "good")
    asked = [f"--context={name}" for name in names]
    code, out, err = run("explain", "--cluster", f"--kubeconfig={kubeconfig}", *asked, "--summary", "-o", "json")
    said = late(servers, QUIET) | {
        "failing": "no cluster: exec: process returned 3. not allowed; accepted: a kubeconfig"
    }
    faults = [f"context {name}: {said[name]}" for name in names[:-1]]
    found = json.loads(out)
    assert (code, [one["context"] for one in found["contexts"]], found["faults"]) == (2, ["good"], faults)
    assert err.splitlines() == [
        "context good: has no installation of this webhook, so the built-in policy is used",
        "context good: has no application in all namespaces",
        *faults,
    ]
    wait_for(lambda: not runs(plugin))


@pytest.mark.usefixtures("impatient")
def test_doctor_examines_the_others(run: Run, servers: ApiServers, kubeconfig: Path) -> None:
    names = ("trickles", "good", "stalls", "hanging")
    asked = [f"--context={name}" for name in names]
    code, out, err = run("doctor", f"--kubeconfig={kubeconfig}", *asked, "-o", "json")
    said = late(servers, QUIET)
    found = {one["context"]: one for one in json.loads(out)["contexts"]}
    assert {name: one["unreachable"] for name, one in found.items()} == {
        name: [said[name]] if name in said else [] for name in names
    }
    assert found["good"]["findings"]
    assert (code, err) == (2, "".join(f"context {name}: {said[name]}\n" for name in names if name in said))


@pytest.mark.parametrize("command", [("explain", "--cluster"), ("adopt", "--cluster"), ("doctor",)])
def test_ctrl_c_ends_the_command_while_contexts_hang(
    command: tuple[str, ...], servers: ApiServers, kubeconfig: Path, plugin: Path
) -> None:
    """Without it the command would wait for two minutes."""
    asked = [f"--context={name}" for name in ("stalls", "hanging", "good", "trickles")]
    words = [sys.executable, "-c", LISTENING, sys.executable, "-m", "webhook", *command]
    words += [f"--kubeconfig={kubeconfig}", *asked]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: plugin.exists() and plugin.read_text() and {"stalls", "trickles"} <= {*servers.slow})
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, "", "")
    wait_for(lambda: not runs(plugin))


def test_many_contexts_log_in_at_the_same_time(tmp_path: Path) -> None:
    """Each has the fault of its own plugin, or the certificate; that is one file, and there before it is named."""
    many = 24
    status = {"clientCertificateData": "certificate", "clientKeyData": "key"}
    credentials = json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    )
    commands = [f"echo '{credentials}'" if number % 2 else f"echo {number} >&2; exit 3" for number in range(many)]
    users = {str(number): execute(command) for number, command in enumerate(commands)}
    config = write(tmp_path, dict.fromkeys(users, "https://127.0.0.1:1"), users)
    found: dict[int, tuple[str, str]] = {}
    together = threading.Barrier(many)

    def log_in(number: int) -> None:
        together.wait()
        try:
            file = api_client(config, str(number)).configuration.cert_file
            found[number] = (file, Path(file).read_text())
        except InputError as error:
            found[number] = ("", str(error))

    threads = [threading.Thread(target=log_in, args=[number]) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (file,) = {name for name, _ in found.values() if name}
    assert found == {
        number: (file, "certificate")
        if number % 2
        else ("", f"no cluster: exec: process returned 3. {number}; accepted: a kubeconfig")
        for number in range(many)
    }
