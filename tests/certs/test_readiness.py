"""Readiness: what is published, and whether the API server has got an answer of the service."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from certs.backoff import Backoff
from certs.cluster import connect
from certs.readiness import ANSWER, CANARY, Readiness, Served, served
from certs.state import Configuration, Objects, Secret
from tests.certs.stand_in import Answer, StandIn, status
from tests.deadline import wait_for
from webhook.core import names

EVENTS = "/api/v1/namespaces/spark/events"
ANSWERED = Answer(201, b"{}", {"Warning": f'299 - "{ANSWER}"'})
SERVING = Secret({"ca.crt": b"ca", "tls.crt": b"1"}, owned=True, raw={})


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path) as started:
        yield started


@contextmanager
def running(stand_in: StandIn, backoff: Backoff | None = None) -> Iterator[Readiness]:
    stop = threading.Event()
    readiness = Readiness(connect(stand_in.kubeconfig), "spark", stop, backoff or Backoff())
    thread = threading.Thread(target=readiness.run)
    thread.start()
    try:
        yield readiness
    finally:
        stop.set()
        readiness.end()
        thread.join()


def published(bundle: bytes = b"ca", *entries: str, serving: bytes = b"1") -> Served:
    return Served(dict.fromkeys(entries or ("default", CANARY), bundle), {"ca.crt": bundle, "tls.crt": serving})


def asked(stand_in: StandIn) -> int:
    return stand_in.calls.count(("POST", EVENTS))


def test_the_answer_is_the_one_that_the_service_gives() -> None:
    assert names.CANARY_ANSWER == ANSWER


@pytest.mark.parametrize(
    ("objects", "fault"),
    [
        (Objects(None, None, Configuration({"a": b"ca"}, "1")), "there is no serving Secret yet"),
        (Objects(None, SERVING, None), "there is no MutatingWebhookConfiguration yet"),
        (
            Objects(None, SERVING, Configuration({"a": b"", "b": b"ca", "c": b"another"}, "1")),
            "the CA is not published yet for a, c",
        ),
        (
            Objects(None, Secret({"tls.crt": b"1"}, owned=True, raw={}), Configuration({"a": b""}, "1")),
            "the CA is not published yet for a",
        ),
    ],
)
def test_what_is_missing_is_said(objects: Objects, fault: str) -> None:
    assert served(objects) == fault


def test_what_is_published_does_not_depend_on_the_version_of_an_object() -> None:
    first, second = (served(Objects(None, SERVING, Configuration({"a": b"ca"}, version))) for version in "12")
    assert first == second == Served({"a": b"ca"}, {"ca.crt": b"ca", "tls.crt": b"1"})


def test_it_is_ready_once_an_admission_was_answered_and_then_asks_no_more(stand_in: StandIn) -> None:
    answers = [Answer(201), status(500, "etcd is away"), ANSWERED]
    stand_in.fault = lambda *_: answers.pop(0)
    with running(stand_in) as readiness:
        assert readiness.fault == "nothing has been read yet"
        readiness.see("there is no serving Secret yet")
        assert readiness.fault == "there is no serving Secret yet"
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
        for _ in range(3):
            readiness.see(published())
    assert (answers, asked(stand_in), readiness.fault) == ([], 3, "")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(201), "the API server has got no answer from the service"),
        (Answer(201, b"{}", {"Warning": '299 - "another"'}), "the API server has got no answer from the service"),
        (status(500, "etcd is away"), "could not ask for an admission: 500, etcd is away"),
        (Answer(close=True), "could not ask for an admission: "),
    ],
)
def test_why_it_is_not_ready_is_said(stand_in: StandIn, answer: Answer, fault: str) -> None:
    stand_in.fault = lambda *_: answer
    with running(stand_in) as readiness:
        readiness.see(published())
        wait_for(lambda: asked(stand_in) > 1)
        assert readiness.fault.startswith(fault)


@pytest.mark.parametrize(
    "later", [published(b"other"), published(serving=b"2"), published(b"ca", "default", "new", CANARY)]
)
def test_it_asks_again_if_something_else_is_published(stand_in: StandIn, later: Served) -> None:
    stand_in.fault = lambda *_: ANSWERED
    with running(stand_in) as readiness:
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
        looked = threading.Event()

        def unanswered(*_: object) -> Answer:
            looked.wait(60)
            return Answer(201)

        stand_in.fault = unanswered
        readiness.see(later)
        assert readiness.fault == "the API server has not asked the service yet"
        looked.set()
        wait_for(lambda: readiness.fault == "the API server has got no answer from the service")
        stand_in.fault = lambda *_: ANSWERED
        wait_for(lambda: readiness.fault == "")


def test_a_lost_bundle_is_seen_at_once_and_asked_for_when_it_is_back(stand_in: StandIn) -> None:
    stand_in.fault = lambda *_: ANSWERED
    with running(stand_in) as readiness:
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
        readiness.see("the CA is not published yet for default")
        assert readiness.fault == "the CA is not published yet for default"
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
    assert asked(stand_in) == 2


def test_what_was_answered_before_is_asked_for_again_after_something_else(stand_in: StandIn) -> None:
    stand_in.fault = lambda *_: ANSWERED
    with running(stand_in) as readiness:
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
        stand_in.fault = lambda *_: Answer(201)
        readiness.see(published(b"other"))
        wait_for(lambda: asked(stand_in) > 1)
        readiness.see(published())
        assert readiness.fault != ""
        stand_in.fault = lambda *_: ANSWERED
        wait_for(lambda: readiness.fault == "")
        before = asked(stand_in)
        readiness.see(published())
        assert (readiness.fault, asked(stand_in)) == ("", before)


def test_a_change_does_not_wait_for_the_next_attempt(stand_in: StandIn) -> None:
    stand_in.fault = lambda *_: Answer(201)
    with running(stand_in, Backoff(first=1000, limit=1000)) as readiness:
        readiness.see(published())
        wait_for(lambda: readiness.fault == "the API server has got no answer from the service")
        stand_in.fault = lambda *_: ANSWERED
        readiness.see(published(b"other"))
        wait_for(lambda: readiness.fault == "")
    assert asked(stand_in) == 2


def test_without_the_right_the_certificates_decide_and_the_log_says_so_once(stand_in: StandIn) -> None:
    stand_in.fault = lambda *_: status(403, "events is forbidden")
    with capture_logs() as entries, running(stand_in) as readiness:
        readiness.see(published())
        wait_for(lambda: readiness.fault == "")
    said = "no admission can be asked for, so the certificates alone decide"
    assert [one["error"] for one in entries if one["event"] == said] == [
        "could not ask for an admission: 403, events is forbidden"
    ]


def test_a_configuration_without_the_canary_is_ready_by_its_certificates(stand_in: StandIn) -> None:
    with running(stand_in) as readiness:
        readiness.see(published(b"ca", "driver", "executor"))
        wait_for(lambda: readiness.fault == "")
    assert asked(stand_in) == 0
