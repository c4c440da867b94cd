"""`doctor`: looks at the whole installation, read-only and with the user's own rights."""

import json
from enum import StrEnum
from typing import Annotated, Final

import typer

from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.page import Page
from webhook.cli.terminal import console, working

#: Exit code where something is at fault.
FAULTY: Final = 1

_STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


class Output(StrEnum):
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    context: Annotated[
        str | None, typer.Option(help="The context of the kubeconfig; without one, its current.")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", help="Look at the Spark pods of this namespace alone, not of all that opted in."
        ),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the findings.")] = Output.TEXT,
) -> None:
    """Look at the installation in a cluster and say what is wrong and how to fix it. Changes nothing.

    Asks with your own rights; what these do not allow is said and passed over. ✓ is well, ! may be meant or could not
    be looked at, ✗ is at fault. Exit code 0, 1 where something is at fault, 2 where there is no cluster to ask.

    For example:

    - `spark-eci-webhook doctor`
    - `spark-eci-webhook doctor --context production --namespace etl -o json`
    """
    from webhook.cli.doctor.cluster import connect  # noqa: PLC0415, --help need not wait for the API client
    from webhook.cli.doctor.examination import examine  # noqa: PLC0415

    with working("asking the cluster"):
        findings = examine(connect(context), namespace)
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
