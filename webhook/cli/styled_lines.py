"""Lines with styles. They are printed in colour on a terminal, and elsewhere as plain text."""

from collections.abc import Iterable

from rich.text import Text

from webhook.cli.terminal import console
from webhook.core.text import one_line


class StyledLines:
    """Text that grows line by line."""

    def __init__(self) -> None:
        """No lines."""
        self._parts: list[tuple[str, str]] = []

    def line(self, text: str = "", style: str = "", *, indent: int = 0) -> None:
        """Adds one line. Whatever could break it, or control the terminal, is shown as a question mark."""
        self._parts.append((f"{' ' * indent if text else ''}{one_line(text)}\n", style))

    def lines(self, lines: Iterable[tuple[str, str]], *, indent: int = 0) -> None:
        """Adds lines, each with its style."""
        for text, style in lines:
            self.line(text, style, indent=indent)

    def print(self) -> None:
        """Prints the lines."""
        if console.color_system is None:
            console.file.write("".join(text for text, _ in self._parts))
        else:
            console.print(Text.assemble(*self._parts), end="")
