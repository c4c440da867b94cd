"""`doctor`: checks the whole installation, read-only and with the user's own rights."""

import json
from enum import StrEnum
from typing import Annotated, Final

import typer

from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.page import Page
from webhook.cli.terminal import console, working

#: Exit code if there is a fault.
FAULTY: Final = 1

_STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


class Output(StrEnum):
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    context: Annotated[str | None, typer.Option(help="The context of the kubeconfig, if not the current one.")] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="Check the Spark pods of this namespace only."),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the findings.")] = Output.TEXT,
) -> None:
    """Check the installation in a cluster and say what is wrong and how to fix it. Changes nothing.

    Reads with your own rights, and says what these do not allow. ✓ is well, ! is a warning (intended, or not checked),
    ✗ is a fault. The exit code is 0, 1 if there is a fault, 2 if no cluster answers.

    For example:

    - `spark-eci-webhook doctor`
    - `spark-eci-webhook doctor --context production --namespace etl -o json`
    """
    from webhook.cli.doctor.examination import examine, open_cluster  # noqa: PLC0415, --help needs no API client

    with working("asking the cluster"):
        findings = examine(open_cluster(context), namespace)
    _print(findings, output)
    raise typer.Exit(FAULTY if any(one.level is Level.FAULT for one in findings) else 0)


def _print(findings: list[Finding], output: Output) -> None:
    if output is Output.JSON:
        rows = [
            {"check": one.check, "level": one.level.value, "sentence": one.sentence, "fix": one.fix} for one in findings
        ]
        console.file.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return
    page = Page()
    width = max(len(one.check) for one in findings)
    for one in findings:
        page.line(f"{one.level.sign} {one.check:<{width}}  {one.sentence}", _STYLES[one.level])
        if one.fix:
            page.line(one.fix, indent=width + 4)
    page.print()
