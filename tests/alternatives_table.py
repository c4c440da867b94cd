"""The table of the selector's alternatives in docs/configuration.md, made from the entries of `Alternative`."""

from collections.abc import Iterator
from typing import Final

from tests.live_service import ROOT
from tests.modes_table import replaced
from webhook.core.selectors import ALL_ROLES, Alternative, RequiredLabels, Roles

FILE: Final = ROOT / "docs/configuration.md"
MARKERS: Final = ("<!-- alternatives -->\n", "<!-- end of alternatives -->\n")


def _lines() -> Iterator[str]:
    yield "| alternative | pods | labels | `spark-role` | the application is named by |"
    yield "|---|---|---|---|---|"
    for one in Alternative:
        named = ", ".join(f"`{key}`" for key in one.application)
        yield f"| `{one}` | {one.sentence} | {_labels(one.labels)} | {_roles(one.roles)} | {named} |"
    yield f"| `{{matchLabels: …}}` | Pods with labels of your own. | all of them | {_roles(ALL_ROLES)} | the first of these |"


def _labels(labels: RequiredLabels) -> str:
    return ", ".join(f"`{key}`" if value is None else f"`{key}: {value}`" for key, value in labels)


def _roles(roles: Roles) -> str:
    return ", ".join(f"`{role}`" for role in roles)


def composed() -> str:
    """The text of the file with a current table."""
    return replaced(FILE.read_text(encoding="utf-8"), *MARKERS, "".join(f"{line}\n" for line in _lines()))


def rewrite() -> None:
    """Writes the current table into the file."""
    FILE.write_text(composed(), encoding="utf-8")
