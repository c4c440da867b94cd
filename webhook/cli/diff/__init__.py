"""`diff`: compares two policies by the same pods, and prints what differs as a table or as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Final

from rich.table import Table
from rich.text import Text

from webhook.chart.release import Release
from webhook.cli.diff.comparison import Difference, Selections, compare, compare_all, profiles_of
from webhook.cli.explain.documents import json_text
from webhook.cli.inputs import Inputs
from webhook.cli.markdown import cell, code
from webhook.cli.profiles import DEFAULT, select
from webhook.cli.terminal import InputError, console, errors
from webhook.core.text import listed

_HEADINGS: Final = tuple(one.name for one in fields(Difference))


def print_differences(
    inputs: Inputs, releases: tuple[Release, Release], profile: str | None, output: str, *, all_profiles: bool
) -> bool:
    """Prints what the second of two policies places differently than the first; returns whether there is anything.

    The pods are placed under `profile`, or if it is None under the profile of their namespace, which may be the default
    profile of each side.

    Raises InputError: before anything is printed if nothing can be compared, and afterwards with a sentence for each
    file, document and application that cannot.
    """
    before, after = (select(one.policy, profile, inputs.namespaces, one.default) for one in releases)
    both = before, after
    compared = None
    if inputs.workloads:
        compared = compare_all(inputs, both) if all_profiles else compare(inputs, both, [profile])
    found = list(compared.differences) if compared else []
    clauses = [*_never_run(inputs), *_default_profile(inputs, both)]
    if output == "json":
        console.file.write(json_text([asdict(one) for one in found]))
        for clause in clauses:
            errors.print(clause)
    elif compared:
        _print(found, _total(inputs, found, clauses), markdown=output == "markdown")
    if compared and not all_profiles:
        _note_others(inputs, both)
    if faults := compared.faults if compared else inputs.faults:
        raise InputError(*faults)
    return bool(found)


def _total(inputs: Inputs, found: list[Difference], clauses: list[str]) -> str:
    differing = len({one.application for one in found})
    return "; ".join([f"{differing} of {len(inputs.workloads)} would be placed differently", *clauses])


def _never_run(inputs: Inputs) -> list[str]:
    """A clause about the applications of which pods never run, if there are any."""
    number = sum(bool(work.refused) for _, work in inputs.workloads)
    have = "has" if number == 1 else "have"
    return [f"{number} {have} pods that never run, whatever the policy"] if number else []


def _default_profile(inputs: Inputs, selections: Selections) -> list[str]:
    """A clause about the default profile if it is another, because it also places namespaces outside the files."""
    before, after = selections
    if before.default == after.default or not inputs.workloads:
        return []
    change = f"from {before.default or 'none'} to {after.default or 'none'}"
    told = f"the default profile for namespaces without the label changes {change}"
    if before.chosen is not None:
        return [f"{told}, which --profile leaves out"]
    assumed = any(before.assumes(work.pod_namespace) for _, work in inputs.workloads)
    if assumed and None in (before.default, after.default):
        return [f"{told} (without one, the profile {DEFAULT} is assumed for namespaces that no file describes)"]
    return [told]


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


def _note_others(inputs: Inputs, selections: Selections) -> None:
    """Names the profiles that differ but were not compared: namespaces outside the files may use them."""
    before, after = selections
    namespaces = {work.pod_namespace for _, work in inputs.workloads}
    # A profile is compared with itself where both sides use it, not where it gives way to another.
    used = {before.name_of(one) for one in namespaces if before.name_of(one) == after.name_of(one)}
    old, new = (one.policy.profiles for one in selections)
    others = [name for name in profiles_of(selections) if name not in used and old.get(name) != new.get(name)]
    if others:
        sentence = listed("not compared, though they differ too: ", others)
        errors.print(f"{sentence}; see --profile and --all-profiles")
