"""What the commands share: the consoles, the exit code and the error for bad input, and progress."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from certs.errors import InputError

__all__ = ["BAD_INPUT", "InputError", "console", "errors", "working"]

#: Exit code if the input cannot be used.
BAD_INPUT: Final = 2

#: For results. rich uses colour only on a terminal, and honours NO_COLOR; elsewhere it would assume 80 columns.
console: Final = Console(soft_wrap=True, markup=False, highlight=False, width=None if sys.stdout.isatty() else 120)
#: For errors and warnings.
errors: Final = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def working(doing: str) -> Iterator[None]:
    """Shows `doing` until the block ends, on a terminal only."""
    if not errors.is_terminal:
        yield
        return
    with errors.status(doing):
        yield
