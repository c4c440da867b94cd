"""What `adopt` prints for a pull request: a table in GitHub's Markdown."""

from collections.abc import Collection, Iterator
from typing import Final

from webhook.adopt.verdict import AdoptionVerdict
from webhook.cli.adopt import words
from webhook.cli.adopt.assessment import Application, Assessment
from webhook.cli.markdown import code
from webhook.cli.terminal import console

_HEADINGS: Final = ("verdict", "application", "profile", "what changes (+) and what wins (!)", "lines of the file")
#: The most characters of all rows. GitHub takes no comment of more than 65,536.
_MOST: Final = 60_000


def print_markdown(assessments: Collection[Assessment], written: Collection[str], *, several: bool) -> None:
    """Prints for each source a table of the applications that need attention, and a total.

    An application that is the same, and of whose file nothing can be cut, is counted only.
    """
    for found in assessments:
        if found.applications or found.opted_out:
            heading = [f"### {code(found.context)}", ""] if several else []
            console.file.write("\n".join([*heading, *_section(found, written), ""]))


def _section(found: Assessment, written: Collection[str]) -> Iterator[str]:
    rows = [_row(one, words.cut(one, written)) for one in found.applications if _matters(one)]
    shown = _fitting(rows)
    if shown:
        yield f"| {' | '.join(_HEADINGS)} |"
        yield "|---" * len(_HEADINGS) + "|"
        yield from shown
        yield ""
    if len(shown) < len(rows):
        yield from (f"{len(rows) - len(shown)} more are not shown, because GitHub takes no longer comment.", "")
    for sentence in words.labels(found):
        yield from (f"Note: {code(sentence)}", "")
    yield f"{words.total(found, written)}."


def _matters(one: Application) -> bool:
    return one.adoption.verdict is not AdoptionVerdict.SAME or bool(one.cuts or one.left)


def _row(one: Application, verb: str) -> str:
    told = []
    for pod in one.adoption.pods:
        if pod.verdict is not AdoptionVerdict.SAME:
            told.append(code(words.title(pod)))
            told += [code(f"! {sentence}") for sentence in words.wins(pod)]
            told += [code(f"+ {text}") for text in words.remarks(pod, pod.adds)]
    lines = [f"{verb}: {code(words.lines(part))}" for part in one.cuts]
    lines += [f"stays: {code(words.stays(part))}" for part in one.left]
    name = f"{code(words.name(one))}<br>{code(one.explained.file)}"
    profile = code(words.profile(one).removeprefix("profile "))
    cells = (one.adoption.verdict.value, name, profile, "<br>".join(told), "<br>".join(lines))
    return f"| {' | '.join(cells)} |"


def _fitting(rows: list[str]) -> list[str]:
    """As many of `rows` as fit into a comment."""
    length = 0
    for at, row in enumerate(rows):
        length += len(row)
        if length > _MOST:
            return rows[:at]
    return rows
