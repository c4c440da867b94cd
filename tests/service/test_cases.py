"""Every case over HTTPS: real sockets, real TLS, each case's own policy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admission_reviews import UID, patched, review
from tests.cases import CASES, Case
from tests.live_service import serving
from webhook.service.logs import AdmissionLog, configure
from webhook.service.metrics import Metrics
from webhook.service.routes import admission_application

LOGGER = configure("error", "json")
METRICS = Metrics("")


@pytest.fixture(scope="module")
def client(tls: Path) -> Iterator[httpx.Client]:
    """A server on which `/CASE` leads to the application with that case's policy."""
    apps = {
        case.name: admission_application(
            case.policy, 1024**2, METRICS, AdmissionLog(LOGGER, 1, METRICS.log_lines_dropped.inc), LOGGER
        )
        for case in CASES
    }

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        _, name, path = scope["path"].split("/", 2)
        await apps[name](scope | {"path": f"/{path}"}, receive, send)

    with serving(dispatch, tls) as client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_holds_over_https(case: Case, client: httpx.Client) -> None:
    first = _answer(client, case, case.pod)
    assert patched(case.pod, first) == case.expected
    assert first.get("warnings", []) == case.warnings
    second = _answer(client, case, case.expected)
    assert "patch" not in second
    assert second.get("warnings", []) == case.warnings


def _answer(client: httpx.Client, case: Case, pod: Any) -> dict[str, Any]:
    answer = client.post(f"/{case.name}/mutate?timeout=10s", content=review(pod))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found["kind"] == "AdmissionReview"
    assert found["apiVersion"] == "admission.k8s.io/v1"
    response: dict[str, Any] = found["response"]
    assert response["uid"] == UID
    return response
