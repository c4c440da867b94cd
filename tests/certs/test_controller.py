"""The control loop: what it does if the API server refuses, fails, hangs or comes back."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from certs import process
from certs.__main__ import main
from certs.backoff import Backoff, RateLimit
from certs.cluster import Cluster, connect
from certs.cluster_errors import ClusterError, ConflictError
from certs.controller import Controller
from certs.state import Target
from tests.certs.stand_in import Answer, StandIn, status
from tests.deadline import wait_for

TARGET = Target("spark", "webhook-ca", "webhook-tls", "webhook", "webhook")
CA = "/api/v1/namespaces/spark/secrets/webhook-ca"
SERVING = "/api/v1/namespaces/spark/secrets/webhook-tls"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhook"
EVENTS = "/api/v1/namespaces/spark/events"


class Waits(threading.Event):
    """An event that records its waits and returns at once."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.noted.append(timeout or 0)
        return self.is_set()


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path) as started:
        started.configuration("webhook")
        yield started


def controller_of(stand_in: StandIn) -> tuple[Controller, Waits]:
    waits = Waits()
    made = Controller(connect(stand_in.kubeconfig), TARGET, "webhook-certificates", stop=waits, recheck=0)
    made._changed = Waits()
    return made, waits


def always(answer: Answer, method: str | None = None, path: str | None = None) -> Callable[[str, str], Answer | None]:
    """Gives `answer` to every call, or to those with a method or path."""
    return lambda was, where: answer if method in (None, was) and path in (None, where) else None


def turns(controller: Controller, number: int) -> list[dict[str, Any]]:
    with capture_logs() as entries:
        for _ in range(number):
            controller._turn()
    return [dict(entry) for entry in entries]


def test_three_turns_install_and_a_fourth_finds_nothing_to_do(stand_in: StandIn) -> None:
    controller, _ = controller_of(stand_in)
    entries = turns(controller, 4)
    assert [entry["reason"] for entry in entries] == ["CACreated", "CABundlePatched", "CertificateIssued"]
    assert set(stand_in.data(SERVING)) == {"tls.crt", "tls.key", "ca.crt"}
    writes = [call for call in stand_in.calls if call[0] != "GET"]
    secrets = CA.rpartition("/")[0]
    assert writes == [
        ("POST", secrets), ("POST", EVENTS), ("PATCH", CONFIGURATION), ("POST", EVENTS), ("POST", secrets), ("POST", EVENTS),
    ]  # fmt: skip


FAULTS = {
    "401": status(401, "Unauthorized"),
    "403": status(403, 'secrets "webhook-ca" is forbidden'),
    "429": status(429, "too many requests"),
    "500": status(500, "etcdserver: leader changed"),
    "503": Answer(503, b"upstream connect error"),
    "no JSON": Answer(200, b"<html>"),
    "an empty answer": Answer(200, b""),
    "JSON of another kind": Answer(200, b'{"kind": "Nonsense"}'),
    "JSON that is not an object": Answer(200, b"[]"),
    "a closed connection": Answer(close=True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_waited_out_ever_longer_and_then_the_work_goes_on(stand_in: StandIn, fault: str) -> None:
    controller, waits = controller_of(stand_in)
    stand_in.fault = always(FAULTS[fault])
    entries = turns(controller, 8)
    assert {entry["log_level"] for entry in entries} == {"warning"}
    assert all(
        entry["error"].startswith("could not get the MutatingWebhookConfiguration webhook: ") for entry in entries
    )
    assert len(stand_in.calls) == 8
    assert [entry["seconds"] for entry in entries] == waits.noted
    longest = [min(10, 0.4 * 2**turn) for turn in range(8)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits.noted, longest, strict=True))
    stand_in.fault = always(Answer(), "none")
    assert [entry["reason"] for entry in turns(controller, 3)] == ["CACreated", "CABundlePatched", "CertificateIssued"]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("3600", 10), ("soon", 0.4), ("-1", 0.4)])
def test_the_api_servers_own_wish_to_wait_is_honoured_within_reason(
    stand_in: StandIn, asked: str, waited: float
) -> None:
    controller, waits = controller_of(stand_in)
    stand_in.fault = always(status(429, "slow down", Retry_After=asked))
    turns(controller, 1)
    assert waited / 2 <= waits.noted[0] <= waited


