"""templates/tests/post-sync.yaml: the Job that does after a sync what `helm test` does."""

from typing import Any

import pytest

from tests.chart.manifests import FULLNAME, NAMESPACE, refusal, render
from tests.chart.test_validity import MATRIX

TEMPLATE = "tests/post-sync.yaml"


def job(values: dict[str, Any] | None = None) -> dict[str, Any]:
    (found,) = render({"postSync": {"enabled": True}} | (values or {})).template(TEMPLATE)
    return found


def test_it_is_off_by_default() -> None:
    assert render().template(TEMPLATE) == []


def test_argo_cd_and_helm_run_it_last_and_remove_it() -> None:
    found = job()
    assert found["metadata"]["name"] == f"{FULLNAME}-post-sync"
    assert found["metadata"]["namespace"] == NAMESPACE
    assert found["metadata"]["annotations"] == {
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation,HookSucceeded",
        "helm.sh/hook": "post-install,post-upgrade",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }


def test_it_tries_again_for_ten_minutes() -> None:
    spec = job()["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (6, 600)
    assert (spec["completions"], spec["parallelism"]) == (1, 1)


@pytest.mark.parametrize("case", MATRIX)
def test_its_pod_is_that_of_helm_test(case: str) -> None:
    values = MATRIX[case] | {"postSync": {"enabled": True}}
    rendered = render(values)
    (review,) = rendered.template("tests/review.yaml")
    (found,) = rendered.template(TEMPLATE)
    assert found["spec"]["template"]["spec"] == review["spec"]
    assert found["spec"]["template"]["metadata"]["labels"] == review["metadata"]["labels"]


def test_a_misspelt_value_is_refused() -> None:
    assert "'enable' not allowed" in refusal({"postSync": {"enable": True}})
