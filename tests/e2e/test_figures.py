"""Measured figures are written into the page, and the rest of the page stays unchanged."""

from pathlib import Path

import pytest

from tests.e2e.figures import Figures

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
TABLES = ("ecs-first", "ecs-then-eci", "certificates", "rollout", "burst", "faults", "live")


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- burst -->\n\n| old |\n\n<!-- end -->\nbetween\n<!-- faults -->\n<!-- end -->\nafter\n"
    )
    figures = Figures()
    figures.setting = "Measured here."
    figures.add("burst", {"executors": 20, "p50": "3 ms"})
    figures.add("burst", {"executors": 30, "p50": r"\1 ms"})
    figures.write(page)
    table = "| executors | p50 |\n| --- | --- |\n| 20 | 3 ms |\n| 30 | \\1 ms |\n\nMeasured here.\n"
    assert page.read_text() == (
        f"before\n<!-- burst -->\n\n{table}\n<!-- end -->\nbetween\n<!-- faults -->\n<!-- end -->\nafter\n"
    )


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    figures = Figures()
    figures.add("burst", {"executors": 20})
    with pytest.raises(ValueError, match="the lines <!-- burst --> and <!-- end --> are missing"):
        figures.write(page)


def test_the_page_has_a_place_for_every_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    figures = Figures()
    for table in TABLES:
        figures.add(table, {"column": "cell"})
    figures.write(page)
    assert page.read_text(encoding="utf-8").count("| cell |") == len(TABLES)
