"""`diff`: compares two policies by the same pods, and prints what differs as a table or as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Final

from rich.table import Table
from rich.text import Text

from webhook.cli.diff.comparison import Difference, Selections, compare, profiles_of
from webhook.cli.explain.documents import json_text
from webhook.cli.inputs import Inputs
from webhook.cli.markdown import cell, code
from webhook.cli.profiles import DEFAULT, select
from webhook.cli.terminal import InputError, console, errors
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.text import listed

_HEADINGS: Final = tuple(one.name for one in fields(Difference))


def print_differences(
    inputs: Inputs, policies: tuple[Policy, Policy], profile: str | None, output: str, *, all_profiles: bool
) -> bool:
    """Prints what the second of two policies places differently than the first; returns whether there is anything.

    The pods are placed under `profile`, or if it is None under the profile of their namespace.

    Raises InputError: before anything is printed if nothing can be compared, and afterwards with a sentence for each
    file, document and application that cannot.
    """
    before, after = (select(one, profile, inputs.namespaces) for one in policies)
    both = before, after
    compared = compare(inputs, both, profiles_of(both) if all_profiles else [profile]) if inputs.workloads else None
    found = list(compared.differences) if compared else []
    if output == "json":
        console.file.write(json_text([asdict(one) for one in found]))
        for clause in _never_run(inputs):
            errors.print(clause)
    elif compared:
        _print(found, _total(inputs, found), markdown=output == "markdown")
    if compared and not all_profiles:
        _note_others(inputs, both, profile)
    if faults := compared.faults if compared else inputs.faults:
        raise InputError(*faults)
    return bool(found)


def _total(inputs: Inputs, found: list[Difference]) -> str:
    differing = len({one.application for one in found})
    return "; ".join([f"{differing} of {len(inputs.workloads)} would be placed differently", *_never_run(inputs)])


def _never_run(inputs: Inputs) -> list[str]:
    """A clause about the applications of which pods never run, if there are any."""
    number = sum(bool(work.refused) for _, work in inputs.workloads)
    have = "has" if number == 1 else "have"
    return [f"{number} {have} pods that never run, whatever the policy"] if number else []


def _print(found: list[Difference], total: str, *, markdown: bool) -> None:
    if markdown:
        console.file.write("\n".join([*_markdown(found), f"{total}.", ""]))
        return
    if found:
        console.print(_table(found))
    console.print(total)


def _table(found: list[Difference]) -> Table:
    table = Table()
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for one in found:
        changes = Text("\n").join(Text(change, "red" if change[0] == "-" else "green") for change in one.changes)
        cells = one.application.replace(" ", "\n"), one.profile, one.pods, one.old, one.new
        table.add_row(*map(Text, cells), changes, end_section=True)
    return table


def _markdown(found: list[Difference]) -> Iterator[str]:
    """A table in GitHub's Markdown."""
    if not found:
        return
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|---" * len(_HEADINGS) + "|"
    for one in found:
        texts = map(cell, (one.application, one.profile, one.pods, one.old, one.new))
        yield f"| {' | '.join((*texts, '<br>'.join(map(code, one.changes))))} |"
    yield ""


def _note_others(inputs: Inputs, selections: Selections, profile: str | None) -> None:
    """Names the profiles that differ but were not compared: namespaces outside the files may use them."""
    used = {profile or DEFAULT, *(one.labels.get(names.PROFILE_LABEL, "") for one in inputs.namespaces.values())}
    old, new = (one.policy.profiles for one in selections)
    others = [name for name in profiles_of(selections) if name not in used and old.get(name) != new.get(name)]
    if others:
        sentence = listed("not compared, though they differ too: ", others)
        errors.print(f"{sentence}; see --profile and --all-profiles")
