"""The findings of `doctor` as text and as JSON."""

import json
from dataclasses import asdict
from typing import Final

from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.page import Page
from webhook.cli.terminal import console

#: The sign and the style of a line.
_LOOKS: Final = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.FAULT: ("✗", "red")}


def print_findings(findings: list[Finding], *, as_json: bool) -> bool:
    """Prints the findings as text or JSON; returns whether one is a fault."""
    if as_json:
        rows = [asdict(one) for one in findings]
        console.file.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        page = Page()
        width = max(len(one.check) for one in findings)
        for one in findings:
            sign, style = _LOOKS[one.level]
            page.line(f"{sign} {one.check:<{width}}  {one.sentence}", style)
            if one.fix:
                page.line(one.fix, indent=width + 4)
        page.print()
    return any(one.level is Level.FAULT for one in findings)
