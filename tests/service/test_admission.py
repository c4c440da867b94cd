"""The endpoint of the whole process: captured reviews, paths, answers, limits, metrics and log lines."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonpatch
import pytest
from prometheus_client import generate_latest

from tests.admission_reviews import UID, review
from tests.captured_reviews import BUILT_IN, REVIEWS
from tests.live_service import Service, service, serving
from tests.pods import BUILT_IN_MODES, MODES
from webhook.core.policy import Policy
from webhook.core.review import Admission
from webhook.core.selectors import Alternative
from webhook.service.admission import Admissions
from webhook.service.logs import AdmissionLog, configure
from webhook.service.metrics import Metrics

#: The mode of the default profile for each role.
DEFAULTS = {"driver": "ecs-only", "master": "ecs-only", "executor": "ecs-first", "worker": "ecs-first"}
DIGEST = Policy().digest
EVERY_KIND = Policy.model_validate({"selector": {"anyOf": tuple(Alternative)}, "overflow": {}})

POD: dict[str, Any] = {
    "metadata": {
        "name": "p",
        "labels": {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "executor"},
    },
    "spec": {"containers": []},
}


@pytest.fixture(scope="module")
def every_kind(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the built-in profiles for every mode and every kind of Spark pod."""
    folder = tmp_path_factory.mktemp("every-kind")
    (folder / "policy.yaml").write_text(json.dumps({"selector": {"anyOf": list(Alternative)}, "overflow": {}}))
    with service(tls, folder / "log", ["--policy", str(folder / "policy.yaml")]) as running:
        yield running


@pytest.mark.parametrize("capture", REVIEWS, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", [*MODES, "default"])
def test_a_captured_review_is_answered_byte_for_byte_as_it_came(every_kind: Service, capture: Path, mode: str) -> None:
    body = capture.read_bytes()
    request = json.loads(body)["request"]
    with every_kind.client() as client:
        answer = client.post(f"/mutate/{mode}?timeout=10s", content=body)
    assert answer.status_code == 200
    response = answer.json()["response"]
    effective = DEFAULTS[request["object"]["metadata"]["labels"]["spark-role"]] if mode == "default" else mode
    record = f"mode={effective},profile={mode},policy={EVERY_KIND.digest}"
    patch = response.pop("patch")
    assert response == {
        "uid": request["uid"],
        "allowed": True,
        "patchType": "JSONPatch",
        "auditAnnotations": {"placement": record},
    }
    placed = jsonpatch.apply_patch(request["object"], json.loads(base64.b64decode(patch)))
    assert placed["metadata"]["annotations"]["spark-eci-webhook/placement"] == record


@pytest.mark.parametrize("capture", REVIEWS, ids=lambda path: path.stem)
def test_the_built_in_policy_leaves_the_captured_pods_of_others_than_the_spark_operator_alone(
    built_in: Service, capture: Path
) -> None:
    body = capture.read_bytes()
    with built_in.client() as client:
        response = client.post("/mutate", content=body).json()["response"]
    untouched = {"uid": json.loads(body)["request"]["uid"], "allowed": True}
    assert (response == untouched) == (capture not in BUILT_IN)


def test_mutate_alone_is_the_default_profile(built_in: Service) -> None:
    with built_in.client() as client:
        assert (
            client.post("/mutate", content=review(POD)).json()
            == client.post("/mutate/default", content=review(POD)).json()
        )


@pytest.mark.parametrize(
    "request_fields",
    [
        {"operation": "UPDATE"},
        {"operation": "DELETE", "object": None, "oldObject": POD},
        {"kind": {"group": "", "version": "v1", "kind": "ConfigMap"}, "object": {"spec": 7}},
        {"kind": {"group": "apps", "version": "v1", "kind": "Pod"}},
        {"kind": {"group": "", "version": "v2", "kind": "Pod"}},
        {"subResource": "eviction"},
    ],
    ids=str,
)
def test_what_is_not_the_creation_of_a_pod_is_allowed_unchanged(
    built_in: Service, request_fields: dict[str, Any]
) -> None:
    with built_in.client() as client:
        answer = client.post("/mutate/eci-only", content=review(POD, **request_fields))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": UID, "allowed": True},
        },
    )


