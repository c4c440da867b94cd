"""The page process of a service: it starts, is started again, ends with the service, and never matters to a review."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.process import free_port
from tests.admission_reviews import UID, review
from tests.deadline import wait_for
from tests.live_service import ROOT, Service, _ready, service
from tests.service.test_admission import POD
from webhook import __version__
from webhook.service import page
from webhook.service.listener import ListenError, listen
from webhook.service.policy_file import parse_policy

#: A service whose page process is the program in the first argument. As the first process of a container, it becomes the
#: parent of processes that lose theirs (prctl(2): PR_SET_CHILD_SUBREAPER).
SCRIPT = """
import ctypes, functools, sys
from webhook.service import page, server

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
page.Page = functools.partial(page.Page, command=[sys.executable, "-c", sys.argv[1]])
page._AGAIN_SECONDS = 0.1
sys.exit(server.run(sys.argv[2:]))
"""
#: The page process itself.
PAGE = "import sys; from webhook.page.process import run; sys.exit(run(sys.argv[1:]))"
#: Writes the greeting and all messages into a file.
LISTENER = """
import socket, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
feed = socket.socket(fileno=int(arguments["--feed"]))
with open({file!r}, "ab", buffering=0) as file:
    message = sys.stdin.buffer.read()
    while message:
        file.write(message + b"\\n")
        message = feed.recv(1 << 20)
"""


@contextlib.contextmanager
def _served(
    tls: Path, folder: Path, program: str, arguments: Sequence[str] = (), *, before: str = ""
) -> Iterator[Service]:
    """A service whose page process is `program`. The code `before` runs first."""
    log = folder / "log"
    command = [
        sys.executable,
        "-c",
        before + SCRIPT,
        program,
        "--tls-dir",
        str(tls),
        "--port",
        "0",
        "--operations-port",
        "0",
    ]
    command += ["--page-port", "0", "--drain-seconds", "0", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        try:
            yield _ready(process, tls, log)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait(30)


@contextlib.contextmanager
def _paged(tls: Path, folder: Path, *arguments: str) -> Iterator[Service]:
    """A service with a page."""
    with service(tls, folder / "log", ["--page-port", "0", *arguments]) as running:
        yield running


def _admit(running: Service, times: int = 1, **request: Any) -> None:
    with running.client() as client:
        for _ in range(times):
            answer = client.post("/mutate", content=review(POD, **request)).json()["response"]
            assert (answer["uid"], answer["allowed"], "patch" in answer) == (UID, True, True)


def _children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(one) for one in found.split()]


def _child(running: Service) -> int:
    """The page process, once it answers."""
    httpx.get(running.page, timeout=60).raise_for_status()
    (found,) = _children(running.process.pid)
    return found


def _descendants(running: Service) -> list[int]:
    """The page process, and the one that explains once it has started."""
    child = _child(running)
    wait_for(lambda: _children(child))
    return [child, *_children(child)]


def _ended(process: int) -> bool:
    """Whether the process has ended. Perhaps nobody has asked for its exit code."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return True
    return status.rpartition(") ")[2].startswith("Z")


