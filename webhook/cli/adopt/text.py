"""What `adopt` prints for people."""

from collections.abc import Collection
from typing import Final

from webhook.adopt.verdict import AdoptionVerdict, PodAdoption
from webhook.cli.adopt import words
from webhook.cli.adopt.assessment import Application, Assessment
from webhook.cli.explain.words import passed_over
from webhook.cli.styled_lines import StyledLines

_STYLES: Final = {AdoptionVerdict.CHANGES: "yellow", AdoptionVerdict.CONFLICTS: "red"}
_WIDTH: Final = max(map(len, AdoptionVerdict))


def print_text(assessments: Collection[Assessment], written: Collection[str], *, several: bool) -> None:
    """Prints all applications of each source, and a total; nothing about a source in which there are none.

    `written` are the names of the files that were written. If there are `several` sources, each has a heading.
    """
    for found in assessments:
        if not found.applications and not found.opted_out:
            continue
        told = StyledLines()
        if several:
            told.line(f"context {found.context}, policy {found.explained.policy}", "bold")
        for one in found.applications:
            _add(told, one, words.cut(one, written))
        told.line()
        for sentence in words.labels(found):
            told.line(f"note: {sentence}", "dim")
        over = passed_over(found.explained)
        told.line(f"{words.total(found, written)}{f'; passed over: {over}' if over else ''}", "bold")
        told.print()


def _add(told: StyledLines, one: Application, cut: str) -> None:
    """Adds the line of an application, and below it what changes, what wins, and what can be cut."""
    verdict = one.adoption.verdict
    head = f"{verdict.ljust(_WIDTH)}  {words.name(one)} in {one.explained.file}, {words.profile(one)}"
    notable = words.notable(one)
    told.line(f"{head}; {'; '.join(notable)}" if notable else head, _STYLES.get(verdict, ""))
    told.lines(((f"note: {note}", "dim") for note in one.explained.workload.notes), indent=2)
    for pod in one.adoption.pods:
        if pod.verdict is not AdoptionVerdict.SAME:
            _add_pod(told, pod)
    told.lines(((f"{cut}: {words.lines(part)}", "") for part in one.cuts), indent=2)
    told.lines(((f"stays: {words.stays(part)}", "dim") for part in one.left), indent=2)


def _add_pod(told: StyledLines, one: PodAdoption) -> None:
    told.line(words.title(one), indent=2)
    told.lines(((f"! {sentence}", "yellow") for sentence in words.wins(one)), indent=4)
    told.lines(((f"+ {text}", "green") for text in words.remarks(one, one.adds)), indent=4)