def test_a_namespace_whose_label_names_no_profile_is_warned(built_in: Service) -> None:
    with built_in.client() as client:
        answer = client.post("/unknown-profile", content=review(POD))
    sentence = f"namespace label spark-eci-webhook/profile: unknown profile; accepted: default, ecs-only, eci-only, ecs-first, and {len(BUILT_IN_MODES) - 3} more"
    assert answer.json()["response"] == {"uid": UID, "allowed": True, "warnings": [sentence]}


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        (
            "POST",
            "/mutate/nope",
            404,
            f'unknown profile "nope"; accepted: default, {", ".join(BUILT_IN_MODES)}',
        ),
        ("POST", "/mutate/default/", 404, "not found"),
        ("POST", "/mutate/", 404, "not found"),
        ("POST", "/", 404, "not found"),
        ("GET", "/docs", 404, "not found"),
        ("GET", "/redoc", 404, "not found"),
        ("GET", "/openapi.json", 404, "not found"),
        ("GET", "/mutate", 405, "only POST is accepted here"),
        ("PUT", "/mutate/default", 405, "only POST is accepted here"),
        ("DELETE", "/unknown-profile", 405, "only POST is accepted here"),
        ("GET", "/mutate/nope", 405, "method not allowed"),
    ],
)
def test_other_paths_and_methods(built_in: Service, method: str, path: str, status: int, error: str) -> None:
    with built_in.client() as client:
        answer = client.request(method, path, content=review(POD) if method == "POST" else None)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_one_connection_serves_many_reviews(built_in: Service) -> None:
    with built_in.connect() as connection:
        for _ in range(20):
            _send(connection, review(POD))
            head, body = _receive(connection)
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert json.loads(body)["response"]["uid"] == UID


def test_metrics_count_what_was_answered(built_in: Service) -> None:
    series = 'admission_requests_total{mode="eci-only",outcome="patched",profile="eci-only",role="executor"}'
    with built_in.client() as client:
        client.post("/mutate/eci-only", content=review(POD))
        before = built_in.metric(series)
        for _ in range(3):
            client.post("/mutate/eci-only", content=review(POD))
    assert built_in.metric(series) == before + 3
    assert built_in.metric(f'policy_info{{hash="{DIGEST}"}}') == 1


def test_one_log_line_tells_of_an_admission(built_in: Service) -> None:
    secret = {"name": "spark", "image": "i", "env": [{"name": "PASSWORD", "value": "hunter2"}]}
    pod = {"metadata": POD["metadata"] | {"name": "logged"}, "spec": {"containers": [secret]}}
    with built_in.client() as client:
        client.post("/mutate/eci-only", content=review(pod))
    (line,) = built_in.admissions(1, pod="logged")
    assert line.pop("duration_us") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "admission",
        "level": "info",
        "uid": UID,
        "namespace": "default",
        "pod": "logged",
        "application": "",
        "role": "executor",
        "profile": "eci-only",
        "mode": "eci-only",
        "outcome": "patched",
        "operations": 3,
    }
    assert "hunter2" not in built_in.log.read_text(encoding="utf-8")


def test_operations_answer_on_their_own_port(built_in: Service) -> None:
    assert (built_in.operations("/livez").status_code, built_in.operations("/livez").text) == (200, "ok\n")
    ready = built_in.readiness()
    assert (ready.status_code, ready.text) == (200, "ok\n")
    assert built_in.operations("/mutate").json() == {"error": "not found"}
    with built_in.client() as client:
        assert client.get("/metrics").status_code == 404


def _send(connection: Any, body: bytes, head: bytes = b"POST /mutate HTTP/1.1\r\nHost: localhost\r\n") -> None:
    connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def _receive(connection: Any) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    head, body = data.split(b"\r\n\r\n", 1)
    found = re.search(rb"content-length: (\d+)", head.lower())
    assert found
    while len(body) < int(found[1]):
        body += connection.recv(65536)
    return head, body


def test_the_application_is_told_by_the_most_telling_label(built_in: Service) -> None:
    labels = POD["metadata"]["labels"] | {
        "spark-app-selector": "spark-1",
        "sparkoperator.k8s.io/connect-name": "notebooks",
    }
    pod = {"metadata": {"generateName": "connected-", "labels": labels}, "spec": {}}
    with built_in.client() as client:
        client.post("/mutate", content=review(pod))
    (line,) = built_in.admissions(1, pod="connected-")
    assert line["application"] == "notebooks"


def test_httpx_and_the_service_agree_on_keep_alive(built_in: Service) -> None:
    with built_in.client() as client:
        answer = client.post("/mutate", content=review(POD))
        assert isinstance(answer, httpx.Response)
        assert answer.headers.get("connection") is None


def test_a_bug_is_a_500_without_a_trace_in_the_answer_and_the_next_call_is_served(
    tls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The fault is forced, because no known input causes one."""
    metrics = Metrics("")
    logger = configure("error", "json")

    def broken(body: bytes | bytearray) -> tuple[bytes, Admission]:
        if body == b"bug":
            raise ZeroDivisionError
        return b"{}", Admission("u", "skipped", "")

    async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError

    app = Admissions(nothing, {"/mutate": broken}, 1024, metrics, AdmissionLog(logger, 0, lambda: None), logger)
    with serving(app, tls) as client:
        answer = client.post("/mutate", content=b"bug")
        assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
        assert client.post("/mutate", content=b"fine").status_code == 200
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert "ZeroDivisionError" in failed["exception"]
    assert 'rejected_calls_total{reason="error"} 1.0' in generate_latest(metrics.registry).decode()
