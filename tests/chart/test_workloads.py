"""What the three Deployments share: global values, spread, further variables and volumes, ports, accounts and rights."""

from collections.abc import Mapping
from typing import Any

import kubernetes_validate
import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, Rendered, refusal, render
from tests.chart.test_validity import MATRIX, VERSIONS

#: The place of each component's values, and the name of its Deployment.
COMPONENTS = {
    (): FULLNAME,
    ("certificates", "controller"): f"{FULLNAME}-certificate-controller",
    ("overflow",): f"{FULLNAME}-overflow",
}
EACH = pytest.mark.parametrize("place", COMPONENTS, ids=lambda place: ".".join(place) or "service")
SHARED: dict[str, Any] = {
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "priorityClassName": "platform",
}


def with_overflow(place: tuple[str, ...], own: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Values with the overflow controller, and `own` at the place of a component."""
    values: dict[str, Any] = {"overflow": {"enabled": True}, **more}
    inside = values
    for key in place:
        inside = inside.setdefault(key, {})
    inside.update(own)
    return values


def spec_of(place: tuple[str, ...], own: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    deployment = render(with_overflow(place, own, **more)).one("Deployment", COMPONENTS[place])
    return dict(deployment["spec"]["template"]["spec"])


@EACH
def test_global_values_apply_where_a_component_has_none(place: tuple[str, ...]) -> None:
    shared = {**SHARED, "imagePullSecrets": ["pull", {"name": "other"}], "imageRegistry": "registry.internal/"}
    spec = spec_of(place, {}, **{"global": shared})
    assert {key: spec[key] for key in SHARED} == SHARED
    assert spec["imagePullSecrets"] == [{"name": "pull"}, {"name": "other"}]
    assert spec["containers"][0]["image"] == "registry.internal/spark-eci-webhook:1.0.0"


@EACH
def test_a_components_own_values_win_and_tolerations_are_added(place: tuple[str, ...]) -> None:
    more = {"key": "virtual-kubelet.io/provider", "operator": "Exists"}
    own = {
        "nodeSelector": {"pool": "mine"},
        "tolerations": [more, SHARED["tolerations"][0]],
        "priorityClassName": "low",
    }
    spec = spec_of(place, own, **{"global": SHARED})
    assert (spec["nodeSelector"], spec["priorityClassName"]) == ({"pool": "mine"}, "low")
    assert spec["tolerations"] == [SHARED["tolerations"][0], more]


@pytest.mark.parametrize(
    ("repository", "image"),
    [
        ("spark-eci-webhook", "mirror.internal:5000/spark-eci-webhook"),
        ("platform/hook", "mirror.internal:5000/platform/hook"),
        ("registry.internal/hook", "registry.internal/hook"),
        ("localhost/hook", "localhost/hook"),
        ("registry:5000/hook", "registry:5000/hook"),
    ],
)
def test_the_registry_of_all_charts_is_not_put_before_another_one(repository: str, image: str) -> None:
    values = {"global": {"imageRegistry": "mirror.internal:5000"}, "image": {"repository": repository, "tag": "1"}}
    assert spec_of((), {}, **values)["containers"][0]["image"] == f"{image}:1"


@pytest.mark.parametrize(
    "repository",
    [
        "spark-eci-webhook",
        "platform/spark-eci-webhook",
        "registry.corp:5000/data_team/spark--eci/web.hook",
        "[2001:db8::1]:5000/hook",
    ],
)
def test_a_repository_that_image_references_allow_is_accepted(repository: str) -> None:
    assert spec_of((), {}, image={"repository": repository})["containers"][0]["image"].startswith(f"{repository}:")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "https://registry.corp/hook",
        "registry.corp/hook:1.2",
        "registry.corp/hook@sha256:ab",
        "registry.corp/Hook",
        "<registry>/hook",
        "REGISTRY/hook",
        "/hook",
        "registry.corp/",
        "registry.corp//hook",
        "registry.corp/hook ",
    ],
)
def test_a_repository_that_no_image_has_is_refused(wrong: str) -> None:
    assert "at '/image/repository'" in refusal({"image": {"repository": wrong}})


@pytest.mark.parametrize("wrong", ["https://registry.corp", "registry.corp:port", "<registry>", "registry.corp/a:1"])
def test_a_registry_of_all_charts_that_is_none_is_refused(wrong: str) -> None:
    assert "at '/global/imageRegistry'" in refusal({"global": {"imageRegistry": wrong}})


@pytest.mark.parametrize("wrong", ["", "localhost", "127.0.0.1", "::1", "[::]"])
def test_an_address_at_which_no_probe_arrives_is_refused(wrong: str) -> None:
    assert "at '/host': value must be one of '::', '0.0.0.0'" in refusal({"host": wrong})


@EACH
def test_replicas_are_spread_unless_told_otherwise(place: tuple[str, ...]) -> None:
    deployment = render(with_overflow(place, {})).one("Deployment", COMPONENTS[place])
    labels, spec = deployment["spec"]["selector"], deployment["spec"]["template"]["spec"]
    (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"] == {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}
    assert [one["labelSelector"] for one in spec["topologySpreadConstraints"]] == [labels]

    off = {"antiAffinity": {"enabled": False}, "topologySpread": {"enabled": False}}
    assert spec_of(place, {}, **off).keys() & {"affinity", "topologySpreadConstraints"} == set()
    own: dict[str, Any] = {"affinity": {"nodeAffinity": {}}, "topologySpreadConstraints": [{"maxSkew": 2}]}
    found = spec_of(place, own, **off)
    assert {key: found[key] for key in own} == own


@EACH
def test_further_variables_and_volumes_reach_the_container(place: tuple[str, ...]) -> None:
    own: dict[str, Any] = {
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    }
    plain, spec = spec_of(place, {}), spec_of(place, own)
    assert spec["volumes"] == plain.get("volumes", []) + own["extraVolumes"]
    (before,), (after,) = plain["containers"], spec["containers"]
    assert after["env"] == before.get("env", []) + own["extraEnv"]
    assert after["volumeMounts"] == before.get("volumeMounts", []) + own["extraVolumeMounts"]


@EACH
def test_an_account_may_be_made_by_somebody_else(place: tuple[str, ...]) -> None:
    rendered = render(with_overflow(place, {"serviceAccount": {"create": False, "name": "theirs"}}))
    accounts = {one["metadata"]["name"] for one in rendered.objects if one["kind"] == "ServiceAccount"}
    assert accounts == set(COMPONENTS.values()) - {COMPONENTS[place]}
    spec = rendered.one("Deployment", COMPONENTS[place])["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "theirs"
    bound = {
        subject["name"]
        for one in rendered.objects
        if one["kind"].endswith("Binding")
        for subject in one.get("subjects", [])
    }
    assert ("theirs" in bound) is bool(place)
    where = ".".join((*place, "serviceAccount"))
    sentence = f"{where}.create is false, but name is empty: set name to an existing ServiceAccount"
    assert refusal(with_overflow(place, {"serviceAccount": {"create": False}})).rstrip().endswith(f": {sentence}")


def test_roles_may_be_made_by_somebody_else() -> None:
    def kinds(values: dict[str, Any]) -> set[str]:
        return {one["kind"] for one in render({"overflow": {"enabled": True, "namespaces": ["etl"]}, **values}).objects}

    rights = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    assert kinds({}) & rights == rights
    assert kinds({"rbac": {"create": False}}) == kinds({}) - rights


@pytest.mark.parametrize("case", MATRIX)
def test_every_object_has_the_common_annotations_beside_its_own(case: str) -> None:
    values = MATRIX[case] | {"extraObjects": []}
    found = render(values | {"commonAnnotations": {"owner": "platform"}})
    before = render(values | {"commonAnnotations": {}})
    for one, plain in zip(found.objects, before.objects, strict=True):
        assert one["metadata"]["annotations"] == {"owner": "platform", **plain["metadata"].get("annotations", {})}
        assert one.get("spec") == plain.get("spec"), "pods are not restarted"


@pytest.mark.parametrize("case", MATRIX)
def test_the_namespace_can_be_replaced_everywhere(case: str) -> None:
    """As if Helm had installed into it."""
    replaced = render(MATRIX[case] | {"namespaceOverride": "elsewhere"})
    assert replaced.templates == render(MATRIX[case], namespace="elsewhere").templates
    assert NAMESPACE not in str(replaced.templates)


def test_the_ports_are_the_same_wherever_they_are_named() -> None:
    values = {
        "ports": {"https": 9443, "operations": 9080},
        "service": {"port": 8443},
        "certificates": {"controller": {"healthPort": 9081}},
        "overflow": {"enabled": True, "port": 9082},
        "networkPolicy": {"enabled": True},
        "monitoring": {"serviceMonitor": {"enabled": True}},
    }
    found = render(values)
    service, controller, overflow = (_container(found, name) for name in COMPONENTS.values())
    assert [one["containerPort"] for one in service["ports"]] == [9443, 9080]
    assert {"--port=9443", "--operations-port=9080"} <= set(service["args"])
    assert ([one["containerPort"] for one in controller["ports"]], "--health-port=9081" in controller["args"]) == (
        [9081],
        True,
    )
    assert ([one["containerPort"] for one in overflow["ports"]], "--port=9082" in overflow["args"]) == ([9082], True)
    assert [one["port"] for one in found.one("Service")["spec"]["ports"]] == [8443]
    assert {
        one["clientConfig"]["service"]["port"]
        for one in found.one("MutatingWebhookConfiguration", "spark-placement")["webhooks"]
    } == {8443}
    (review,) = found.template("tests/review.yaml")
    assert f"--url=https://{FULLNAME}.{NAMESPACE}.svc:8443" in review["spec"]["containers"][0]["args"]
    ingress = {
        one["metadata"]["name"]: [port["port"] for rule in one["spec"].get("ingress", []) for port in rule["ports"]]
        for one in found.objects
        if one["kind"] == "NetworkPolicy"
    }
    assert ingress == dict(zip(COMPONENTS.values(), ([9443, 9080], [], [9082]), strict=True))
    metrics = [
        found.one("Service", f"{name}-metrics")["spec"]["ports"][0]["port"]
        for name in (FULLNAME, f"{FULLNAME}-overflow")
    ]
    assert metrics == [9080, 9082]


def _container(rendered: Rendered, name: str) -> dict[str, Any]:
    (found,) = rendered.one("Deployment", name)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_on_the_hosts_network_an_old_replica_gives_its_ports_first() -> None:
    found = render({"hostNetwork": True, "overflow": {"enabled": True}})
    deployment = found.one("Deployment")["spec"]
    assert deployment["template"]["spec"]["hostNetwork"] is True
    assert deployment["template"]["spec"]["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    assert [(one["containerPort"], one["hostPort"]) for one in _container(found, FULLNAME)["ports"]] == [
        (8443, 8443),
        (8080, 8080),
    ]
    for name in list(COMPONENTS.values())[1:]:
        assert "hostNetwork" not in found.one("Deployment", name)["spec"]["template"]["spec"]
    own = {"type": "Recreate"}
    assert render({"hostNetwork": True, "updateStrategy": own}).one("Deployment")["spec"]["strategy"] == own


def test_the_services_pods_have_the_dns_of_the_values() -> None:
    own = {
        "nameservers": ["10.0.0.10"],
        "searches": ["svc.cluster.local"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    spec = spec_of((), {}, hostNetwork=True, dnsPolicy="None", dnsConfig=own)
    assert (spec["dnsPolicy"], spec["dnsConfig"]) == ("None", own)
    plain = spec_of((), {})
    assert (plain["dnsPolicy"], "dnsConfig" in plain) == ("ClusterFirst", False)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_the_pods_on_the_hosts_network(version: str) -> None:
    values = {"kubeVersion": version, "hostNetwork": True, "dnsConfig": {"nameservers": ["10.0.0.10"]}}
    kubernetes_validate.validate(render(values).one("Deployment"), version, strict=True)


@pytest.mark.parametrize(
    "values",
    [
        {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]},
        {"ipFamilies": ["IPv6"]},
        {"ipFamilyPolicy": "SingleStack"},
        {},
    ],
)
def test_every_service_has_the_families_of_the_values(values: dict[str, Any]) -> None:
    rendered = render(
        {"service": values, "overflow": {"enabled": True}, "monitoring": {"serviceMonitor": {"enabled": True}}}
    )
    services = [one["spec"] for one in rendered.objects if one["kind"] == "Service"]
    assert len(services) == 3
    assert [{key: one[key] for key in one.keys() & {"ipFamilies", "ipFamilyPolicy"}} for one in services] == [
        values
    ] * 3


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"image": {"repository": "registry.example.com/platform/hook"}},
            "image.repository: registry.example.com/platform/hook is the placeholder of the documentation: set it to the "
            "image in your registry",
        ),
        (
            {"global": {"imageRegistry": "example.com:5000"}},
            "global.imageRegistry: example.com:5000 is the placeholder of the documentation: set it to your registry",
        ),
        ({"ports": {"https": 8080}}, "ports: https and operations are both 8080: set two different ports"),
        (
            {"page": {"enabled": True}, "ports": {"https": 8081}},
            "page.port and ports.https are both 8081: set two different ports",
        ),
        (
            {"page": {"enabled": True, "port": 8080}},
            "page.port and ports.operations are both 8080: set two different ports",
        ),
        (
            {"page": {"enabled": True}, "hostNetwork": True},
            "page.enabled is true, but with hostNetwork every program of the node could call the page: set page.enabled or "
            "hostNetwork to false",
        ),
        (
            {"service": {"ipFamilies": ["IPv4", "IPv6"]}},
            "service.ipFamilies lists two families: set service.ipFamilyPolicy to PreferDualStack or RequireDualStack, or "
            "list one family",
        ),
        (
            {"podAnnotations": {"checksum/policy": "x"}},
            "podAnnotations: checksum/policy is set by the chart: remove it",
        ),
        (
            {"overflow": {"enabled": True, "podAnnotations": {"checksum/policy": "x"}}},
            "overflow.podAnnotations: checksum/policy is set by the chart: remove it",
        ),
        (
            {"extraEnv": [{"name": "ECI_WEBHOOK_LOG_LEVEL", "value": "debug"}]},
            "extraEnv: ECI_WEBHOOK_LOG_LEVEL is a setting of the service: set it in settings",
        ),
        (
            {"certificates": {"controller": {"extraEnv": [{"name": "A"}, {"name": "A"}]}}},
            "certificates.controller.extraEnv: A is listed twice: list it once",
        ),
        (
            {"certificates": {"controller": {"extraEnv": [{"name": "ECI_CERTS_SERVICE", "value": "x"}]}}},
            "certificates.controller.extraEnv: ECI_CERTS_SERVICE is an option of the certificate controller: set it in "
            "certificates.controller",
        ),
        (
            {"dnsPolicy": "None"},
            "dnsPolicy is None, but dnsConfig.nameservers is empty: list at least one name server",
        ),
        (
            {"overflow": {"enabled": True, "extraVolumes": [{"name": "policy", "emptyDir": {}}]}},
            "overflow.extraVolumes: there is another volume policy: choose another name",
        ),
        (
            {"extraVolumeMounts": [{"name": "more", "mountPath": "/etc/spark-eci-webhook/tls/"}]},
            "extraVolumeMounts: another volume is mounted at /etc/spark-eci-webhook/tls/: choose another path",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(values: dict[str, Any], sentence: str) -> None:
    assert refusal(values).rstrip().endswith(f": {sentence}")


def test_common_annotations_do_not_change_the_checksum_of_the_policy() -> None:
    def checksum(values: dict[str, Any]) -> str:
        template = render(values).one("Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/policy"])

    assert checksum({"commonAnnotations": {"checksum/policy": "x"}, "podAnnotations": {"a": "b"}}) == checksum({})
