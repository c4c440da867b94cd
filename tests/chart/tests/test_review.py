"""templates/tests/review.yaml: the pod of `helm test`, which sends the service a review by each profile."""

import ast
import contextlib
import errno
import importlib.util
import itertools
import json
import os
import socket
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.chart.rendered import CHART, FULLNAME, NAMESPACE, render
from tests.pods import MODES
from tests.serving import issue, service
from webhook.core.policy import Policy

TEMPLATE = "tests/review.yaml"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def pod(values: dict[str, Any] | None = None) -> dict[str, Any]:
    (found,) = render(values).template(TEMPLATE)
    return found


def environment(values: dict[str, Any] | None = None) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod(values)["spec"]["containers"][0]["env"]}


def test_helm_test_runs_it_and_removes_it_afterwards() -> None:
    assert pod()["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    assert pod()["spec"]["restartPolicy"] == "Never"


def test_it_runs_the_script_of_the_chart() -> None:
    (container,) = pod()["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    (script,) = container["args"]
    assert ast.dump(ast.parse(script)) == ast.dump(ast.parse((CHART / "files/review.py").read_text()))


def test_it_asks_by_every_profile_as_a_pod_that_the_selector_matches() -> None:
    found = environment({"policy": {"profiles": {"mine": {}, "default": None}}})
    assert found["URL"] == f"https://{FULLNAME}.{NAMESPACE}.svc:443"
    assert found["PROFILES"].split(",") == sorted([*MODES, "mine"])
    assert json.loads(found["LABELS"]) == {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}


def test_it_trusts_the_ca_alone_and_never_sees_the_key() -> None:
    for source in ("self", "cert-manager"):
        values = {"certificates": {"source": source}}
        assert environment(values)["CA_FILE"] == "/etc/spark-eci-webhook/tls/ca.crt"
        (volume,) = pod(values)["spec"]["volumes"]
        assert volume["secret"] == {
            "secretName": f"{FULLNAME}-tls",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
        }
    provided = {"certificates": {"source": "provided", "provided": {"secretName": "ours", "caBundle": PEM}}}
    assert environment(provided)["CA"] == PEM
    assert "volumes" not in pod(provided)["spec"]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, about to ask a port of this machine on which nothing listens."""
    spec = importlib.util.spec_from_file_location("review", CHART / "files/review.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("URL", f"https://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("PROFILES", "default,eci-only")
    monkeypatch.setenv("LABELS", '{"sparkoperator.k8s.io/launched-by-spark-operator": "true"}')
    monkeypatch.setenv("CA_FILE", str(issue(tmp_path / "tls") / "ca.crt"))
    return module


def test_it_waits_for_a_service_that_is_still_starting(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = os.environ["URL"].rsplit(":", 1)[1]
    with contextlib.ExitStack() as started:

        def start(_: float) -> None:
            started.enter_context(service(tmp_path / "tls", tmp_path / "log", ["--port", port]))

        monkeypatch.setattr(script, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=start))
        assert script.main() == 0
    policy = Policy().digest
    assert capsys.readouterr().out.splitlines() == [
        f"profile default: mode=ecs-first,profile=default,policy={policy}",
        f"profile eci-only: mode=eci-only,profile=eci-only,policy={policy}",
    ]


def test_it_waits_no_longer_than_it_should_and_says_why_in_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(step=10)
    pauses: list[float] = []
    monkeypatch.setattr(script, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=pauses.append))
    assert script.main() == 1
    assert pauses == [script.PAUSE_SECONDS]
    url = f"{os.environ['URL']}/mutate/default?timeout=10s"
    assert capsys.readouterr().out == (
        f"profile default: {url} did not answer a review: <urlopen error [Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}>\n"
    )


def test_it_does_not_wait_where_the_service_refuses_the_call(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(script, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=pauses.append))
    monkeypatch.setenv("PROFILES", "missing")
    with service(tmp_path / "tls", tmp_path / "log") as running:
        monkeypatch.setenv("URL", running.url)
        assert script.main() == 1
    assert pauses == []
    assert capsys.readouterr().out == (
        f"profile missing: {running.url}/mutate/missing?timeout=10s did not answer a review: "
        "HTTP Error 404: Not Found\n"
    )
