"""The command line: ``python -m certs``, or ``spark-eci-certs`` once installed."""

import sys
from collections.abc import Sequence

import typer

from certs import issue, process, show
from certs.errors import InputError

app = typer.Typer(
    name="spark-eci-certs",
    help="The certificates of spark-eci-webhook: issued, explained, and kept in order in a cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.command("issue")(issue.command)
app.command("show")(show.command)
app.command("controller")(process.command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: The arguments after the program's name; those of the process when None.
    """
    try:
        app(None if argv is None else list(argv))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
