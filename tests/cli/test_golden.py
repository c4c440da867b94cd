"""What people see, letter for letter; `make golden` rewrites it for a reviewed diff."""

from pathlib import Path

import pytest

from tests.cli.golden import COMMANDS, FOLDER, PAGES, printed, rewritten


@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_the_expected_one(name: str) -> None:
    assert printed(COMMANDS[name]) == (FOLDER / name).read_text(encoding="utf-8"), f"{FOLDER / name}: run make golden"


def test_every_expected_output_has_its_command() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(COMMANDS), f"{FOLDER}: run make golden"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documentation_shows_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n$ spark-eci-webhook ") == text.count("<!-- printed by make golden -->\n") > 1
    assert rewritten(text) == text, f"{page}: run make golden"