def _snapshot(running: Service) -> dict[str, Any]:
    """The first event of a new live view."""
    with httpx.stream("GET", f"{running.page}/live", timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found
    raise AssertionError(answer.status_code)


def _decisions(running: Service) -> list[int]:
    return [one["seq"] for one in _snapshot(running)["decisions"]]


def _page_lines(running: Service) -> list[dict[str, Any]]:
    """The log lines about the page, without what differs from run to run."""
    lines = [line for line in running.lines() if line["event"] == "page"]
    return [{key: value for key, value in line.items() if key not in ("event", "timestamp")} for line in lines]


def _held(process: int) -> list[str]:
    """What the descriptors of a process refer to."""
    found = []
    for one in Path(f"/proc/{process}/fd").iterdir():
        # It may be closed in this moment.
        with contextlib.suppress(FileNotFoundError):
            found.append(str(one.readlink()))
    return found


def _listening(process: int) -> set[tuple[str, int]]:
    """The addresses on which a process listens, as the kernel writes them."""
    held, found = _held(process), set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                found.add((address, int(port, 16)))
    return found


def test_the_page_process_hears_a_greeting_and_then_ticks(tls: Path, tmp_path: Path) -> None:
    """Whole messages. They have nothing of the pod but what the live view shows."""
    file = tmp_path / "messages"
    policy = tmp_path / "policy.yaml"
    policy.write_text("profiles: {default: {executor: {mode: eci-only}}}", encoding="utf-8")
    with _served(tls, tmp_path, LISTENER.format(file=str(file)), ["--policy", str(policy)]) as running:
        _admit(running, 2, namespace="etl")
        wait_for(lambda: file.exists() and '"seq":2' in file.read_text(encoding="utf-8"))
        lines = running.admissions(2)
    first, *ticks = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    (expiry,) = [line["not_after"] for line in running.lines() if line["event"] == "certificate"]
    document = {"profiles": {"default": {"executor": {"mode": "eci-only"}}}}
    (serving,) = [line for line in running.lines() if line["event"] == "serving"]
    assert first == {
        "version": __version__,
        "policy": {"digest": serving["policy"], "document": document},
        "service": {"url": running.url, "ca": str(tls / "ca.crt"), "inCluster": False},
        "started": first["started"],
    }
    assert parse_policy(json.dumps(document).encode(), "document").digest == serving["policy"]
    told = [row for tick in ticks for row in tick["decisions"]]
    durations = [line["duration_us"] for line in lines]
    assert told == [
        [seq, told[seq - 1][1], "etl", "", "executor", "eci-only", "patched", "", durations[seq - 1]] for seq in (1, 2)
    ]
    last = ticks[-1]
    assert first["started"] <= told[0][1] <= told[1][1] <= last["now"] <= time.time()
    admitted, decisions = [["eci-only", "patched", 2]], last["decisions"]
    assert round(last["certificateNotAfter"]) == expiry
    assert last == {
        "now": last["now"],
        "certificateNotAfter": last["certificateNotAfter"],
        "admitted": admitted,
        "warnings": {},
        "seq": 2,
        "decisions": decisions,
    }


def test_a_policy_that_is_larger_than_a_message_is_told(tls: Path, tmp_path: Path) -> None:
    policy, file = tmp_path / "policy.yaml", tmp_path / "messages"
    profiles = {
        f"profile-{number}": {"executor": {"mode": "eci-only", "annotations": {"a": "x" * 400}}}
        for number in range(1000)
    }
    policy.write_text(json.dumps({"profiles": profiles}), encoding="utf-8")
    with _served(tls, tmp_path, LISTENER.format(file=str(file)), ["--policy", str(policy)]) as running:
        wait_for(lambda: file.exists() and file.read_bytes().count(b"\n") >= 2)
        running.readiness().raise_for_status()
    first, tick, *_ = file.read_bytes().splitlines()
    assert len(first) > 400_000
    assert json.loads(first)["policy"]["document"] == {"profiles": profiles}
    assert json.loads(tick)["seq"] == 0


def test_the_page_listens_on_loopback_alone(tls: Path, tmp_path: Path) -> None:
    with _paged(tls, tmp_path, "--host", "::") as running:
        _child(running)
        found, port = _listening(running.process.pid), int(running.page.rpartition(":")[2])
        others = {one[1] for one in found} - {port}
        assert running.page == f"http://127.0.0.1:{port}"
        assert others == {running.port, running.operations_port}
        addresses = {address for address, number in found if number == port}
        assert addresses == {"0100007F", "00000000000000000000000001000000"}
        assert httpx.get(f"http://[::1]:{port}", timeout=60).is_success


def test_without_the_setting_there_is_no_page(built_in: Service) -> None:
    assert built_in.page == ""
    assert _children(built_in.process.pid) == []
    assert {port for _, port in _listening(built_in.process.pid)} == {built_in.port, built_in.operations_port}


def test_the_page_process_has_no_key_no_log_and_no_secret(tls: Path, tmp_path: Path) -> None:
    secret = {"SECRET_OF_SOMEBODY": "s3cret", "ECI_WEBHOOK_LOG_RATE": "7"}
    with service(tls, tmp_path / "log", ["--page-port", "0"], secret) as running:
        for process in _descendants(running):
            assert [one for one in _held(process) if one.startswith((str(tls), str(tmp_path)))] == []
            assert b"SECRET" not in Path(f"/proc/{process}/environ").read_bytes()
            assert b"ECI_WEBHOOK" not in Path(f"/proc/{process}/environ").read_bytes()


def test_a_page_process_that_is_killed_is_started_again(tls: Path, tmp_path: Path) -> None:
    """The new one knows the decisions before. Meanwhile reviews are answered, and the service stays ready."""
    with _paged(tls, tmp_path) as running:
        first = _child(running)
        _admit(running, 2)
        wait_for(lambda: _decisions(running) == [1, 2])
        os.kill(first, signal.SIGKILL)
        _admit(running)
        running.readiness().raise_for_status()
        wait_for(lambda: _decisions(running) == [1, 2, 3])
        assert _child(running) != first
        assert {"level": "warning", "outcome": "ended", "code": -9} in _page_lines(running)
        assert [running.metric(f'failed_tasks_total{{task="{name}"}}') for name in ("admissions", "reload")] == [0, 0]


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGSTOP])
def test_a_page_process_that_is_killed_leaves_nothing(tls: Path, tmp_path: Path, number: int) -> None:
    """Neither a zombie, nor a process that explains and is stopped."""
    with _served(tls, tmp_path, PAGE) as running:
        child, explaining = _descendants(running)
        os.kill(explaining, number)
        os.kill(child, signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{one}").exists() for one in (child, explaining)))


def test_a_page_process_that_hangs_makes_no_review_wait(tls: Path, tmp_path: Path) -> None:
    """Whatever comes meanwhile is counted, and little of it is kept, even if labels are megabytes long."""
    with _paged(tls, tmp_path) as running:
        child = _child(running)
        _admit(running)
        wait_for(lambda: _decisions(running) == [1])
        os.kill(child, signal.SIGSTOP)
        try:
            before = running.peak_mib
            pod = {**POD, "metadata": {"generateName": "x" * 1_000_000, "labels": {**POD["metadata"]["labels"]}}}
            pod["metadata"]["labels"]["spark-app-selector"] = "y" * 1_000_000
            long = review(pod)
            with running.client() as client:
                for _ in range(60):
                    assert client.post("/mutate", content=long).status_code == httpx.codes.OK
            _admit(running, 20)
            running.readiness().raise_for_status()
            # Kept as they are, the texts of 60 pods would take 120 MB.
            assert running.peak_mib - before < 60
        finally:
            os.kill(child, signal.SIGCONT)
        wait_for(lambda: _decisions(running) == list(range(1, 82)))


def test_a_program_that_does_not_start_is_told_and_tried_again(tls: Path, tmp_path: Path) -> None:
    with _served(tls, tmp_path, "raise SystemExit('out of order')") as running:
        wait_for(lambda: len(_page_lines(running)) >= 4)
        _admit(running)
        running.readiness().raise_for_status()
        said = {"level": "warning", "error": "out of order"}
        ended = {"level": "warning", "outcome": "ended", "code": 1}
        assert _page_lines(running)[:4] == [said, ended, said, ended]


def test_a_page_process_that_does_not_listen_to_its_feed_is_asked_to_end(tls: Path, tmp_path: Path) -> None:
    """Such as one that starts."""
    file = tmp_path / "asked"
    asked = f"import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(open({str(file)!r}, 'w').close()))"
    program = f"{asked}\nprint('ready', file=sys.stderr, flush=True)\nwhile True: time.sleep(60)"
    patient = "from webhook.service import process_end; process_end._SECONDS = 60"
    with _served(tls, tmp_path, program, before=patient) as running:
        wait_for(lambda: _page_lines(running) == [{"level": "warning", "error": "ready"}])
    assert file.exists()


def test_a_page_process_that_does_not_end_is_killed(tls: Path, tmp_path: Path) -> None:
    deaf = "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with _served(
        tls, tmp_path, f"{deaf}\nprint('ready', file=sys.stderr, flush=True)\nwhile True: time.sleep(60)"
    ) as running:
        wait_for(lambda: _page_lines(running) == [{"level": "warning", "error": "ready"}])
        (child,) = _children(running.process.pid)
    assert _ended(child)
    assert [line["event"] for line in running.lines()][-1] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_page_ends_with_the_service(tls: Path, tmp_path: Path, number: int) -> None:
    with _paged(tls, tmp_path) as running:
        descendants = _descendants(running)
        running.process.send_signal(number)
        code = running.process.wait(30)
        assert code == (-number if number == signal.SIGKILL else 0)
        wait_for(lambda: all(map(_ended, descendants)))
        # Its end is no fault.
        assert [line for line in _page_lines(running) if "outcome" in line] == []


