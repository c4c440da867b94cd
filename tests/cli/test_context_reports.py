"""Several clusters side by side: what drifts, and for which cluster a fix is. tests/e2e/test_doctor.py uses real ones."""

from pathlib import Path

import pytest
import yaml

from tests.certs import stand_in
from tests.cli.conftest import Run
from webhook.cli.doctor.context_reports import ContextReport, ContextReports, context_reports
from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.doctor.output import FAILURES, print_reports
from webhook.cli.live.contexts import Answer
from webhook.cli.live.failure import Failure


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
    other: Answer[ContextReport] = Answer("other", sentences=("no cluster",), failure=Failure.NO_ANSWER)
    one = context_reports([Answer("a b", found), other], Path("my config"))
    assert one == ContextReports(
        (
            ContextReport("a b", findings=[Finding("order", Level.WARNING, "it is so", directed)]),
            ContextReport("other", ("no cluster",), Failure.NO_ANSWER),
        )
    )
    assert context_reports([Answer("a b", found)], Path("my config")) == ContextReports((found,))


EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "false"}


def test_the_table_says_of_each_context_why_it_was_not_examined(run: Run, tmp_path: Path) -> None:
    with (
        stand_in.StandIn(tmp_path) as refusing,
        stand_in.StandIn(tmp_path) as broken,
        stand_in.StandIn(tmp_path) as page,
    ):
        refusing.fault = lambda *_: stand_in.status(401, "Unauthorized")
        broken.fault = lambda *_: stand_in.status(503, "starting")
        page.fault = lambda *_: stand_in.Answer(body=b"<html>Log in</html>")
        urls = {"mute": "http://127.0.0.1:1", "refusing": refusing.url, "broken": broken.url, "page": page.url}
        urls["program"] = refusing.url
        config = {
            "clusters": [{"name": name, "cluster": {"server": url}} for name, url in urls.items()],
            "users": [{"name": "nobody", "user": {}}, {"name": "program", "user": {"exec": EXEC}}],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": "program" if name == "program" else "nobody"}}
                for name in urls
            ],
            "current-context": "mute",
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        contexts = [f"--context={name}" for name in (*urls, "typo")]
        ran = run("doctor", "--kubeconfig", tmp_path / "config", *contexts)
    assert ran.code == 2
    assert rows(ran.out) == [
        ["mute", "does not answer"],
        ["refusing", "does not accept the user"],
        ["broken", "answers with an error"],
        ["page", "is no API server"],
        ["program", "cannot log in"],
        ["typo", "cannot be used"],
    ]
    assert ran.err.splitlines() == [
        "context mute: the cluster at http://127.0.0.1:1 does not answer: [Errno 111] Connection refused",
        f"context refusing: the cluster at {refusing.url} does not accept the user: Unauthorized",
        f"context broken: the cluster at {broken.url} answers with error 503: starting",
        f"context page: the cluster at {page.url} is no API server: the answer is no JSON",
        "context program: no cluster: exec: process returned 1; accepted: a kubeconfig",
        'context typo: no cluster: found no context "typo"; accepted: mute, refusing, broken, page, program',
    ]
    assert {row[1] for row in rows(ran.out)} == set(FAILURES.values())


def test_long_names_are_folded_so_that_they_differ(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"arn:aws-cn:eks:cn-northwest-1:123456789012:cluster/data-platform-of-the-north-{end}" for end in "ab"]
    print_reports(ContextReports(tuple(ContextReport(name, kubernetes="v1.31.14") for name in names)), as_json=False)
    shown = capsys.readouterr().out
    column = [line.strip("│").split("│")[0].strip() for line in shown.splitlines() if line.startswith("│")]
    assert "".join(column) == "".join(names)
    assert shown.count("v1.31.14") == 2


def rows(table: str) -> list[list[str]]:
    """The cells of a table that are not empty."""
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.split("│") if cell.strip()] for line in lines]
