"""Hostile and broken calls: each gets a 4xx and a sentence, and the service stays healthy with bounded memory."""

import json
import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admission_reviews import UID, review
from tests.captured_reviews import REVIEWS
from tests.live_service import Service, service, serving, trusting
from tests.quiet_logger import quiet_logger
from tests.service.test_admission import POD, _receive, _send
from webhook.core.policy import Policy
from webhook.service import admission
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.routes import admission_application

MIB = 1024**2


def _with(**fields: Any) -> bytes:
    """A review of a valid pod, with top-level fields replaced; None removes one."""
    good = json.loads(review(POD)) | fields
    return json.dumps({key: value for key, value in good.items() if value is not None}).encode()


def _pod(**spec: Any) -> bytes:
    return review({"metadata": POD["metadata"], "spec": spec})


def _metadata(**fields: Any) -> bytes:
    return review({"metadata": fields, "spec": {}})


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the body: input data was truncated"),
    "not json": (b"hello", "the body: JSON is malformed: invalid character (byte 0)"),
    "truncated": (review(POD)[:-1], "the body: input data was truncated"),
    "more behind": (review(POD) + b"{}", "the body: JSON is malformed: trailing characters (byte 638)"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "the body: JSON is malformed: invalid character (byte 0)"),
    "not utf-8 in a field that is read": (
        review(POD).replace(UID.encode(), b"\xff"),
        "the body is not UTF-8 at byte 85",
    ),
    "not utf-8 in a field that nobody reads": (
        review(POD).replace(b"system:service", b"\xc3\x28"),
        "the body is not UTF-8 at byte 328",
    ),
    "a lone surrogate": (
        review(POD).replace(UID.encode(), rb"\ud800"),
        "the body: JSON is malformed: unexpected end of escaped utf-16 surrogate pair (byte 91)",
    ),
    "a list": (b"[]", "the body: expected object, got array"),
    "null": (b"null", "the body: expected object, got null"),
    "nested a million deep": (b'{"a":' + b"[" * 1_000_000, "the body is nested too deeply"),
    "objects nested deep": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "the body is nested too deeply"),
    "a huge number": (b"9" * 1_000_000, "the body: number out of range"),
    "a huge number for a string": (
        review(POD).replace(f'"{UID}"'.encode(), b"9" * 5000),
        "request.uid: number out of range",
    ),
    "a huge exponent": (b'{"kind": 1e999999999}', "kind: number out of range"),
    "not a number": (b'{"kind": NaN}', "the body: JSON is malformed: invalid character (byte 9)"),
    "no request": (_with(request=None), "request: required, but missing"),
    "request of the wrong type": (_with(request=[]), "request: expected object, got array"),
    "no kind": (_with(kind=None), "kind: required, but missing"),
    "another kind": (_with(kind="Pod"), "kind: expected AdmissionReview, got another one"),
    "no apiVersion": (_with(apiVersion=None), "apiVersion: required, but missing"),
    "another apiVersion": (
        _with(apiVersion="admission.k8s.io/v1beta1"),
        "apiVersion: expected admission.k8s.io/v1, got another one",
    ),
    "no uid": (review(POD, uid=None).replace(b'"uid": null, ', b""), "request.uid: required, but missing"),
    "uid null": (review(POD, uid=None), "request.uid: expected str, got null"),
    "uid empty": (review(POD, uid=""), "request.uid: expected str of length >= 1"),
    "uid endless": (review(POD, uid="x" * 254), "request.uid: expected str of length <= 253"),
    "no object": (review(POD, object=None), "request.object: expected object, got null"),
    "no spec": (review({"metadata": {}}), "request.object.spec: required, but missing"),
    "no metadata": (review({"spec": {}}), "request.object.metadata: required, but missing"),
    "kind of the wrong type": (review(POD, kind="Pod"), "request.kind: expected object, got str"),
    "labels of the wrong type": (
        _metadata(labels=[]),
        "request.object.metadata.labels: expected object | null, got array",
    ),
    "a label of the wrong type": (
        _metadata(labels={"a": 1}),
        "request.object.metadata.labels[...]: expected str, got int",
    ),
    "tolerations of the wrong type": (
        _pod(tolerations={}),
        "request.object.spec.tolerations: expected array | null, got object",
    ),
    "a toleration of the wrong type": (
        _pod(tolerations=[7]),
        "request.object.spec.tolerations[0]: expected object, got int",
    ),
    "a huge number of seconds": (
        _pod(tolerations=[{"tolerationSeconds": 10**30}]),
        "request.object.spec.tolerations[0].tolerationSeconds: expected int <= 9223372036854775807",
    ),
    "hostNetwork of the wrong type": (
        _pod(hostNetwork="yes"),
        "request.object.spec.hostNetwork: expected bool | null, got str",
    ),
    "a term of the wrong type": (
        _pod(
            affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": ["x"]}}}
        ),
        "request.object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: "
        "expected object, got str",
    ),
}


