"""`diff`: reads the files, compares two policies, and prints what differs as a table or as JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from webhook.cli.diff.comparison import Difference, Selections, differences, profiles_of
from webhook.cli.inputs import Inputs, Request, read_inputs
from webhook.cli.profiles import DEFAULT, select
from webhook.cli.terminal import console, errors, working
from webhook.core import names
from webhook.core.text import listed


def print_differences(old: Path, request: Request, output: str, *, all_profiles: bool) -> bool:
    """Prints what the policy of `request` places otherwise than `old` does; returns whether there is anything.

    Raises InputError.
    """
    inputs = read_inputs(request.files, request.namespace, pass_over=request.pass_over)
    before, after = (select(one, request.profile, inputs.namespaces) for one in (old, request.policy))
    both = before, after
    with working("comparing"):
        chosen = profiles_of(both) if all_profiles else [request.profile]
        found = [one for name in chosen for one in differences(inputs, both, name)]
    _print(found, len(inputs.workloads), output)
    if not all_profiles:
        _note_others(inputs, both, request.profile)
    return bool(found)


def _print(found: list[Difference], applications: int, output: str) -> None:
    differing = len({one.application for one in found})
    total = f"{differing} of {applications} would be placed differently"
    match output:
        case "json":
            rows = [{**_row(one), "changes": list(one.changes)} for one in found]
            console.file.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        case "markdown":
            console.file.write("\n".join([*_markdown(found), f"{total}.", ""]))
        case _:
            if found:
                console.print(_table(found))
            console.print(total)


def _row(one: Difference) -> dict[str, str]:
    return {
        "application": one.application,
        "profile": one.profile,
        "pods": one.title,
        "old": one.old,
        "new": one.new,
    }


_HEADINGS: Final = ("application", "profile", "pods", "old", "new", "changes")


def _table(found: list[Difference]) -> Table:
    table = Table()
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for one in found:
        changes = Text("\n").join(Text(change, "red" if change[0] == "-" else "green") for change in one.changes)
        cells = _row(one) | {"application": one.application.replace(" ", "\n")}
        table.add_row(*map(Text, cells.values()), changes, end_section=True)
    return table


def _markdown(found: list[Difference]) -> Iterator[str]:
    """A table in GitHub's Markdown."""
    if not found:
        return
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|---" * len(_HEADINGS) + "|"
    for one in found:
        cells = [*_row(one).values(), "<br>".join(f"`{change}`" for change in one.changes)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _note_others(inputs: Inputs, selections: Selections, profile: str | None) -> None:
    """Says which profiles differ that were not looked at, since namespaces that are not known here may use them."""
    used = {profile or DEFAULT, *(one.labels.get(names.PROFILE_LABEL, "") for one in inputs.namespaces.values())}
    old, new = (one.policy.profiles for one in selections)
    others = [name for name in profiles_of(selections) if name not in used and old.get(name) != new.get(name)]
    if others:
        sentence = listed("not compared, though they differ too: ", others)
        errors.print(f"{sentence}; see --profile and --all-profiles")
