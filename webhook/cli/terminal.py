"""The consoles, progress, and the error and exit code for bad input, for all commands."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

from certs.command_line import BAD_INPUT
from certs.errors import InputError

__all__ = ["BAD_INPUT", "FOUND", "InputError", "console", "errors", "working"]

#: Exit code of `diff` if something differs, of `doctor` if it finds a fault, of `probe` if an answer is not right.
FOUND: Final = 1

#: For results. rich uses colour only on a terminal, and honours NO_COLOR. Without a terminal rich assumes 80 columns.
console: Final = Console(soft_wrap=True, markup=False, highlight=False, width=None if sys.stdout.isatty() else 120)
#: For errors and warnings.
errors: Final = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def working(doing: str) -> Iterator[Callable[[str], None]]:
    """Shows `doing` while the context is open, only on a terminal. Its value is a function that changes the text."""
    if not errors.is_terminal:
        yield lambda _: None
        return
    # rich would read the markup in a str, and the text may hold the name of any file.
    with errors.status(Text(doing)) as status:
        yield lambda text: status.update(Text(text))
