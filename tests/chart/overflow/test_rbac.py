"""templates/overflow/rbac.yaml: the overflow controller's rights, and no more. The end-to-end tests ask the API server."""

from typing import Any

from tests.chart.manifests import FULLNAME, NAMESPACE, Rendered, render

NAME = f"{FULLNAME}-overflow"
TEMPLATE = "overflow/rbac.yaml"
SEE_NAMESPACES = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]}
OPEN_PODS = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]
KEEP_THE_LEASE = [
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [NAME],
        "verbs": ["get", "update"],
    },
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
]


def rights(rendered: Rendered) -> dict[tuple[str, str], list[Any]]:
    """The rules by the kind of the role and its namespace, if it has one."""
    roles = [one for one in rendered.template(TEMPLATE) if not one["kind"].endswith("Binding")]
    return {(one["kind"], one["metadata"].get("namespace", "")): one["rules"] for one in roles}


def test_it_opens_pods_of_every_namespace() -> None:
    assert rights(render({"overflow": {"enabled": True}})) == {
        ("ClusterRole", ""): [SEE_NAMESPACES, *OPEN_PODS],
        ("Role", NAMESPACE): KEEP_THE_LEASE,
    }


def test_its_rights_to_pods_can_end_at_namespaces() -> None:
    assert rights(render({"overflow": {"enabled": True, "namespaces": ["etl", "ads"]}})) == {
        ("ClusterRole", ""): [SEE_NAMESPACES],
        ("Role", NAMESPACE): KEEP_THE_LEASE,
        ("Role", "etl"): OPEN_PODS,
        ("Role", "ads"): OPEN_PODS,
    }


def test_every_role_is_bound_to_its_account_alone() -> None:
    rendered = render({"overflow": {"enabled": True, "namespaces": ["etl"], "serviceAccount": {"name": "opener"}}})
    objects = rendered.template(TEMPLATE)
    roles = [one for one in objects if not one["kind"].endswith("Binding")]
    bindings = [one for one in objects if one["kind"].endswith("Binding")]
    assert len(roles) == 3
    for role, binding in zip(roles, bindings, strict=True):
        kind, name = role["kind"], role["metadata"]["name"]
        assert binding["kind"] == f"{kind}Binding"
        assert binding["metadata"] == role["metadata"]
        assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "opener", "namespace": NAMESPACE}]


def test_the_lease_is_the_one_that_the_controller_keeps() -> None:
    rendered = render({"overflow": {"enabled": True}})
    (container,) = rendered.one("Deployment", NAME)["spec"]["template"]["spec"]["containers"]
    assert f"--lease={NAME}" in container["args"]
    assert f"--namespace={NAMESPACE}" in container["args"]
