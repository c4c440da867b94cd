"""A command line as a process: its errors, its streams and its exit code."""

import io
import sys
from collections.abc import Sequence
from typing import Final

import typer
from typer.exceptions import TyperException

from certs.encoding import accept_all_characters
from certs.errors import InputError
from certs.usage import sentence

#: Exit code if the reader of the output closed the pipe.
CLOSED: Final = 1
#: Exit code if the input cannot be used.
BAD_INPUT: Final = 2
#: For every command: -h is --help.
SETTINGS: Final = {"help_option_names": ["--help", "-h"]}


def run(app: typer.Typer, program: str, arguments: Sequence[str]) -> int:
    """Runs the command of `app` that `arguments` name and returns its exit code; help and errors call it `program`.

    Input that cannot be used is reported in one sentence, with exit code 2.
    """
    _write_everything()
    accept_all_characters()
    try:
        code = app(list(arguments), prog_name=program, standalone_mode=False)
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
        _report(sentence(error, program, typer.main.get_command(app), arguments))
        return BAD_INPUT
    return code if isinstance(code, int) else 0


def _write_everything() -> None:
    """Lets Python write all that is written to standard output.

    Without buffers (PYTHONUNBUFFERED) it makes one call of the system, and drops the rest if a signal such as SIGCONT
    ends that early (write(2)).
    """
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper) and isinstance(output.buffer, io.RawIOBase):
        sys.stdout = open(  # noqa: SIM115, it stays open
            output.fileno(), "w", buffering=1, encoding=output.encoding, errors=output.errors, closefd=False
        )


def _report(*sentences: str) -> None:
    try:
        for one in sentences:
            print("".join(char if char.isprintable() else "?" for char in one), file=sys.stderr)  # noqa: T201
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
