"""templates/overflow/deployment.yaml: the controller that opens pods of the mode ecs-then-eci, if it is switched on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.chart.manifests import FULLNAME, NAMESPACE, render
from webhook.cli.commands import app
from webhook.overflow.controller import Options
from webhook.overflow.process import ProcessOptions

NAME = f"{FULLNAME}-overflow"


def deployment(**overflow: Any) -> dict[str, Any]:
    spec: dict[str, Any] = render({"overflow": {"enabled": True, **overflow}}).one("Deployment", NAME)["spec"]
    return spec


def pod(**overflow: Any) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(**overflow)["template"]["spec"]
    return spec


def container(**overflow: Any) -> dict[str, Any]:
    (one,) = pod(**overflow)["containers"]
    return dict(one)


def test_two_replicas_run_and_a_rollout_never_takes_one_away_first() -> None:
    spec = deployment()
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert deployment(replicas=3)["replicas"] == 3


def test_it_is_told_its_policy_its_lease_and_the_namespaces_of_its_pods() -> None:
    found = container(namespaces=["etl", "ads"], qps=7, logLevel="debug")
    assert found["command"] == ["python", "-m", "webhook", "overflow"]
    assert found["args"] == [
        "--policy=/etc/spark-eci-webhook/policy/policy.yaml",
        f"--namespace={NAMESPACE}",
        f"--lease={NAME}",
        "--watch-namespace=etl",
        "--watch-namespace=ads",
        "--qps=7",
        "--host=::",
        "--port=8080",
        "--log-level=debug",
    ]
    found = container()["args"]
    assert not [one for one in found if one.startswith(("--watch-namespace", "--default-profile"))]


def test_it_is_told_the_default_profile_which_its_command_line_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"overflow": {"enabled": True}, "webhook": {"defaultProfile": "ecs-then-eci"}}
    (found,) = render(values).one("Deployment", NAME)["spec"]["template"]["spec"]["containers"]
    ran: list[Options] = []

    def run(_policy: Path, _values: Sequence[Path], options: Options, _process: ProcessOptions) -> int:
        ran.append(options)
        return 0

    monkeypatch.setattr("webhook.cli.overflow.open_pods", run)
    done = CliRunner().invoke(app, ["overflow", *found["args"]])
    assert done.exit_code == 0, done.output
    assert [one.default_profile for one in ran] == ["ecs-then-eci"]


def test_the_command_line_knows_these_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Path, Sequence[Path], Options, ProcessOptions]] = []

    def run(*arguments: Any) -> int:
        ran.append(arguments)
        return 0

    monkeypatch.setattr("webhook.cli.overflow.open_pods", run)
    found = container(namespaces=["etl", "ads"], qps=7, logLevel="debug")
    done = CliRunner().invoke(app, ["overflow", *found["args"]])
    assert done.exit_code == 0, done.output
    ((policy, values, options, process),) = ran
    assert values == ()
    assert str(policy.parent) == found["volumeMounts"][0]["mountPath"]
    assert (options.namespace, options.lease, options.watched, options.rate) == (NAMESPACE, NAME, ["etl", "ads"], 7)
    assert (process.port, process.log_level) == (8080, "debug")


def test_it_reads_the_policy_of_the_service_and_a_change_restarts_both() -> None:
    def restarts(values: dict[str, Any]) -> list[str]:
        rendered = render({"overflow": {"enabled": True}, **values})
        templates = [rendered.one("Deployment", name)["spec"]["template"] for name in (FULLNAME, NAME)]
        return [template["metadata"]["annotations"]["checksum/policy"] for template in templates]

    (before, same) = restarts({})
    assert before == same
    (after, too) = restarts({"policy": {"profiles": {"default": {"allowOverride": False}}}})
    assert after == too != before
    assert pod()["volumes"] == [{"name": "policy", "configMap": {"name": f"{FULLNAME}-policy"}}]
    (mount,) = container()["volumeMounts"]
    assert mount == {"name": "policy", "mountPath": "/etc/spark-eci-webhook/policy", "readOnly": True}


def test_it_has_its_own_account_whose_token_is_mounted_here_alone() -> None:
    assert (pod()["serviceAccountName"], pod()["automountServiceAccountToken"]) == (NAME, True)
    service = render({"overflow": {"enabled": True}}).one("Deployment")["spec"]["template"]["spec"]
    assert service["automountServiceAccountToken"] is False
    assert pod()["enableServiceLinks"] is False


def test_its_probes_ask_the_port_of_its_metrics() -> None:
    found = container()
    assert found["ports"] == [{"name": "operations", "containerPort": 8080, "protocol": "TCP"}]
    assert {kind: found[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": {"path": "/healthz", "port": "operations"},
        "livenessProbe": {"path": "/healthz", "port": "operations"},
        "readinessProbe": {"path": "/readyz", "port": "operations"},
    }


def test_it_runs_the_same_image_as_the_service() -> None:
    rendered = render(
        {"image": {"tag": "9"}, "imagePullSecrets": [{"name": "pull"}], "overflow": {"enabled": True}},
    )
    pods = [rendered.one("Deployment", name)["spec"]["template"]["spec"] for name in (FULLNAME, NAME)]
    assert [spec["containers"][0]["image"] for spec in pods] == ["spark-eci-webhook:9"] * 2
    assert [spec["imagePullSecrets"] for spec in pods] == [[{"name": "pull"}]] * 2


def test_replicas_prefer_different_nodes_and_zones_unless_told_otherwise() -> None:
    labels = deployment()["selector"]["matchLabels"]
    (term,) = pod()["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"] == {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": labels},
    }
    (spread,) = pod()["topologySpreadConstraints"]
    assert spread["labelSelector"] == {"matchLabels": labels}
    assert pod(affinity={"nodeAffinity": {}})["affinity"] == {"nodeAffinity": {}}
    assert pod(topologySpreadConstraints=[{"maxSkew": 2}])["topologySpreadConstraints"] == [{"maxSkew": 2}]


def test_scheduling_values_reach_the_pod() -> None:
    values = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "platform",
    }
    assert {key: pod(**values)[key] for key in values} == values
    assert pod().keys() & values.keys() == set()


def test_resources_are_asked_for_and_memory_is_limited() -> None:
    resources = container()["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


def test_its_labels_never_select_another_component() -> None:
    values = {"overflow": {"enabled": True, "podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}}}
    rendered = render(values)
    deployments = [one["spec"] for one in rendered.objects if one["kind"] == "Deployment"]
    assert len(deployments) == 3
    for one in deployments:
        labels = one["template"]["metadata"]["labels"]
        assert [one["selector"]] == [
            each["selector"] for each in deployments if each["selector"]["matchLabels"].items() <= labels.items()
        ]
    metadata = rendered.one("Deployment", NAME)["spec"]["template"]["metadata"]
    assert metadata["labels"]["a"] == "b"
    assert metadata["annotations"]["c"] == "d"
    assert not rendered.one("Service")["spec"]["selector"].items() <= metadata["labels"].items()


def test_there_is_none_unless_it_is_switched_on() -> None:
    assert not [path for path in render().templates if path.startswith("overflow/")]
