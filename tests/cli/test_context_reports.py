"""Several clusters side by side: what drifts, and for which cluster a fix is. tests/e2e/test_doctor.py uses real ones."""

from pathlib import Path

import pytest

from webhook.cli.doctor.context_reports import ContextReport, ContextReports, context_reports
from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.live.contexts import Answer


@pytest.mark.parametrize(
    ("policies", "drifting"),
    [
        ("aab", [2]),
        ("baa", [0]),
        ("ab", [1]),
        ("abc", [1, 2]),
        ("abbcc", [0, 3, 4]),
        ("a", []),
        ("?a?b", [3]),
        ("??", []),
    ],
)
def test_what_differs_from_most_or_from_the_first_drifts(policies: str, drifting: list[int]) -> None:
    """A question mark is a context whose policy is not known."""
    known = [one.replace("?", "") for one in policies]
    by_policy = ContextReports(tuple(ContextReport(str(at), policy=one, version="1") for at, one in enumerate(known)))
    by_version = ContextReports(tuple(ContextReport(str(at), policy="1", version=one) for at, one in enumerate(known)))
    expected = [at in drifting for at in range(len(policies))]
    assert [by_policy.drift(one) for one in by_policy.all] == [["policy"] if one else [] for one in expected]
    assert [by_version.drift(one) for one in by_version.all] == [["version"] if one else [] for one in expected]


@pytest.mark.parametrize(
    ("fix", "directed"),
    [
        ("kubectl get pods", "kubectl --kubeconfig 'my config' --context 'a b' get pods"),
        ("helm upgrade x", "helm --kubeconfig 'my config' --kube-context 'a b' upgrade x"),
        (
            "kubectl create secret tls helm --dry-run=client -o yaml | kubectl apply -f -",
            "kubectl --kubeconfig 'my config' --context 'a b' create secret tls helm --dry-run=client -o yaml "
            "| kubectl --kubeconfig 'my config' --context 'a b' apply -f -",
        ),
        (
            "spark-eci-webhook resource-policy | kubectl apply -f -",
            "spark-eci-webhook resource-policy | kubectl --kubeconfig 'my config' --context 'a b' apply -f -",
        ),
        ("", ""),
    ],
)
def test_a_fix_names_its_context_if_there_are_several(fix: str, directed: str) -> None:
    found = ContextReport("a b", findings=[Finding("order", Level.WARNING, "it is so", fix)])
    other: Answer[ContextReport] = Answer("other", sentences=("no cluster",))
    one = context_reports([Answer("a b", found), other], Path("my config"))
    assert one == ContextReports(
        (
            ContextReport("a b", findings=[Finding("order", Level.WARNING, "it is so", directed)]),
            ContextReport("other", ("no cluster",)),
        )
    )
    assert context_reports([Answer("a b", found)], Path("my config")) == ContextReports((found,))
