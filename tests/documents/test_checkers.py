"""What checks documents finds nothing in ours: structure and tables, links and headings, and spelling. `make npm` installs it."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.documents.commands import pages
from tests.live_service import ROOT

DOCS = ROOT / "docs"
WORDS = DOCS / "words.txt"
#: What the service serves on the machine of the reader.
LOCAL = "http://127.0.0.1:8081"


@dataclass(frozen=True)
class Checker:
    """A command of an npm package that takes documents, and fails if it finds something in them."""

    name: str
    arguments: Sequence[str]

    def findings(self, folder: Path, documents: Sequence[str]) -> str:
        """What it says of these documents, or nothing. The paths are relative to the folder."""
        command = DOCS / "node_modules/.bin" / self.name
        done = subprocess.run(
            [str(command), *self.arguments, *documents],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode in (0, 1), said
        assert done.returncode == 0 or said
        return said if done.returncode else ""


STRUCTURE = Checker("markdownlint-cli2", ("--no-globs", "--config", str(DOCS / ".markdownlint-cli2.yaml")))
LINKS = Checker("remark", ("--no-color", "--frail", "--quiet", "--no-stdout", "--rc-path", str(DOCS / "remark.yaml")))
SPELLING = Checker(
    "cspell", ("lint", "--no-color", "--no-progress", "--no-summary", "--config", str(DOCS / "cspell.yaml"))
)
CHECKERS = (STRUCTURE, LINKS, SPELLING)

GOOD = """# A title

A neighbour, and 中文 text with `cod`. See [the other](other.md#same-1), and [below](#a-table).

## A table

| one | two |
|---|---|
| a | b |
"""
OTHER = "# Other\n\n## One\n\n### Same\n\n## Two\n\n### Same\n"
#: What is replaced in the good document by what, who finds it, and what it says.
FAULTS = [
    ("| a | b |", "| a | b | c |", STRUCTURE, "MD056/table-column-count"),
    ("| a | b |", "a | b |", STRUCTURE, "MD055/table-pipe-style"),
    ("A neighbour", "Text:\n| one |\n|---|\n\nA neighbour", STRUCTURE, "MD058/blanks-around-tables"),
    ("| a | b |", "| a | b |\n\n```\nx\n```", STRUCTURE, "MD040/fenced-code-language"),
    ("(#a-table)", "(#a-tabel)", STRUCTURE, "MD051/link-fragments"),
    ("#same-1", "#same-2", LINKS, "Cannot find heading for `#same-2` in `other.md`"),
    ("(other.md#same-1)", "(others.md)", LINKS, "Cannot find file `others.md`"),
    ("A neighbour", "A nieghbour", SPELLING, "Unknown word (nieghbour)"),
    ("A neighbour", "A neighbor", SPELLING, "Unknown word (neighbor)"),
]


@pytest.mark.needs("npm")
@pytest.mark.parametrize("checker", CHECKERS, ids=lambda one: one.name)
def test_nothing_is_found_in_the_documents(checker: Checker) -> None:
    found = checker.findings(ROOT, pages())
    assert not found, found


@pytest.mark.needs("npm")
@pytest.mark.parametrize("checker", CHECKERS, ids=lambda one: one.name)
def test_each_fault_is_found_and_nothing_in_a_document_without_faults(checker: Checker, tmp_path: Path) -> None:
    documents = {"other.md": OTHER, "good.md": GOOD}
    expected = {}
    for number, (good, bad, finder, finding) in enumerate(FAULTS):
        if finder is checker:
            assert GOOD.count(good) == 1
            documents[f"bad-{number}.md"] = GOOD.replace(good, bad)
            expected[f"bad-{number}.md"] = finding
    for name, text in documents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    said = checker.findings(tmp_path, sorted(documents))
    # Some say first which documents they check. Remark names a document once, above what it found in it.
    parts = re.split(r"^(\S+\.md)(?=:\d|\n)", said, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    assert found.keys() == expected.keys()
    for name, finding in expected.items():
        assert finding in found[name]


def test_the_words_of_the_project_are_sorted_and_each_stands_in_a_document() -> None:
    words = WORDS.read_text(encoding="utf-8").splitlines()
    assert words == sorted(set(words))
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in pages()).lower()
    assert [word for word in words if word.lower() not in text] == []


def test_links_that_leave_the_repository_name_a_host_that_speaks_https() -> None:
    """Nothing fetches them."""
    targets = {
        str(inline.attrs["href"])
        for page in pages()
        for token in MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))
        for inline in token.children or ()
        if inline.type == "link_open" and ":" in str(inline.attrs["href"])
    }
    away = sorted(targets - {LOCAL})
    assert away
    assert [one for one in away if not re.fullmatch(r"https://([a-z0-9-]+\.)+[a-z]+(/\S*)?", one)] == []
