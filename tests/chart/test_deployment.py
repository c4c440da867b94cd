"""templates/deployment.yaml: the service, replaced without a lost review and confined as far as Kubernetes allows."""

from typing import Any

import pytest
import yaml

from tests.chart.manifests import FULLNAME, render
from webhook.service.settings import read_settings


def deployment(values: dict[str, Any] | None = None) -> dict[str, Any]:
    return render(values).one("Deployment")


def pod(values: dict[str, Any] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(values)["spec"]["template"]["spec"]
    return spec


def container(values: dict[str, Any] | None = None) -> dict[str, Any]:
    (one,) = pod(values)["containers"]
    return dict(one)


def test_two_replicas_run_and_a_rollout_never_takes_one_away_first() -> None:
    spec = deployment()["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_replicas_are_left_to_the_autoscaler_where_there_is_one() -> None:
    assert "replicas" not in deployment({"autoscaling": {"enabled": True}})["spec"]


def test_the_selector_matches_the_pods_and_no_label_of_the_user_changes_that() -> None:
    for values in ({}, {"podLabels": {"team": "data"}, "commonLabels": {"part": "platform"}}):
        spec = deployment(values)["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert {**values.get("podLabels", {}), **values.get("commonLabels", {})}.items() <= labels.items()


def test_a_changed_policy_restarts_the_pods_and_nothing_else_of_the_policy_does() -> None:
    def checksum(values: dict[str, Any]) -> str:
        return str(deployment(values)["spec"]["template"]["metadata"]["annotations"]["checksum/policy"])

    assert checksum({}) == checksum({"replicas": 3})
    assert checksum({}) != checksum({"policy": {"profiles": {"default": {"allowOverride": False}}}})


def test_the_service_runs_as_the_image_says_with_flags_that_it_knows() -> None:
    found = container()
    assert found["command"] == ["python", "-m", "webhook", "serve"]
    settings = read_settings(found["args"])
    assert (settings.host, settings.port, settings.operations_port) == ("::", 8443, 8080)
    mounts = {mount["name"]: mount for mount in found["volumeMounts"]}
    assert settings.policy is not None
    assert str(settings.policy.parent) == mounts["policy"]["mountPath"]
    assert str(settings.tls_dir) == mounts["tls"]["mountPath"]
    assert all(mount["readOnly"] for mount in mounts.values())


def test_settings_become_environment_variables_of_the_service() -> None:
    subjects = {"clientCa": "/etc/ca/ca.crt", "clientSubjects": ["kube-apiserver", "front-proxy"]}
    values = {"settings": {"logLevel": "debug", "maxBodyBytes": 8388608, **subjects}}
    assert {one["name"]: one["value"] for one in container(values)["env"]} == {
        "ECI_WEBHOOK_OPERATIONS_HOST": "::",
        "ECI_WEBHOOK_LOG_LEVEL": "debug",
        "ECI_WEBHOOK_MAX_BODY_BYTES": "8388608",
        "ECI_WEBHOOK_CLIENT_CA": "/etc/ca/ca.crt",
        "ECI_WEBHOOK_CLIENT_SUBJECTS": "kube-apiserver,front-proxy",
        "ECI_WEBHOOK_DRAIN_SECONDS": "10",
        "ECI_WEBHOOK_STOP_SECONDS": "5",
    }


def test_a_setting_left_empty_is_the_services_default() -> None:
    assert container({"settings": {"clientCa": None, "logLevel": None}})["env"] == [
        {"name": "ECI_WEBHOOK_OPERATIONS_HOST", "value": "::"},
        {"name": "ECI_WEBHOOK_DRAIN_SECONDS", "value": "10"},
        {"name": "ECI_WEBHOOK_STOP_SECONDS", "value": "5"},
    ]


def test_the_service_reads_these_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = {"clientCa": "/etc/ca/ca.crt", "clientSubjects": ["kube-apiserver", "front-proxy"]}
    found = container({"settings": {"maxBodyBytes": 8388608, "drainSeconds": 2.5, **subjects}})
    for one in found["env"]:
        monkeypatch.setenv(one["name"], one["value"])
    settings = read_settings(found["args"])
    assert (settings.max_body_bytes, settings.drain_seconds, settings.stop_seconds) == (8388608, 2.5, 5)
    assert settings.client_subjects == {"kube-apiserver", "front-proxy"}


def test_ports_are_named_and_probes_ask_the_operations_port() -> None:
    found = container()
    assert {port["name"]: port["containerPort"] for port in found["ports"]} == {"https": 8443, "operations": 8080}
    probes = {kind: found[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {
        "startupProbe": {"path": "/livez", "port": "operations"},
        "livenessProbe": {"path": "/livez", "port": "operations"},
        "readinessProbe": {"path": "/readyz", "port": "operations"},
    }


def test_a_stopping_replica_pauses_first_and_has_time_for_all_that_follows() -> None:
    assert container({"preStopSeconds": 7})["lifecycle"] == {
        "preStop": {"exec": {"command": ["python", "-c", "import time; time.sleep(7)"]}}
    }
    pause, drain, stop = 5, 10, 5
    assert pod()["terminationGracePeriodSeconds"] > pause + drain + stop


def test_pods_have_no_token_and_no_variables_of_services() -> None:
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["serviceAccountName"] == FULLNAME


def test_variables_of_a_service_named_like_the_settings_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sets these variables in pods with service links if a Service `eci-webhook` exists."""
    monkeypatch.setenv("ECI_WEBHOOK_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("ECI_WEBHOOK_SERVICE_PORT", "443")
    monkeypatch.setenv("ECI_WEBHOOK_PORT", "tcp://10.0.0.1:443")
    monkeypatch.setenv("ECI_WEBHOOK_PORT_443_TCP", "tcp://10.0.0.1:443")
    settings = read_settings(container()["args"])
    assert (settings.host, settings.port) == ("::", 8443)


def test_replicas_prefer_different_nodes_and_zones_unless_told_otherwise() -> None:
    labels = deployment()["spec"]["selector"]["matchLabels"]
    spec = pod()
    (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"] == {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": labels},
    }
    assert spec["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
        }
    ]
    own: dict[str, Any] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    }
    assert pod({"affinity": own})["affinity"] == own
    assert pod({"topologySpreadConstraints": [{"maxSkew": 2}]})["topologySpreadConstraints"] == [{"maxSkew": 2}]


def test_scheduling_values_reach_the_pod() -> None:
    values = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}],
        "priorityClassName": "platform",
    }
    assert {key: pod(values)[key] for key in values} == values
    assert pod().keys() & values.keys() == set()


def test_resources_are_asked_for_and_memory_is_limited() -> None:
    resources = container()["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


def test_quantities_that_are_numbers_are_rendered_as_text() -> None:
    """The API server stores text, and 1.20 refuses a number in a server-side apply."""
    asked = {"requests": {"cpu": 1, "memory": 1073741824}, "limits": {"cpu": 1.5, "memory": "2Gi"}}
    assert container({"resources": asked})["resources"] == {
        "requests": {"cpu": "1", "memory": "1073741824"},
        "limits": {"cpu": "1.5", "memory": "2Gi"},
    }


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "spark-eci-webhook:1.0.0"),
        ({"repository": "registry.internal/team/hook", "tag": "1"}, "registry.internal/team/hook:1"),
        ({"digest": "sha256:" + "a" * 64, "tag": "1"}, "spark-eci-webhook@sha256:" + "a" * 64),
    ],
)
def test_the_image_is_named_by_tag_or_digest(image: dict[str, str], expected: str) -> None:
    assert container({"image": image})["image"] == expected


def test_the_certificate_is_mounted_from_the_secret_of_its_source() -> None:
    def secret(certificates: dict[str, Any]) -> dict[str, Any]:
        (volume,) = [one for one in pod({"certificates": certificates})["volumes"] if one["name"] == "tls"]
        return dict(volume["secret"])

    private = {"defaultMode": 0o440}
    provided = {"source": "provided", "provided": {"secretName": "ours", "caBundle": "-----BEGIN CERTIFICATE-----"}}
    assert secret({}) == {"secretName": f"{FULLNAME}-tls", **private}
    assert secret({"source": "cert-manager"}) == {"secretName": f"{FULLNAME}-tls", **private}
    assert secret(provided) == {"secretName": "ours", **private}


def test_further_volumes_are_mounted() -> None:
    volume, mount = {"name": "more", "emptyDir": {}}, {"name": "more", "mountPath": "/more"}
    values = {"extraVolumes": [volume], "extraVolumeMounts": [mount], "imagePullSecrets": [{"name": "pull"}]}
    assert volume in pod(values)["volumes"]
    assert mount in container(values)["volumeMounts"]
    assert pod(values)["imagePullSecrets"] == [{"name": "pull"}]


def test_the_host_may_be_that_of_one_family() -> None:
    found = container({"host": "0.0.0.0"})
    assert "--host=0.0.0.0" in found["args"]
    assert {"name": "ECI_WEBHOOK_OPERATIONS_HOST", "value": "0.0.0.0"} in found["env"]


def test_the_mounted_policy_is_the_rendered_one() -> None:
    rendered = render()
    (volume,) = [
        one for one in rendered.one("Deployment")["spec"]["template"]["spec"]["volumes"] if one["name"] == "policy"
    ]
    policy = rendered.one("ConfigMap", volume["configMap"]["name"])
    assert yaml.safe_load(policy["data"]["policy.yaml"])["profiles"].keys() >= {"default", "eci-only"}


def test_a_page_is_a_flag_and_no_port_of_the_container() -> None:
    with_page, plain = container({"page": {"enabled": True, "port": 9081}}), container()
    assert with_page["args"] == [*plain["args"], "--page-port=9081"]
    assert not [one for one in plain["args"] if "page" in one]
    assert {key: with_page[key] for key in plain if key not in ("args", "resources")} == {
        key: plain[key] for key in plain if key not in ("args", "resources")
    }
    rendered = render({"page": {"enabled": True, "port": 9081}, "networkPolicy": {"enabled": True}})
    assert {path for path, objects in rendered.templates.items() if "9081" in str(objects)} == {"deployment.yaml"}


@pytest.mark.parametrize(
    ("values", "resources"),
    [
        ({}, {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "640Mi"}}),
        (
            {"resources": {"requests": {"cpu": 2, "memory": "1Gi"}, "limits": {"cpu": 2}}},
            {"requests": {"cpu": "2", "memory": "192Mi"}, "limits": {"cpu": "2", "memory": "640Mi"}},
        ),
        (
            {"page": {"resources": {"limits": {"cpu": 1}, "requests": None}}},
            {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "640Mi"}},
        ),
        ({"resources": None}, {"requests": {"memory": "192Mi"}, "limits": {"memory": "640Mi"}}),
        (
            {"page": {"resources": None}},
            {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        ),
        ({"resources": None, "page": {"resources": None}}, None),
    ],
)
def test_with_a_page_its_resources_replace_the_same_ones_of_the_service(
    values: dict[str, Any], resources: dict[str, Any] | None
) -> None:
    values = values | {"page": {"enabled": True} | values.get("page", {})}
    assert container(values).get("resources") == resources


def test_without_a_page_its_resources_are_nobodys() -> None:
    assert container({"page": {"resources": {"limits": {"memory": "4Gi"}}}})["resources"] == container()["resources"]
