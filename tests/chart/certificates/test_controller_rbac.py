"""templates/certificates/controller-rbac.yaml: the certificate controller's rights, and no more."""

from tests.chart.manifests import FULLNAME, NAMESPACE, render

NAME = f"{FULLNAME}-certificate-controller"


def test_it_keeps_two_secrets_and_makes_secrets_and_events_in_its_namespace() -> None:
    role = render().one("Role", NAME)
    assert role["metadata"]["namespace"] == NAMESPACE
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": [f"{FULLNAME}-ca", f"{FULLNAME}-tls"],
            "verbs": ["get", "list", "watch", "update"],
        },
        {"apiGroups": [""], "resources": ["secrets", "events"], "verbs": ["create"]},
    ]


def test_in_the_cluster_it_patches_one_configuration() -> None:
    role = render({"webhook": {"configurationName": "spark-q"}}).one("ClusterRole", f"{NAMESPACE}-{NAME}")
    assert role["rules"] == [
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations"],
            "resourceNames": ["spark-q"],
            "verbs": ["get", "list", "watch", "patch"],
        }
    ]


def test_both_roles_are_bound_to_its_account_alone() -> None:
    rendered = render({"certificates": {"controller": {"serviceAccount": {"name": "keeper"}}}})
    bindings = [one for one in rendered.objects if one["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert [(one["roleRef"]["kind"], one["roleRef"]["name"]) for one in bindings] == [
        ("Role", NAME),
        ("ClusterRole", f"{NAMESPACE}-{NAME}"),
    ]
    account = {"kind": "ServiceAccount", "name": "keeper", "namespace": NAMESPACE}
    assert [one["subjects"] for one in bindings] == [[account], [account]]
