"""templates/certificates/controller-serviceaccount.yaml: the account whose rights the certificate controller has."""

from tests.chart.manifests import FULLNAME, render


def test_its_token_is_mounted_only_where_a_pod_asks_for_it() -> None:
    account = render().one("ServiceAccount", f"{FULLNAME}-certificate-controller")
    assert account["automountServiceAccountToken"] is False


def test_its_name_and_annotations_are_values() -> None:
    values = {"name": "keeper", "annotations": {"team": "data"}}
    rendered = render({"certificates": {"controller": {"serviceAccount": values}}})
    assert rendered.one("ServiceAccount", "keeper")["metadata"]["annotations"] == {"team": "data"}
    deployment = rendered.one("Deployment", f"{FULLNAME}-certificate-controller")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "keeper"
