"""The command line as a process."""

from collections.abc import Sequence

from certs.command_line import run
from webhook.cli.commands import PROGRAM, app


def run_command(arguments: Sequence[str]) -> int:
    """Runs the command that `arguments` name and returns its exit code.

    Input that cannot be used is reported in one sentence, with exit code 2.
    """
    return run(app, PROGRAM, arguments)
