"""What docs/configuration.md says of the selector's alternatives, made from the entries of `Alternative`."""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tests.live_service import ROOT
from tests.modes_table import replaced
from webhook.core.selectors import (
    ALL_ROLES,
    APPLICATION_LABELS,
    OLD_APPLICATION_LABELS,
    Alternative,
    RequiredLabels,
    Roles,
)

FILE: Final = ROOT / "docs/configuration.md"


def _lines() -> Iterator[str]:
    yield "| alternative | pods | labels | `spark-role` |"
    yield "|---|---|---|---|"
    for one in Alternative:
        yield f"| `{one}` | {one.sentence} | {_labels(one.labels)} | {_roles(one.roles)} |"
    yield f"| `{{matchLabels: …}}` | Pods with labels of your own. | all of these | {_roles(ALL_ROLES)} |"


def _application_labels() -> Iterator[str]:
    yield from _wrapped(APPLICATION_LABELS)


def _old_application_labels() -> Iterator[str]:
    yield from _wrapped(OLD_APPLICATION_LABELS)


def _wrapped(labels: Iterable[str]) -> list[str]:
    """A sentence that is a list of labels, in lines as long as those around it."""
    sentence = f"{', '.join(f'`{key}`' for key in labels)}."
    return textwrap.wrap(sentence, 120, break_long_words=False, break_on_hyphens=False)


def _labels(labels: RequiredLabels) -> str:
    return ", ".join(f"`{key}`" if value is None else f"`{key}: {value}`" for key, value in labels)


def _roles(roles: Roles) -> str:
    return ", ".join(f"`{role}`" for role in roles)


#: Name of a part, and the function that makes it.
_PARTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "alternatives": _lines,
    "application labels": _application_labels,
    "old application labels": _old_application_labels,
}


def composed() -> str:
    """The text of the file with current parts."""
    text = FILE.read_text(encoding="utf-8")
    for name, lines in _PARTS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        text = replaced(text, start, end, "".join(f"{line}\n" for line in lines()))
    return text


def rewrite() -> None:
    """Writes the current parts into the file."""
    FILE.write_text(composed(), encoding="utf-8")
