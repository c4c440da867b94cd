"""Reads the policies that a user names, by policy files or by values of the chart."""

import sys
from collections.abc import Sequence
from pathlib import Path

from webhook.chart.release import Release
from webhook.cli.files import STANDARD_INPUT
from webhook.cli.terminal import InputError, errors
from webhook.core.cautions import EMPTY, is_empty
from webhook.core.policy import Policy
from webhook.core.text import one_line
from webhook.service.policy_file import MAX_BYTES, PolicyError, load_policy, parse_policy


def read_policy(file: Path | None, values: Sequence[Path] = ()) -> Policy:
    """The policy in `file`, or of the chart with the files `values`, or the built-in policy; see `read_release`."""
    found = read_release(file, values)
    return found.policy if isinstance(found, Release) else found


def read_release(file: Path | None, values: Sequence[Path] = ()) -> Policy | Release:
    """The policy in `file`, or what the chart deploys with the files `values`, or the built-in policy.

    `-` is standard input. Warns of a file without any key. Raises InputError with a sentence for each fault, and if
    there are both.
    """
    if file is not None and values:
        raise InputError("--policy and --values exclude each other: leave out one")
    try:
        if values:
            # The checks of values cost a tenth of a second at start.
            from webhook.chart.policy import load_release  # noqa: PLC0415

            return load_release(values)
        if file is None:
            return load_policy(None)
        policy = _policy_of_standard_input() if str(file) == STANDARD_INPUT else load_policy(file)
    except PolicyError as error:
        raise InputError(*error.faults) from None
    if is_empty(policy):
        errors.print(f"warning: {shown(file)}: {EMPTY}")
    return policy


def shown(file: Path) -> str:
    """What sentences call the policy file `file`."""
    return "standard input" if str(file) == STANDARD_INPUT else one_line(str(file))


def _policy_of_standard_input() -> Policy:
    """Raises PolicyError."""
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError([f"standard input: cannot be read: {error.strerror or error}"]) from None
    return parse_policy(content, "standard input")


def read_both_policies(
    files: tuple[Path | None, Path | None], values: tuple[Sequence[Path], Sequence[Path]]
) -> tuple[Release, Release]:
    """What is deployed before and after a change, by two policy files without default profiles, or by values.

    Raises InputError with a sentence for each fault.
    """
    if any(files) and any(values):
        raise InputError(
            "policy files and values exclude each other: leave out OLD and NEW, or --values and --values-new"
        )
    for one, name in zip(values, ("--values", "--values-new"), strict=True):
        if any(values) and not one:
            raise InputError(f"missing option '{name}': name values for both sides")
    if not any(values) and None in files:
        raise InputError("nothing to compare: name two policy files, or values with --values and --values-new")
    found: list[Release] = []
    faults: list[str] = []
    for file, ones in zip(files, values, strict=True):
        try:
            side = read_release(file, ones)
            found.append(side if isinstance(side, Release) else Release(side))
        except InputError as error:
            faults += error.sentences
    if faults:
        raise InputError(*faults)
    return found[0], found[1]
