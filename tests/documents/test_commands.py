"""Every command of every document is run by a test, or the document says that it was only read."""

import importlib
from pathlib import Path

import pytest

from tests.documents.commands import CLAIMED, OTHER_SHELLS, PROMPT, blocks, commands, commands_of, documented, pages
from tests.live_service import ROOT

TEXT = """
Some text:

```console
$ first --flag \\
    value
its output
$ second
```

- in a list, *read*:

  ```console
  $ third
  ```

```console
$ fourth
```
"""


def _claims() -> set[tuple[str, str]]:
    """What the tests run: imports every module that takes commands from documents."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        if "tests.documents.commands" in file.read_text(encoding="utf-8") and file != Path(__file__):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    return CLAIMED


def test_every_command_of_every_document_is_run_or_marked() -> None:
    claimed = _claims()
    shown = [one for page in pages() for one in commands(page)]
    assert len(shown) > 100
    neither = [f"{one.page}: {one.text}" for one in shown if not one.read and (one.page, one.text) not in claimed]
    assert neither == [], "no test runs them, and the paragraph before their block does not say *read*"
    both = [f"{one.page}: {one.text}" for one in shown if one.read and (one.page, one.text) in claimed]
    assert both == [], "a test runs them, but the document says *read*"


@pytest.mark.parametrize("page", pages())
def test_every_block_says_what_it_is(page: str) -> None:
    for block, before in blocks((ROOT / page).read_text(encoding="utf-8")):
        assert block.map is not None
        place = f"{page}:{block.map[0] + 1}"
        assert block.info, f"{place}: the block has no language"
        assert block.info not in OTHER_SHELLS, f"{place}: a block with commands is a console block"
        if block.info == "console":
            assert block.content.startswith(PROMPT), f"{place}: a console block begins with a command"
        else:
            assert not any(line.startswith(PROMPT) for line in block.content.splitlines()), place
            assert "*read*" not in before, f"{place}: only blocks with commands are marked"


def test_commands_are_found_as_a_reader_sees_them() -> None:
    assert [(one.text, one.output, one.read) for one in commands_of("x.md", TEXT)] == [
        ("first --flag value", "its output\n", False),
        ("second", "", False),
        ("third", "", True),
        ("fourth", "", False),
    ]


def test_a_command_that_no_document_shows_cannot_be_claimed() -> None:
    with pytest.raises(ValueError, match=r"README.md has no command that begins with 'make nothing'"):
        documented("README.md", "make nothing")
