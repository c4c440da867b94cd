"""`diff`: which applications a changed policy would place differently."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from webhook.cli.request import Request
from webhook.cli.terminal import InputError

#: Exit code where something differs.
DIFFERENT: Final = 1


class Output(StrEnum):
    """How the table is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(
    old: Annotated[Path, typer.Argument(help="The policy file as it is.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The policy file as it would be.", show_default=False)],
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", help="A file or folder, YAML or JSON, or - for standard input; may be repeated."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="The profile for all pods; without one, that of a Namespace in the files, or else default."),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the table.")] = Output.TEXT,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The namespace of what names none.")] = "default",
    *,
    all_profiles: Annotated[
        bool, typer.Option("--all-profiles", help="Compare every application under every profile of either policy.")
    ] = False,
    skip_other_kinds: Annotated[
        bool, typer.Option("--skip-other-kinds", help="Leave out documents of kinds that have no Spark pods.")
    ] = False,
) -> None:
    """Say which applications a changed policy would place differently, for the review of that change.

    Exit code 0 where nothing differs, 1 where something does, 2 for input that cannot be used.

    For example:

    - `spark-eci-webhook diff policy.yaml changed.yaml -f apps/`
    - `spark-eci-webhook diff <(git show main:policy.yaml) policy.yaml -f apps/ -o markdown`
    """
    if all_profiles and profile is not None:
        raise InputError("--profile and --all-profiles exclude each other: leave one out")
    from webhook.cli.differing import print_differences  # noqa: PLC0415, --help need not wait for it

    request = Request(tuple(file or ()), new, profile, namespace, skip_other_kinds)
    differ = print_differences(old, request, output.value, all_profiles=all_profiles)
    raise typer.Exit(DIFFERENT if differ else 0)
