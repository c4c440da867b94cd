"""`make attack`: attacks the service for 40 minutes, and prints what it did."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.attack.attacker import attacker as started
from tests.attack.families import FAMILIES
from tests.attack.judge import FULL, SHORT, Verdict, judge


def rows(verdict: Verdict) -> Table:
    """A table of what every attack of a family did."""
    table = Table(
        "attack", "peak MiB", "held MiB", "rest MiB", "turn ms", "faults", title=verdict.family, title_justify="left"
    )
    for one in verdict.figures:
        held, rest = ("" if value is None else f"{value:.0f}" for value in (one.held_mib, one.rest_mib))
        table.add_row(one.attack, f"{one.peak_mib:.0f}", held, rest, f"{one.turn_ms:.0f}", "\n".join(one.faults))
    for fault in verdict.beside:
        table.add_row("", "", "", "", "", fault)
    return table


def summary(verdicts: list[Verdict]) -> Table:
    """A table with one row for each family."""
    columns = (
        "family",
        "peak MiB",
        "MiB 10 s later",
        "longest turn ms",
        "reviews",
        "lost",
        "p50 ms",
        "p99 ms",
        "took s",
        "verdict",
    )
    table = Table(*columns, title="The service under attack", title_justify="left")
    for verdict in verdicts:
        figures, (half, most) = verdict.figures, verdict.ordinary.percentiles
        lost = verdict.ordinary.lost.total()
        table.add_row(
            verdict.family,
            f"{max(one.peak_mib for one in figures):.0f}",
            f"{max((one.rest_mib or 0) for one in figures):.0f}",
            f"{max(one.turn_ms for one in figures):.0f}",
            f"{verdict.ordinary.answered + lost:,}",
            f"{lost:,}",
            f"{half:.1f}",
            f"{most:.1f}",
            f"{verdict.seconds:.0f}",
            "FAILED" if verdict.faults else "passed",
        )
    return table


def main() -> int:
    """Runs from the command line; exit code 1 if a family fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"default: all of {', '.join(FAMILIES)}")
    parser.add_argument("--short", action="store_true", help="the form that the tests run")
    parser.add_argument("--alone", action="store_true", help="a new process for every attack, to tell them apart")
    parser.add_argument("--seed", type=int, help="the seed of what is left to chance")
    parser.add_argument("--minutes", type=float, help="how long several attacks at once take")
    options = parser.parse_args()
    if unknown := set(options.families) - FAMILIES.keys():
        parser.error(f"unknown: {', '.join(unknown)}; accepted: {', '.join(FAMILIES)}")
    form = SHORT if options.short else FULL
    if options.seed is not None:
        form = replace(form, seed=options.seed)
    if options.minutes is not None:
        form = replace(form, mixture_seconds=options.minutes * 60)
    console = Console(width=None if sys.stdout.isatty() else 140)
    verdicts = []
    with started() as attacker:
        for name in options.families or FAMILIES:
            for only in FAMILIES[name].attacks if options.alone else (None,):
                with tempfile.TemporaryDirectory() as folder:
                    verdicts.append(judge(name, form, attacker, Path(folder), only))
                console.print(rows(verdicts[-1]))
    console.print(f"seed {form.seed}", summary(verdicts), sep="\n")
    return 1 if any(verdict.faults for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
