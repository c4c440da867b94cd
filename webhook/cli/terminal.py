"""The consoles, progress, and the error and exit code for bad input, for all commands."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from rich.console import Console

from certs.errors import InputError

__all__ = ["BAD_INPUT", "InputError", "console", "errors", "working"]

#: Exit code if the input cannot be used.
BAD_INPUT: Final = 2

#: For results. rich uses colour only on a terminal, and honours NO_COLOR. Without a terminal rich assumes 80 columns.
console: Final = Console(soft_wrap=True, markup=False, highlight=False, width=None if sys.stdout.isatty() else 120)
#: For errors and warnings.
errors: Final = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def working(doing: str) -> AbstractContextManager[object]:
    """A context that shows `doing` while it is open, only on a terminal."""
    return errors.status(doing) if errors.is_terminal else nullcontext()
