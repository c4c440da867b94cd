"""The command line: `spark-eci-certs`, or `python -m certs`."""

import sys
from collections.abc import Sequence
from typing import Final

import typer

from certs import issue, process, show
from certs.command_line import SETTINGS, run

PROGRAM: Final = "spark-eci-certs"

app = typer.Typer(
    name=PROGRAM,
    help="Issue and explain the certificates of spark-eci-webhook, and renew them in a cluster.",
    invoke_without_command=True,
    context_settings=SETTINGS,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("issue")(issue.command)
app.command("show")(show.command)
app.command("controller", context_settings={"auto_envvar_prefix": "ECI_CERTS"})(process.command)


@app.callback()
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` names, by default that of the process; returns the exit code."""
    return run(app, PROGRAM, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
