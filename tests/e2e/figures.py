"""Figures that tests measure: printed at the end of the run, and written into a page where one is named."""

import os
import re
from pathlib import Path

#: The share of the full loads that the tests send, 0.1 unless told.
SCALE = float(os.environ.get("RELIABILITY_SCALE", "0.1"))
#: The page that `make reliability` rewrites: a table stands between `<!-- NAME -->` and `<!-- end -->`.
PAGE = os.environ.get("RELIABILITY_REPORT", "")


def scaled(whole: int) -> int:
    """Return the size of a load of which `whole` is the full size."""
    return max(1, round(whole * SCALE))


class Figures:
    """Tables of measured figures, by name; a table's columns are those of its first row."""

    def __init__(self) -> None:
        self._tables: dict[str, list[dict[str, str]]] = {}
        self.setting = ""
        """Where they were measured, in one sentence."""

    def add(self, table: str, row: dict[str, object]) -> None:
        """Add a row; its cells by their column."""
        self._tables.setdefault(table, []).append({column: str(cell) for column, cell in row.items()})

    def texts(self) -> dict[str, str]:
        """Return each table by its name, as Markdown."""
        return {name: "\n".join([*_table(rows), "", self.setting]) for name, rows in self._tables.items()}

    def write(self, page: Path) -> None:
        """Replace in `page` the tables that were measured; raises ValueError where it has no place for one."""
        text = page.read_text(encoding="utf-8")
        for name, table in self.texts().items():
            place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
            if not place.search(text):
                raise ValueError(
                    f"{page}: has no lines <!-- {name} --> and <!-- end --> for the table to stand between"
                )
            text = place.sub(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text)  # type: ignore[misc]
        page.write_text(text, encoding="utf-8")


def _table(rows: list[dict[str, str]]) -> list[str]:
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([row[column] for column in columns] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