def test_the_page_ends_while_the_last_review_is_answered(tls: Path, tmp_path: Path) -> None:
    """So its end takes no time that the service would not need without it."""
    body = review(POD)
    with _paged(tls, tmp_path, "--read-seconds", "60", "--stop-seconds", "60") as running:
        descendants = _descendants(running)
        with running.connect() as connection:
            connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
            connection.sendall(body[:-1])
            wait_for(lambda: running.metric("admission_body_bytes") > 0)
            running.process.terminate()
            wait_for(lambda: all(map(_ended, descendants)))
            assert running.process.poll() is None
            connection.sendall(body[-1:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert running.process.wait(30) == 0


def _refused(tls: Path, *arguments: str) -> str:
    """What a service says that does not start."""
    command = [sys.executable, "-m", "webhook", "serve", "--tls-dir", str(tls), "--operations-port", "0", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_one_sentence(tls: Path, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sentence = f"--page-port: cannot listen on {where}: Address already in use; choose another port\n"
        assert _refused(tls, "--port", "0", "--page-port", str(port)) == sentence


@pytest.mark.parametrize("flag", ["--port", "--operations-port"])
def test_the_port_of_another_setting_is_one_sentence(tls: Path, flag: str) -> None:
    """`::` takes the port on all addresses, but two sockets can be bound to one until somebody connects."""
    port = str(free_port())
    arguments = ["--host", "::", "--port", "0", flag, port, "--page-port", port]
    assert _refused(tls, *arguments) == f"--page-port: found {port}, the port of {flag}; accepted: another port\n"


def test_a_free_port_is_free_on_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one that the kernel offers is taken on the other address."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        offered = [taken.getsockname()[1]]

        def offer(host: str, port: int, *words: str) -> socket.socket:
            return listen(host, offered.pop() if host == "127.0.0.1" and offered else port, *words)

        monkeypatch.setattr(page, "listen", offer)
        bound = page.bind(0)
        with bound[0], bound[1]:
            assert offered == []
            assert [one.getsockname()[:2] for one in bound] == [
                (host, bound[0].getsockname()[1]) for host in ("127.0.0.1", "::1")
            ]


def test_a_machine_without_ipv6_has_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_has_ipv6", lambda: False)
    (bound,) = page.bind(0)
    with bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def test_no_free_port_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel offers only ports that are taken on the other address."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        always: Callable[..., socket.socket] = lambda host, _, *words: listen(host, port, *words)  # noqa: E731
        monkeypatch.setattr(page, "listen", always)
        with pytest.raises(
            ListenError, match=rf"^--page-port: cannot listen on \[::1\]:{port}: .*; choose another port$"
        ):
            page.bind(0)