@pytest.mark.parametrize(
    ("method", "path"), [("POST", CA.rpartition("/")[0]), ("PATCH", CONFIGURATION), ("PUT", SERVING)]
)
def test_a_conflict_makes_it_look_again(stand_in: StandIn, method: str, path: str) -> None:
    controller, _ = controller_of(stand_in)
    if method == "PUT":
        turns(controller, 3)
        stand_in.objects[SERVING]["data"] = {}
    once = iter([status(409, "the object has been modified")])
    stand_in.fault = lambda was, where: next(once, None) if (was, where) == (method, path) else None
    entries = turns(controller, 5)
    conflicts = [entry for entry in entries if entry["event"] == "another client wrote first, reading again"]
    assert len(conflicts) == 1
    assert "409, the object has been modified" in conflicts[0]["error"]
    assert set(stand_in.data(SERVING)) == {"tls.crt", "tls.key", "ca.crt"}
    assert stand_in.objects[CONFIGURATION]["webhooks"][0]["clientConfig"]["caBundle"]


def test_a_refused_event_is_logged_and_holds_nothing_up(stand_in: StandIn) -> None:
    controller, _ = controller_of(stand_in)
    stand_in.fault = always(status(403, "events is forbidden"), "POST", EVENTS)
    entries = turns(controller, 3)
    assert [entry.get("reason", "refused") for entry in entries] == [
        "CACreated", "refused", "CABundlePatched", "refused", "CertificateIssued", "refused",
    ]  # fmt: skip
    assert entries[1]["error"] == "could not create an Event: 403, events is forbidden"


def test_someone_who_undoes_everything_at_once_is_answered_at_a_bounded_pace(stand_in: StandIn) -> None:
    controller, waits = controller_of(stand_in)
    turns(controller, 3)
    for _ in range(40):
        stand_in.objects[CONFIGURATION]["webhooks"][0]["clientConfig"] = {}
        turns(controller, 1)
    assert waits.noted[:15] == [0] * 15
    assert min(waits.noted[20:]) > 2


def test_a_problem_is_said_once_and_its_end_too(stand_in: StandIn) -> None:
    controller, _ = controller_of(stand_in)
    stand_in.store(CA, {"metadata": {"name": "webhook-ca"}, "data": {}})
    entries = turns(controller, 3)
    del stand_in.objects[CA]
    entries += turns(controller, 2)
    assert [(entry["log_level"], entry.get("reason")) for entry in entries] == [
        ("warning", "ActionRequired"), ("info", None), ("info", "CACreated"), ("info", "CABundlePatched"),
    ]  # fmt: skip
    assert entries[1]["problem"] == entries[0]["event"]


def test_an_event_says_no_more_than_an_event_can(stand_in: StandIn) -> None:
    cluster = connect(stand_in.kubeconfig)
    about = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "spark", "name": "certs"}
    controller, _ = controller_of(stand_in)
    cluster.record(about, "Normal", "Tried", "x" * 2000, controller.clock())
    ((_, event),) = [item for item in stand_in.objects.items() if item[0].startswith(EVENTS)]
    assert len(event["message"]) == 1024
    assert event["involvedObject"] == about


def watched(cluster: Cluster) -> int:
    return sum(1 for _ in cluster.secret_changes("spark", "webhook-ca"))


CHANGE = b'{"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "2"}}}\n'
GONE = b'{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old resource version"}}\n'


def test_a_watch_yields_at_first_and_for_each_change_until_it_ends(stand_in: StandIn) -> None:
    stand_in.fault = always(Answer(body=CHANGE * 3), "WATCH")
    assert watched(connect(stand_in.kubeconfig)) == 4
    assert stand_in.calls == [("GET", CA.rpartition("/")[0]), ("WATCH", CA.rpartition("/")[0])]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(body=GONE), 410),
        (status(410, "too old"), 410),
        (status(500, "broken"), 500),
        (Answer(close=True), None),
    ],
)
def test_a_watch_that_ends_in_an_error_says_so(stand_in: StandIn, answer: Answer, code: int | None) -> None:
    stand_in.fault = always(answer, "WATCH")
    with pytest.raises(ClusterError, match="could not watch the Secret spark/webhook-ca: ") as caught:
        watched(connect(stand_in.kubeconfig))
    assert caught.value.status == code


