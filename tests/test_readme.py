"""The README shows what works, in both of its languages, and the index of the documents is whole."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import httpx

from benchmarks.process import free_port
from tests.documents.commands import blocks, claimed, commands, documented, pages, script
from tests.live_service import ROOT
from tests.local_run import local_run
from webhook.core.policy import Policy

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/page.md").read_text(encoding="utf-8")
#: The languages of the README. Both show the same.
LANGUAGES = ("README.md", "README.zh.md")
RUN = claimed("README.md", "make run", "curl")
#: A test compares them with those of the English one, which tests run.
CHINESE = script("README.zh.md")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def test_make_run_shows_a_placement_and_goes_on_serving(tmp_path: Path) -> None:
    run, curl = RUN
    port, page_port = free_port(), free_port()
    ports = f"--port {port} --operations-port {free_port()} --page-port {page_port}"
    arguments = f"{ports} --tls-dir {tmp_path / 'certs'}"
    with local_run(f"{run} ARGS='{arguments}'", tmp_path) as text:
        assert "mode=ecs-first,profile=default" in text
        assert "+  - key: virtual-kubelet.io/provider" in text
        (address,) = re.findall(r"<(http://.+)>", README)
        (shown,) = re.findall(r"```text\n(Look at it.*\n)```", PAGE)
        assert shown.endswith(f": {address}\n")
        assert shown.replace(":8081", f":{page_port}") in text
        page = httpx.get(address.replace(":8081", f":{page_port}"), timeout=60)
        assert page.text == (ROOT / "webhook/page/static/index.html").read_text(encoding="utf-8")
        curl = curl.replace(":8443", f":{port}").replace(".local/tls", str(tmp_path / "certs"))
        assert curl in text
        answer = subprocess.run(shlex.split(curl), cwd=ROOT, capture_output=True, check=True)
        assert json.loads(answer.stdout)["response"]["auditAnnotations"] == {
            "placement": f"mode=ecs-first,profile=default,policy={Policy().digest}"
        }


@documented("README.md", "make test")
def test_make_test_runs_the_tests_that_it_is_given(command: str) -> None:
    done = subprocess.run(
        [*shlex.split(command), "ARGS=--quiet tests/core/test_fault.py"], cwd=ROOT, capture_output=True, check=True
    )
    assert re.search(rb"^\d+ passed", done.stdout, re.MULTILINE)


def test_the_pictures_are_there_and_differ() -> None:
    """`make screenshots` makes them."""
    pictures = [ROOT / name for name in re.findall(r'src(?:set)?="([^"]+)"', README)]
    assert [one.name for one in pictures] == ["page-dark.png", "page-light.png"]
    dark, light = (one.read_bytes() for one in pictures)
    assert dark.startswith(b"\x89PNG")
    assert light.startswith(b"\x89PNG")
    assert dark != light


def test_the_first_page_is_short() -> None:
    assert len(README.splitlines()) <= 100


def test_the_languages_show_the_same_commands_tables_and_pictures() -> None:
    english, chinese = ((ROOT / page).read_text(encoding="utf-8") for page in LANGUAGES)
    assert [block.content for block, _ in blocks(chinese)] == [block.content for block, _ in blocks(english)]
    assert re.findall(r'src(?:set)?="([^"]+)"', chinese) == re.findall(r'src(?:set)?="([^"]+)"', english)
    assert [one.text for one in CHINESE] == [one.text for one in commands("README.md")]
    assert _headings(chinese) == _headings(english)
    assert _tables(chinese) == _tables(english)
    assert sorted(CODE.findall(chinese)) == sorted(CODE.findall(english))
    assert _targets(chinese) - {"README.md"} == _targets(english) - {"README.zh.md"}


def _headings(text: str) -> list[int]:
    """The level of each heading."""
    return [len(one) for one in re.findall(r"^(#+) ", text, re.MULTILINE)]


def _tables(text: str) -> list[list[tuple[list[str], list[str], int]]]:
    """For each row of each table: its code, its links, and the number of its bars."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [
        [(CODE.findall(row), re.findall(r"\]\(([^)]+)\)", row), row.count("|")) for row in table.splitlines()]
        for table in tables
    ]


def _targets(text: str) -> set[str]:
    return set(re.findall(r"\]\(([^)]+)\)", text))


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / one.partition("#")[0]).resolve() for one in _targets(index)}
    listed = {(ROOT / page).resolve() for page in pages()} - {
        (ROOT / one).resolve() for one in (*LANGUAGES, "docs/README.md")
    }
    assert listed - linked == set()
