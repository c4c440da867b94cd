"""templates/overflow/serviceaccount.yaml: the account whose rights the overflow controller has."""

from tests.chart.manifests import FULLNAME, render


def test_its_token_is_mounted_only_where_a_pod_asks_for_it() -> None:
    account = render({"overflow": {"enabled": True}}).one("ServiceAccount", f"{FULLNAME}-overflow")
    assert account["automountServiceAccountToken"] is False


def test_its_name_and_annotations_are_values() -> None:
    values = {"name": "opener", "annotations": {"team": "data"}}
    rendered = render({"overflow": {"enabled": True, "serviceAccount": values}})
    assert rendered.one("ServiceAccount", "opener")["metadata"]["annotations"] == {"team": "data"}
    pod = rendered.one("Deployment", f"{FULLNAME}-overflow")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "opener"
