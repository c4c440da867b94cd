"""Figures that tests measure. They are printed at the end of the run, and written into a page if one is given."""

import os
import re
from pathlib import Path

#: The share of the full loads that the tests send.
SCALE = float(os.environ.get("RELIABILITY_SCALE", "0.1"))
#: The page that `make reliability` rewrites. A table is between `<!-- NAME -->` and `<!-- end -->`.
PAGE = os.environ.get("RELIABILITY_REPORT", "")


def scaled(whole: int) -> int:
    """The size of a load whose full size is `whole`."""
    return max(1, round(whole * SCALE))


class Figures:
    """Tables of measured figures, by name; a table's columns are those of its first row."""

    def __init__(self) -> None:
        self._tables: dict[str, list[dict[str, str]]] = {}
        self.setting = ""
        """The machine and versions of the measurement, in one sentence."""

    def add(self, table: str, row: dict[str, object]) -> None:
        """Adds a row, given as a map from columns to cells."""
        self._tables.setdefault(table, []).append({column: str(cell) for column, cell in row.items()})

    def texts(self) -> dict[str, str]:
        """Each table by its name, as Markdown."""
        return {name: "\n".join([*_table(rows), "", self.setting]) for name, rows in self._tables.items()}

    def write(self, page: Path) -> None:
        """Replaces the measured tables in `page`; raises ValueError if the page has no place for one."""
        text = page.read_text(encoding="utf-8")
        for name, table in self.texts().items():
            place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
            if not place.search(text):
                raise ValueError(f"{page}: the lines <!-- {name} --> and <!-- end --> are missing")
            text = place.sub(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text)  # type: ignore[misc]
        page.write_text(text, encoding="utf-8")


def _table(rows: list[dict[str, str]]) -> list[str]:
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([row[column] for column in columns] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
