"""The command line: `python -m certs`, or `spark-eci-certs` once installed."""

import sys
from collections.abc import Sequence

import typer

from certs import issue, process, show
from certs.errors import InputError

app = typer.Typer(
    name="spark-eci-certs",
    help="Issue and explain the certificates of spark-eci-webhook, and renew them in a cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("issue")(issue.command)
app.command("show")(show.command)
app.command("controller", context_settings={"auto_envvar_prefix": "ECI_CERTS"})(process.command)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` names, by default that of the process; returns the exit code."""
    try:
        app(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        typer.echo(error, err=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
