"""What `doctor` prints: findings, and a table of contexts, as text and as JSON."""

from dataclasses import asdict
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from webhook.cli.doctor.context_reports import ContextReport, ContextReports
from webhook.cli.doctor.finding import LIMIT, Finding, Level
from webhook.cli.explain.documents import json_text
from webhook.cli.live.failure import Failure
from webhook.cli.styled_lines import StyledLines
from webhook.cli.terminal import console
from webhook.core.text import cut, one_line

#: The sign and the style of a line.
_LOOKS: Final = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.FAULT: ("✗", "red")}
_UNKNOWN: Final = "?"
#: What the table says of a context of which nothing is known.
FAILURES: Final = {
    Failure.NO_ANSWER: "does not answer",
    Failure.NOT_ACCEPTED: "does not accept the user",
    Failure.ERROR: "answers with an error",
    Failure.NO_API: "is no API server",
    Failure.NO_LOGIN: "cannot log in",
    Failure.NO_USE: "cannot be used",
}


def print_findings(findings: list[Finding], *, as_json: bool) -> None:
    """Prints the findings about one cluster."""
    if as_json:
        console.file.write(json_text([asdict(one) for one in findings]))
        return
    told = StyledLines()
    _add(told, findings)
    told.print()


def print_reports(reports: ContextReports, *, as_json: bool) -> None:
    """Prints a row for each context, and below it the findings that are not OK; as JSON, all findings."""
    if as_json:
        console.file.write(json_text({"contexts": [_document(one, reports.drift(one)) for one in reports.all]}))
        return
    table = Table()
    # The names of clusters are long, and often differ at their ends only.
    table.add_column("context", overflow="fold")
    for name in ("Kubernetes", "webhook", "policy"):
        table.add_column(name, no_wrap=True)
    for name in ("namespaces", "faults", "warnings"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("drift", no_wrap=True)
    for one in reports.all:
        drift = reports.drift(one)
        style = "red" if one.unreachable or one.count(Level.FAULT) else "yellow" if drift else ""
        table.add_row(*(Text(cut(one_line(cell), LIMIT)) for cell in _cells(one, drift)), style=style)
    console.print(table)
    told = StyledLines()
    for one in reports.all:
        wrong = [finding for finding in one.findings if finding.level is not Level.OK]
        if wrong:
            told.line()
            told.line(f"context {one.context}", "bold")
            _add(told, wrong)
    told.print()


def _add(told: StyledLines, findings: list[Finding]) -> None:
    width = max(len(one.check) for one in findings)
    for one in findings:
        sign, style = _LOOKS[one.level]
        told.line(f"{sign} {one.check:<{width}}  {one.sentence}", style)
        if one.fix:
            told.line(one.fix, indent=width + 4)


def _cells(one: ContextReport, drift: list[str]) -> tuple[str, ...]:
    if one.unreachable:
        return (one.context, FAILURES[one.failure or Failure.NO_USE], *[""] * 6)
    return (
        one.context,
        one.kubernetes or _UNKNOWN,
        one.version or _UNKNOWN,
        one.policy or _UNKNOWN,
        _UNKNOWN if one.namespaces is None else str(one.namespaces),
        str(one.count(Level.FAULT)),
        str(one.count(Level.WARNING)),
        ", ".join(drift),
    )


def _document(one: ContextReport, drift: list[str]) -> dict[str, Any]:
    return {
        "context": one.context,
        "unreachable": list(one.unreachable),
        "kubernetes": one.kubernetes,
        "version": one.version,
        "policy": one.policy,
        "profiles": one.profiles,
        "namespaces": one.namespaces,
        "faults": one.count(Level.FAULT),
        "warnings": one.count(Level.WARNING),
        "drift": drift,
        "findings": [asdict(finding) for finding in one.findings],
    }
