"""The command line as a process: its errors, its streams and its exit code."""

import sys
from collections.abc import Sequence
from typing import Final

from typer.exceptions import TyperException

from webhook.cli.commands import PROGRAM, app
from webhook.cli.terminal import BAD_INPUT, InputError, errors
from webhook.core.text import one_line

#: Exit code if the reader of the output closed the pipe.
CLOSED: Final = 1


def run_command(arguments: Sequence[str]) -> int:
    """Runs the command that `arguments` name and returns its exit code.

    Input that cannot be used is reported in one sentence, with exit code 2.
    """
    try:
        code = app(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_unwritable_output()
        return CLOSED
    except OSError as error:
        _report(f"{error.filename or 'standard output'}: {error.strerror}")
        _give_up_unwritable_output()
        return BAD_INPUT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        _report(*error.sentences)
        return BAD_INPUT
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else PROGRAM
        _report(f"{_sentence(error.format_message())} (see {command} --help)")
        return BAD_INPUT
    return code if isinstance(code, int) else 0


def _report(*sentences: str) -> None:
    try:
        errors.print(*map(one_line, sentences), sep="\n")
        sys.stderr.flush()
    except OSError:
        # The exit code says the same. At exit Python flushes it once more, and would change the exit code.
        sys.stderr = None


def _give_up_unwritable_output() -> None:
    """Drops standard output if what it holds cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        # At exit Python flushes it once more, would report the error again, and would change the exit code.
        sys.stdout = None


def _sentence(message: str) -> str:
    # typer checks values with pydantic, which begins its messages with the kind of error.
    sentence = message.replace("Value error, ", "").rstrip(".")
    return sentence[:1].lower() + sentence[1:]