#: On /unknown-profile the object is not read, so faults in it do not count.
CALLS = [("/mutate", fault) for fault in FAULTS] + [
    ("/unknown-profile", fault) for fault, (_, sentence) in FAULTS.items() if not sentence.startswith("request.object")
]


@pytest.mark.parametrize(("path", "fault"), CALLS)
def test_the_first_field_at_fault_is_named(built_in: Service, fault: str, path: str) -> None:
    body, sentence = FAULTS[fault]
    with built_in.connect() as connection:
        _send(connection, body, b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % path.encode())
        head, answer = _receive(connection)
        assert head.startswith(b"HTTP/1.1 400 "), head
        assert json.loads(answer) == {"error": sentence}
        _send(connection, review(POD))
        assert _receive(connection)[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /mutate HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /mutate HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /mutate HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /mutate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST http://host HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=repr,
)
def test_what_is_not_http_gets_a_400_and_harms_nobody_else(built_in: Service, request_bytes: bytes) -> None:
    with built_in.connect() as broken, built_in.connect() as good:
        broken.sendall(request_bytes + b"\r\n" * 3)
        _send(good, review(POD))
        assert _receive(good)[0].startswith(b"HTTP/1.1 200 ")
        answer = broken.recv(65536)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))


def test_a_body_that_never_comes_whole_harms_nobody_else(built_in: Service) -> None:
    with built_in.connect() as broken, built_in.connect() as good:
        broken.sendall(b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{")
        broken.close()
        _send(good, review(POD))
        assert _receive(good)[0].startswith(b"HTTP/1.1 200 ")


@contextmanager
def _sending(running: Service, head: bytes) -> Iterator[ssl.SSLSocket]:
    with running.connect() as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
        yield connection


def _closes(connection: ssl.SSLSocket) -> bool:
    try:
        return connection.recv(1) == b""
    except (ConnectionError, ssl.SSLError):
        return True


TOO_LARGE = {"error": f"the body is larger than {4 * MIB} bytes"}


def test_a_body_too_large_by_its_length_is_refused_unread(built_in: Service) -> None:
    with _sending(built_in, b"Content-Length: %d\r\n" % (4 * MIB + 1)) as connection:
        head, answer = _receive(connection)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head
        assert json.loads(answer) == TOO_LARGE
        assert _closes(connection)


@pytest.fixture
def patient(tls: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of a service that reads on for a minute after a 413, because what is sent may come late."""
    monkeypatch.setattr(admission, "_LINGER_SECONDS", 60)
    logger = quiet_logger()
    log = AdmissionLog(logger, 0, lambda: None)
    with serving(admission_application(Policy(), 4 * MIB, Metrics(""), log, logger), tls) as client:
        yield client


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(patient: httpx.Client, tls: Path) -> None:
    plain = socket.create_connection(("127.0.0.1", patient.base_url.port or 0), 30)
    with trusting(tls).wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            connection.sendall(b"%x\r\n" % MIB + b" " * MIB + b"\r\n")
        head, answer = _receive(connection)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert json.loads(answer) == TOO_LARGE


def test_a_client_that_sends_before_it_reads_meets_the_413(patient: httpx.Client) -> None:
    answer = patient.post("/mutate", content=b" " * (8 * MIB))
    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)


def test_a_body_of_exactly_the_limit_is_read(built_in: Service) -> None:
    with built_in.client() as client:
        answer = client.post("/mutate", content=review(POD).ljust(4 * MIB))
    assert answer.status_code == 200


def test_the_limit_is_a_setting(tls: Path, tmp_path: Path) -> None:
    with service(tls, tmp_path / "log", ["--max-body-bytes", "2048"]) as running, running.client() as client:
        answer = client.post("/mutate", content=b" " * 2049)
        assert (answer.status_code, answer.json()) == (413, {"error": "the body is larger than 2048 bytes"})
        assert client.post("/mutate", content=review(POD)).status_code == 200


def _fill(entry: str) -> str:
    """As many different entries as fit into the limit."""
    entries, size, index = [], 0, 0
    while size < 4 * MIB - 2000:
        entries.append(entry % index)
        size += len(entries[-1]) + 1
        index += 1
    return ",".join(entries)


HEAVY = {
    "labels of the wrong type": ('"labels":{%s}', '"l%d":1'),
    "labels": ('"labels":{%s}', '"l%d":""'),
    "annotations of the wrong type": ('"annotations":{%s}', '"a%d":[]'),
    "managed fields": ('"managedFields":[%s]', '{"f:%d":{}}'),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_memory_stays_bounded(tls: Path, tmp_path: Path, kind: str) -> None:
    """4 MiB of one thing, several times: the peak stays within 60 MiB of the start."""
    field, entry = HEAVY[kind]
    body = review({"metadata": {"MARK": 0}, "spec": {}}).replace(b'"MARK": 0', (field % _fill(entry)).encode())
    with service(tls, tmp_path / "log") as running, running.client() as client:
        before = running.peak_mib
        for _ in range(5):
            assert client.post("/mutate", content=body).status_code == 200
        assert running.peak_mib < before + 60


def test_many_terms_cost_in_proportion(built_in: Service) -> None:
    """Both are answered: a term with many requirements on the virtual node's label, and one with as many values."""
    expressions = [{"key": "type", "operator": "NotIn", "values": [f"v{index}"]} for index in range(9_999)]
    values = [{"key": "type", "operator": "In", "values": [f"v{index}" for index in range(10_000)]}]
    with built_in.client() as client:
        for term in (expressions, values):
            required = {"nodeSelectorTerms": [{"matchExpressions": term}]}
            affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
            pod = {"metadata": POD["metadata"], "spec": {"affinity": affinity}}
            assert client.post("/mutate/eci-only", content=review(pod)).status_code == 200


def test_mangled_reviews_get_a_4xx_or_an_answer(built_in: Service) -> None:
    """Captured reviews with bytes changed, cut and repeated at random, from a fixed seed: no 5xx, no lost call."""
    chance = random.Random(20261122)  # noqa: S311
    captured = [path.read_bytes() for path in REVIEWS]
    statuses = set()
    with built_in.client() as client:
        for _ in range(2000):
            answer = client.post("/mutate", content=mangled(chance, chance.choice(captured)))
            statuses.add(answer.status_code)
            if answer.status_code == 400:
                assert answer.json().keys() == {"error"}
    assert statuses == {200, 400}


def mangled(chance: random.Random, body: bytes) -> bytes:
    """`body` after one to four small random changes."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data))
        end = min(len(data), start + chance.choice([1, 1, 2, 8, 64, 4096]))
        match chance.randrange(5):
            case 0:
                data[start] = chance.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end]
            case 3:
                data[start:end] = chance.choice([b"null", b"[]", b"{}", b"1e400", b'""', b"-", b"true"])
            case _:
                data[start:start] = chance.choice([b"[" * 5000, b'{"a":' * 5000, b"\x00", b"\xff", b"\\ud800"])
        if not data:
            break
    return bytes(data)
