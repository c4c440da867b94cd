"""How the findings of `doctor` are printed."""

import json
from typing import Final

from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.page import Page
from webhook.cli.terminal import console

_STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


def print_findings(findings: list[Finding], *, as_json: bool) -> bool:
    """Prints what `doctor` found, as text or JSON; returns whether there is an error."""
    if as_json:
        _print_json(findings)
    else:
        _print_text(findings)
    return any(one.level is Level.FAULT for one in findings)


def _print_json(findings: list[Finding]) -> None:
    rows = [
        {"check": one.check, "level": one.level.value, "sentence": one.sentence, "fix": one.fix} for one in findings
    ]
    console.file.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _print_text(findings: list[Finding]) -> None:
    page = Page()
    width = max(len(one.check) for one in findings)
    for one in findings:
        page.line(f"{one.level.sign} {one.check:<{width}}  {one.sentence}", _STYLES[one.level])
        if one.fix:
            page.line(one.fix, indent=width + 4)
    page.print()