@pytest.mark.parametrize("answer", [Answer(body=GONE), Answer(body=b""), status(503, "down"), Answer(close=True)])
def test_a_watch_that_keeps_ending_is_begun_anew_ever_more_slowly(stand_in: StandIn, answer: Answer) -> None:
    controller, waits = controller_of(stand_in)
    stand_in.fault = always(answer, "WATCH")
    rounds = iter(range(8))

    def changes() -> Iterator[None]:
        if next(rounds, None) is None:
            controller.end()
            return iter(())
        return controller.cluster.secret_changes("spark", "webhook-ca")

    with capture_logs():
        controller._follow(changes)
    assert controller._changed.is_set()
    assert len(waits.noted) == 9
    assert all(wait > 4 for wait in waits.noted[5:])


def test_a_conflict_is_told_from_other_refusals(stand_in: StandIn) -> None:
    cluster = connect(stand_in.kubeconfig)
    stand_in.fault = always(status(409, "changed"))
    with pytest.raises(ConflictError, match=r"^could not get the Secret spark/webhook-ca: 409, changed$"):
        cluster.secret("spark", "webhook-ca")


def test_backing_off_doubles_to_its_limit_with_chance_and_begins_anew() -> None:
    backoff = Backoff(first=1, limit=10)
    waits = [backoff.next() for _ in range(200)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, [1, 2, 4, 8, 10, 10], strict=False))
    assert max(waits) <= 10
    assert len(set(waits[5:])) > 100
    backoff.reset()
    assert backoff.next() <= 1


def test_after_a_burst_there_is_one_action_in_each_interval() -> None:
    limit, now, moments = RateLimit(burst=5, seconds=3), 0.0, []
    for _ in range(50):
        moments.append(now)
        now += limit.take(now)
    assert moments[:5] == [0, 0, 0, 0, 0]
    assert moments[5:] == [3.0 * number for number in range(1, 46)]


def test_a_pause_gives_back_as_many_actions_as_intervals() -> None:
    limit = RateLimit(burst=5, seconds=3)
    assert [limit.take(0) for _ in range(6)] == [0, 0, 0, 0, 3, 6]
    assert [limit.take(12) for _ in range(3)] == [0, 0, 3]
    assert [limit.take(1000) for _ in range(5)] == [0, 0, 0, 0, 3]


FLAGS = [
    "controller", "--namespace=spark", "--ca-secret=webhook-ca", "--serving-secret=webhook-tls",
    "--configuration=webhook", "--service=webhook", "--deployment=webhook-certificates",
]  # fmt: skip


def started(*flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "certs", *FLAGS, *flags]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_though_the_api_server_hangs(stand_in: StandIn, number: signal.Signals) -> None:
    """It ends long before the call, which times out after ten seconds."""
    stand_in.fault = always(Answer(hang=True))
    with started("--health-port=0", f"--kubeconfig={stand_in.kubeconfig}") as process:
        assert process.stderr
        answering = json.loads(process.stderr.readline())
        stand_in.called.wait()
        url = answering["url"].replace("[::]", "127.0.0.1")
        with urllib.request.urlopen(url) as answer:  # noqa: S310
            assert (answer.status, answer.read()) == (200, b"ok\n")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.replace("healthz", "metrics"))  # noqa: S310
        process.send_signal(number)
        # The call that waits has ten seconds. Nothing is said of it, so the process did not wait for its end.
        assert process.wait(timeout=60) == 0
        assert [json.loads(line)["event"] for line in process.stderr] == ["keeping certificates", "ended"]


def test_health_fails_if_the_control_loop_is_stuck(stand_in: StandIn) -> None:
    controller, _ = controller_of(stand_in)
    before = threading.enumerate()
    with process._health(controller, "127.0.0.1", 0) as url:
        controller.turned -= process.STALE + 1
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(url)  # noqa: S310
        told = re.fullmatch(rb"the control loop has been stuck for (\d+) seconds\n", caught.value.read())
        assert told is not None
        assert process.STALE < int(told[1]) < process.STALE + 60
        caught.value.close()
    wait_for(lambda: set(threading.enumerate()) <= set(before))


