"""What people see, letter for letter; `make golden` rewrites it for a reviewed diff."""

from pathlib import Path

import pytest

from tests.cli.golden import COMMANDS, FOLDER, PAGES, ROOT, printed, rewritten
from tests.documents.commands import claimed, commands


@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_the_expected_one(name: str) -> None:
    assert printed(COMMANDS[name]) == (FOLDER / name).read_text(encoding="utf-8"), f"{FOLDER / name}: run make golden"


def test_every_expected_output_has_its_command() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(COMMANDS), f"{FOLDER}: run make golden"


#: The commands whose output the pages show.
SHOWN = {
    page: claimed(name, *(one.text for one in commands(name) if one.output))
    for page in PAGES
    for name in (page.relative_to(ROOT).as_posix(),)
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documentation_shows_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(SHOWN[page]) == text.count("<!-- printed by make golden -->\n") > 1
    assert rewritten(text) == text, f"{page}: run make golden"
