"""The signature and the help of the commands that ask a cluster.

Each body imports what it needs, as in commands.py.
"""

from typing import Annotated, Literal

import typer

from webhook.cli.terminal import FOUND, working


def doctor(
    context: Annotated[
        str | None, typer.Option(help="The context of the kubeconfig. Default: its current context.")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            help="Check the Spark pods of this namespace only. Default: those of every namespace that opted in.",
        ),
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="How to print the findings.")
    ] = "text",
) -> None:
    """Check the installation in a cluster and show the commands that fix it.

    Changes nothing. Uses your own permissions, and reports what they do not allow it to check. ✓ means that nothing is
    wrong; ! means a warning, or something that could not be checked; ✗ means a fault.

    Exit code: 0 if there is no fault, 1 if there is one, 2 if no cluster can be reached.

    For example:

    - `spark-eci-webhook doctor`
    - `spark-eci-webhook doctor --context production --namespace etl -o json`
    """
    from webhook.cli.doctor.examination import examine, open_cluster
    from webhook.cli.doctor.output import print_findings

    with working("asking the cluster"):
        findings = examine(open_cluster(context), namespace)
    faulty = print_findings(findings, as_json=output == "json")
    raise typer.Exit(FOUND if faulty else 0)