def test_readiness_says_what_is_missing_in_any_language(stand_in: StandIn) -> None:
    controller, _ = controller_of(stand_in)
    with process._health(controller, "127.0.0.1", 0) as url:
        ready = url.replace("healthz", "readyz")
        controller.readiness.fault = "could not ask for an admission: 500, etcd ist gestört"
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(ready)  # noqa: S310
        assert caught.value.read().decode() == "could not ask for an admission: 500, etcd ist gestört\n"
        caught.value.close()
        controller.readiness.fault = ""
        with urllib.request.urlopen(ready) as answer:  # noqa: S310
            assert (answer.status, answer.read()) == (200, b"ok\n")


def test_a_bug_ends_the_process_with_a_log_line_and_an_exit_code(tmp_path: Path) -> None:
    """Then kubelet restarts it. Nobody would notice a loop that does nothing."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        with capture_logs() as entries:
            with StandIn(tmp_path) as stand_in:
                controller, _ = controller_of(stand_in)
                controller.stop = threading.Event()
                controller.clock = lambda: 1 / 0  # type: ignore[assignment, return-value]
                assert process.run(controller) == 1
                controller.end()
            # The end of the process would end its watches. Here, they would speak in the next test.
            wait_for(lambda: not any("_follow" in one.name for one in threading.enumerate()))
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    assert "the controller ends because of a bug" in [entry["event"] for entry in entries]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ([], "no cluster: Service host/port is not set; accepted: a kubeconfig, or in a pod its ServiceAccount"),
        (
            ["--kubeconfig=/nowhere"],
            "no cluster: Invalid kube-config file. No configuration found; accepted: a kubeconfig",
        ),
        (["--service=Not_A_Name"], "host: found 'Not_A_Name'; accepted: DNS names of"),
    ],
)
def test_what_it_cannot_start_with_is_one_sentence(
    flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FLAGS, *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(sentence)
    assert captured.err.count("\n") == 1


def test_a_health_port_in_use_is_one_sentence(stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ["--health-host=127.0.0.1", f"--health-port={port}", f"--kubeconfig={stand_in.kubeconfig}"]
        assert main([*FLAGS, *flags]) == 2
    fault = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert capsys.readouterr().err == f"--health-port: {fault}; choose another host or port\n"


@pytest.mark.parametrize(
    ("has_ipv6", "host", "answers"),
    [
        (True, "::", "[::]"),
        (False, "::", "0.0.0.0"),
        (True, "0.0.0.0", "0.0.0.0"),
        (True, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_health_is_answered_on_every_address_of_the_machine(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, host: str, answers: str, *, has_ipv6: bool
) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: has_ipv6)
    controller, _ = controller_of(stand_in)
    with process._health(controller, host, 0) as url:
        place = url.removeprefix("http://").removesuffix("/healthz").rpartition(":")
        assert place[0] == answers
        with urllib.request.urlopen(f"http://127.0.0.1:{place[2]}/healthz") as answer:
            assert answer.status == 200


def test_every_flag_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    taken: list[Controller] = []

    def run(controller: Controller) -> int:
        taken.append(controller)
        return 0

    values = {
        "NAMESPACE": "a", "CA_SECRET": "b", "SERVING_SECRET": "c", "CONFIGURATION": "d", "SERVICE": "e",
        "DEPLOYMENT": "f", "HEALTH_PORT": "0", "KUBECONFIG": str(stand_in.kubeconfig), "LOG_LEVEL": "error",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(f"ECI_CERTS_{name}", value)
    monkeypatch.setattr(process, "run", run)
    assert main(["controller"]) == 0
    assert taken[0].target == Target("a", "b", "c", "d", "e")
    assert taken[0].deployment == "f"


def test_a_service_names_the_certificate_as_the_cluster_does() -> None:
    assert TARGET.hosts == ("webhook", "webhook.spark", "webhook.spark.svc", "webhook.spark.svc.cluster.local")
    assert timedelta(seconds=process.STALE) > timedelta(minutes=2)


def test_an_answer_that_is_nested_too_deeply_is_a_fault_of_that_call(stand_in: StandIn) -> None:
    """The API server stores managed fields as deep as users like."""
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    stand_in.fault = lambda *_: Answer(200, deep)
    with pytest.raises(ClusterError, match=r"^could not GET /api/v1/pods: the answer is nested too deeply$"):
        connect(stand_in.kubeconfig).get("/api/v1/pods")
