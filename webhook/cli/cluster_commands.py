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


def why(
    pod: Annotated[str, typer.Argument(metavar="POD", help="The name of the pod.", show_default=False)],
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", help="Its namespace. Default: that of the context, or `default`.", show_default=False
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The context of the kubeconfig. Default: its current context.", show_default=False
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="How to print the answer.")
    ] = "text",
) -> None:
    """Say why a pod is where it is, or why it waits.

    Prints its node, or why it has none; what the webhook recorded on it, or why there is no record; how the policy in
    force differs from that; what a pod waits for that may be opened to ECI, and when it is due; the Events that matter;
    and what would change it. Changes nothing. Uses your own permissions: those to get the pod are enough, and of the
    rest it says what could not be read.

    Exit code: 0 with an answer, 2 if there is no such pod, it may not be read, or no cluster can be reached.

    For example:

    - `spark-eci-webhook why spark-pi-driver -n etl`
    - `spark-eci-webhook why pod/spark-pi-exec-7 --context production -o json`
    """
    from webhook.cli.why import print_reasons

    raise typer.Exit(print_reasons(pod, namespace, context, kubeconfig, as_json=output == "json"))
