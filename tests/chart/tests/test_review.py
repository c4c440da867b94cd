"""templates/tests/review.yaml: the pod of `helm test`, which sends the service a review by each profile."""

from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, render
from tests.pods import BUILT_IN_MODES
from webhook.core.selectors import Alternative, PodSelector

TEMPLATE = "tests/review.yaml"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def pod(values: dict[str, Any] | None = None) -> dict[str, Any]:
    (found,) = render(values).template(TEMPLATE)
    return found


def arguments(values: dict[str, Any] | None = None) -> list[str]:
    (container,) = pod(values)["spec"]["containers"]
    assert container["command"] == ["python", "-m", "webhook", "probe"]
    return list(container["args"])


def test_helm_test_runs_it_and_removes_it_afterwards() -> None:
    assert pod()["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    assert pod()["spec"]["restartPolicy"] == "Never"


def test_there_is_none_if_the_service_asks_for_certificates_of_clients() -> None:
    rendered = render({"settings": {"clientCa": "/etc/clients/ca.crt"}})
    assert rendered.template(TEMPLATE) == []
    assert [one for one in rendered.objects if "test" in str(one["metadata"].get("annotations"))] == []


def test_it_probes_every_profile_as_a_pod_that_the_selector_matches() -> None:
    profiles: dict[str, Any] = {"mine": {}, "default": None}
    selector = {"matchLabels": {"team": "etl"}}
    assert arguments({"policy": {"profiles": profiles, "selector": selector}}) == [
        f"--url=https://{FULLNAME}.{NAMESPACE}.svc:443",
        f"--profile={','.join(sorted([*BUILT_IN_MODES, 'mine']))}",
        "--label=sparkoperator.k8s.io/launched-by-spark-operator=true",
        "--label=team=etl",
        "--label=spark-role=executor",
        "--ca-file=/etc/spark-eci-webhook/tls/ca.crt",
    ]


@pytest.mark.parametrize("alternative", Alternative)
def test_its_pod_is_one_that_the_first_alternative_selects(alternative: Alternative) -> None:
    found = arguments({"policy": {"selector": {"anyOf": [str(alternative), {"matchLabels": {"a": "b"}}]}}})
    labels = dict(one.removeprefix("--label=").split("=") for one in found if one.startswith("--label="))
    assert PodSelector(alternative.labels, alternative.roles).unmet(labels) is None


def test_it_trusts_the_ca_only_and_never_sees_the_key() -> None:
    for source in ("self", "cert-manager"):
        values = {"certificates": {"source": source}}
        assert arguments(values)[-1] == "--ca-file=/etc/spark-eci-webhook/tls/ca.crt"
        (volume,) = pod(values)["spec"]["volumes"]
        assert volume["secret"] == {
            "secretName": f"{FULLNAME}-tls",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
        }
    provided = {"certificates": {"source": "provided", "provided": {"secretName": "ours", "caBundle": PEM}}}
    assert arguments(provided)[-1] == f"--ca={PEM}"
    assert "volumes" not in pod(provided)["spec"]
