"""The signature and the help of the commands that ask a cluster.

Each body imports what it needs, as in commands.py.
"""

from typing import Annotated, Literal

import typer

from webhook.cli.options import Contexts, Kubeconfig
from webhook.cli.terminal import FOUND


def doctor(
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
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

    With several contexts, a table has a row for each: versions, the policy, and in what it differs from most others.

    Exit code: 0 if there is no fault, 1 if there is one, 2 if a cluster cannot be reached; the others are checked
    nevertheless.

    For example:

    - `spark-eci-webhook doctor`
    - `spark-eci-webhook doctor --context production --namespace etl -o json`
    - `spark-eci-webhook doctor --context production --context staging`
    """
    from webhook.cli.doctor import print_examination

    faulty = print_examination(context or (), kubeconfig, namespace, as_json=output == "json")
    raise typer.Exit(FOUND if faulty else 0)
