"""The table of settings in docs/configuration.md, made from the settings themselves."""

from enum import Enum
from pathlib import Path

from tests.live_service import ROOT
from webhook.service.settings import Settings

DOCUMENT = ROOT / "docs" / "configuration.md"
_START, _END = "<!-- settings -->\n", "<!-- end of settings -->"


def table() -> str:
    """One row for each setting."""
    rows = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        flag, variable = f"`--{name.replace('_', '-')}`", f"`ECI_WEBHOOK_{name.upper()}`"
        rows.append(f"| {flag} | {variable} | {_default(field.default)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    if value in (None, frozenset(), ()):
        return "none"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def document() -> str:
    """The document with a new table."""
    text = Path(DOCUMENT).read_text(encoding="utf-8")
    start = text.index(_START) + len(_START)
    return text[:start] + table() + text[text.index(_END) :]


def rewrite() -> None:
    """Replaces the table in the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")
