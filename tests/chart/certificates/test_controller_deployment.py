"""templates/certificates/controller-deployment.yaml: what issues and renews the certificates if the source is self."""

from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, render

TEMPLATE = "certificates/controller-deployment.yaml"
NAME = f"{FULLNAME}-certificate-controller"


def pod(values: dict[str, Any] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = render(values).one("Deployment", NAME)["spec"]["template"]["spec"]
    return spec


def test_it_is_told_the_names_of_what_it_keeps() -> None:
    rendered = render({"certificates": {"controller": {"logLevel": "debug"}}})
    (container,) = rendered.one("Deployment", NAME)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "certs", "controller"]
    assert container["args"] == [
        f"--namespace={NAMESPACE}",
        f"--ca-secret={FULLNAME}-ca",
        f"--serving-secret={FULLNAME}-tls",
        "--configuration=spark-placement",
        f"--service={rendered.one('Service')['metadata']['name']}",
        f"--deployment={NAME}",
        "--health-host=::",
        "--health-port=8081",
        "--log-level=debug",
    ]
    (volume,) = [
        one["secret"]["secretName"]
        for one in rendered.one("Deployment")["spec"]["template"]["spec"]["volumes"]
        if "secret" in one
    ]
    assert f"--serving-secret={volume}" in container["args"]


def test_it_has_its_own_account_whose_token_is_mounted_here_alone() -> None:
    spec = pod()
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == (NAME, True)
    assert spec["enableServiceLinks"] is False


def test_it_listens_where_the_service_does() -> None:
    (container,) = pod({"host": "0.0.0.0"})["containers"]
    assert "--health-host=0.0.0.0" in container["args"]


def test_its_probes_ask_the_health_port() -> None:
    (container,) = pod()["containers"]
    assert container["ports"] == [{"name": "health", "containerPort": 8081, "protocol": "TCP"}]
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}


def test_it_runs_the_same_image_as_the_service() -> None:
    rendered = render({"image": {"tag": "9"}, "imagePullSecrets": [{"name": "pull"}]})
    pods = [rendered.one("Deployment", name)["spec"]["template"]["spec"] for name in (FULLNAME, NAME)]
    assert [spec["containers"][0]["image"] for spec in pods] == ["spark-eci-webhook:9"] * 2
    assert [spec["imagePullSecrets"] for spec in pods] == [[{"name": "pull"}]] * 2


def test_scheduling_values_reach_the_pod() -> None:
    values = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "platform",
    }
    spec = pod({"certificates": {"controller": values}})
    assert {key: spec[key] for key in values} == values


def test_its_labels_never_select_the_service() -> None:
    rendered = render({"certificates": {"controller": {"podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}}}})
    deployment = rendered.one("Deployment", NAME)["spec"]
    metadata = deployment["template"]["metadata"]
    assert deployment["selector"]["matchLabels"].items() <= metadata["labels"].items()
    assert metadata["labels"]["a"] == "b"
    assert metadata["annotations"] == {"c": "d"}
    assert not rendered.one("Service")["spec"]["selector"].items() <= metadata["labels"].items()


@pytest.mark.parametrize("source", ["cert-manager", "provided"])
def test_there_is_none_for_other_sources(source: str) -> None:
    provided = {"secretName": "ours", "caBundle": "-----BEGIN CERTIFICATE-----"}
    rendered = render({"certificates": {"source": source, "provided": provided}})
    assert not [path for path in rendered.templates if path.startswith("certificates/controller")]
