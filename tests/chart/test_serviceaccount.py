"""templates/serviceaccount.yaml: an account without rights, for pods that need none."""

from tests.chart.manifests import FULLNAME, render


def test_it_has_no_token_and_nothing_is_bound_to_it() -> None:
    rendered = render()
    assert rendered.one("ServiceAccount")["automountServiceAccountToken"] is False
    bound = [
        subject["name"]
        for one in rendered.objects
        if one["kind"].endswith("RoleBinding")
        for subject in one["subjects"]
    ]
    assert FULLNAME not in bound


def test_its_name_and_annotations_are_values() -> None:
    rendered = render({"serviceAccount": {"name": "ours", "annotations": {"team": "data"}}})
    assert rendered.one("ServiceAccount", "ours")["metadata"]["annotations"] == {"team": "data"}
    assert rendered.one("Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "ours"
