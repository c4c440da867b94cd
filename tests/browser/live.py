"""The live view as somebody reads it."""

from typing import Any, Final, NamedTuple

from playwright.sync_api import expect

from tests.browser.chromium import Tab

_ROWS: Final = """rows => rows.map(row => [row.dataset.seq ?? "", ...[...row.cells].map(one => one.textContent)])"""


class Row(NamedTuple):
    """A decision."""

    number: int
    namespace: str
    application: str
    role: str
    mode: str
    outcome: str
    reason: str
    microseconds: int


class Live:
    """The live view in a tab."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page = tab.page
        self.connection = tab.role("status", "Connection")
        self.filter = tab.role("searchbox", "Filter")
        self.decisions = tab.role("table", "Decisions")

    def open(self) -> None:
        """Loads the view and waits until it is connected."""
        self.tab.open("#live")
        self.connected()

    def connected(self) -> None:
        """Waits until the view is connected."""
        expect(self.connection).to_have_text("Connected")

    def shows(self, number: int) -> None:
        """Waits until the newest decision that is shown has this number."""
        expect(self.decisions.locator("tbody tr").first).to_have_attribute("data-seq", str(number))

    @property
    def newest(self) -> int:
        """The number of the newest decision that is shown; 0 if there is none."""
        rows = self.rows()
        return rows[0].number if rows else 0

    def rows(self) -> list[Row]:
        """The decisions that are shown, newest first. Fails if one is missing."""
        cells = self._cells("Decisions")
        assert all(one[0] for one in cells), cells
        return [
            Row(int(seq), namespace, application, role, mode, outcome, reason, int(microseconds.replace(",", "")))
            for seq, _, namespace, application, role, mode, outcome, reason, microseconds in cells
        ]

    def table(self, name: str) -> list[list[str]]:
        """The texts in the rows of another table."""
        return [texts for _, *texts in self._cells(name)]

    def _cells(self, name: str) -> list[Any]:
        found: list[Any] = self.tab.role("table", name).locator("tbody tr").evaluate_all(_ROWS)
        return found

    def facts(self, region: str) -> dict[str, str]:
        """The terms in a part of the view, with their descriptions."""
        part = self.tab.role("region", region)
        terms = part.locator("dt").all_text_contents()
        return dict(zip(terms, part.locator("dd").all_text_contents(), strict=True))
