"""What the commands share: where they print, and how they end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from certs.errors import InputError

__all__ = ["BAD_INPUT", "InputError", "console", "errors", "working"]

#: Exit code for input that cannot be used.
BAD_INPUT: Final = 2

#: Results. rich colours only for a terminal, and honours NO_COLOR; elsewhere it would take a line for 80 columns.
console: Final = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 120)
#: Errors and warnings.
errors: Final = Console(stderr=True, soft_wrap=True)


@contextmanager
def working(doing: str) -> Iterator[None]:
    """Shows what is being done, on a terminal alone and until it is done."""
    if not errors.is_terminal:
        yield
        return
    with errors.status(doing):
        yield
