"""`explain`: where the pods of an application will run, and why, before anything runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from webhook.cli.request import Request
from webhook.cli.terminal import InputError

#: Exit code where a pod was warned about.
WARNED: Final = 3


class Output(StrEnum):
    """What is printed."""

    TEXT = "text"
    DIFF = "diff"
    YAML = "yaml"
    JSON = "json"
    PATCH = "patch"


class Neighbour(StrEnum):
    """A webhook that changes the same pods."""

    SPARK_OPERATOR = "spark-operator"


def explain(
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", help="A file or folder, YAML or JSON, or - for standard input; may be repeated."),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="The policy file; without one, the built-in policy.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="The profile for all pods; without one, that of a Namespace in the files, or else default."),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="What to print.")] = Output.TEXT,
    neighbour: Annotated[
        Neighbour | None,
        typer.Option(
            "--beside", help="Show the pods for both orders of that webhook and ours, and whether they agree."
        ),
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The namespace of what names none.")] = "default",
    *,
    skip_other_kinds: Annotated[
        bool, typer.Option("--skip-other-kinds", help="Leave out documents of kinds that have no Spark pods.")
    ] = False,
) -> None:
    """Say where the pods of an application will run, and why, before anything runs.

    Reads SparkApplication, ScheduledSparkApplication, SparkConnect, Pod, List and AdmissionReview, mixed, as YAML or
    JSON. For each pod that will come of them it shows the mode and where that came from, each change with its reason,
    what was left alone and why, warnings, and the scheduling part of the pod before and after. The decision is the
    service's own: `-o patch` prints what the service would answer, byte for byte.

    Exit code 0 where all pods are placed, 3 where one is warned about, 2 for input that cannot be used.

    For example:

    - `spark-eci-webhook explain -f spark-pi.yaml`
    - `spark-eci-webhook explain -f apps/ --policy policy.yaml --profile eci-only -o diff`
    - `kubectl get sparkapplication spark-pi -o yaml | spark-eci-webhook explain -f -`
    - `spark-eci-webhook explain -f spark-pi.yaml --beside spark-operator`
    """
    if neighbour is not None and output is not Output.TEXT:
        raise InputError("--beside is shown as text alone: leave -o out")
    from webhook.cli.explaining import explain_files  # noqa: PLC0415, --help need not wait for it

    request = Request(tuple(file or ()), policy, profile, namespace, skip_other_kinds)
    warned = explain_files(request, output.value, beside=neighbour is not None)
    raise typer.Exit(WARNED if warned else 0)
