"""Texts of others in a table in GitHub's Markdown, in which they are nothing but text."""

from typing import Final

from webhook.core.text import one_line

#: What would end a code span, or a cell around it.
_UNSAFE: Final = frozenset("`|\\")
#: What means nothing to Markdown and HTML, between letters and digits.
_PLAIN: Final = frozenset(" -/.,:%()")


def cell(text: str) -> str:
    """`text` in a cell of a table: as it is, or as code if something in it could be more than text."""
    shown = one_line(text).strip()
    plain = all(char.isalnum() or char in _PLAIN for char in shown) and "://" not in shown and "www." not in shown
    return shown if plain else code(text)


def code(text: str) -> str:
    """`text` in a cell of a table, as code, in which nothing is Markdown, HTML, a mention or a link."""
    shown = one_line(text).strip()
    if _UNSAFE.isdisjoint(shown):
        return f"`{shown}`" if shown else ""
    return f"<code>{''.join(char if char.isalnum() or char == ' ' else f'&#{ord(char)};' for char in shown)}</code>"
