"""templates/tests/review.yaml: the pod of `helm test`, which sends the service a review by each profile."""

import ast
import json
from typing import Any

from tests.chart.rendered import CHART, FULLNAME, NAMESPACE, render

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
    assert found["PROFILES"].split(",") == ["eci-first", "eci-only", "ecs-first", "ecs-only", "mine", "resource-policy"]
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
