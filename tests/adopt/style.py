"""Styles of YAML: how different people write it."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How one person writes YAML. Shares are probabilities."""

    indent: int = 2
    flush: bool = True
    """Whether the dashes of a sequence are under its key."""
    dash: str = "- "
    quote: str = ""
    """The quotation mark around text that needs none; empty for none."""
    comments: float = 0.0
    flow: float = 0.0
    """The share of small collections in braces."""
    across: float = 0.0
    """The share of these that are broken across lines."""
    spaced: bool = False
    """Whether there is a space inside braces."""
    blanks: float = 0.0
    aligned: bool = False
    """Whether some values have more than one space before them."""
    lines: str = "\n"
    """What ends a line."""
    ends: bool = True
    """Whether the last line has an end, too."""
    mark: bool = False
    """Whether the file begins with a byte order mark."""
    odd: float = 0.0
    """The share of values in forms that few people use: tags, anchors, `? key`, and values on a line of their own."""

    @classmethod
    def drawn(cls, draw: random.Random) -> "Style":
        """The style of some person."""
        commented = draw.random()
        braces = draw.random()
        return cls(
            indent=draw.choice((2, 2, 2, 2, 4)),
            flush=draw.random() < 0.5,
            dash=draw.choice(("- ", "- ", "- ", "- ", "-   ")),
            quote=draw.choice(("", "", "", "'", '"')),
            comments=0.0 if commented < 0.3 else 0.12 if commented < 0.8 else 0.4,
            flow=0.0 if braces < 0.45 else 0.3 if braces < 0.85 else 0.9,
            across=draw.choice((0.0, 0.0, 0.3, 0.6)),
            spaced=draw.random() < 0.3,
            blanks=draw.choice((0.0, 0.0, 0.08)),
            aligned=draw.random() < 0.08,
            lines="\r\n" if draw.random() < 0.08 else "\n",
            ends=draw.random() > 0.1,
            mark=draw.random() < 0.02,
            odd=0.03 if draw.random() < 0.15 else 0.0,
        )

    def facts(self) -> tuple[str, ...]:
        """What is unusual about it."""
        told = {
            "CRLF": self.lines != "\n",
            "no final newline": not self.ends,
            "byte order mark": self.mark,
            "wide dashes": len(self.dash) > 2,
            "indented sequences": not self.flush,
            "many comments": self.comments > 0.3,
            "much flow": self.flow > 0.5,
            "odd forms": self.odd > 0,
        }
        return tuple(name for name, true in told.items() if true)
