"""The pictures of the README are small, and can be taken again."""

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import FOLDER, SCHEMES, SIZE, take
from tests.live_service import ROOT, Service

pytestmark = pytest.mark.needs("chromium")

MOST_BYTES = 150_000


def _judge(file: Path) -> None:
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == SIZE
    assert len(content) < MOST_BYTES


def test_the_pictures_can_be_taken_again(browser: Browser, served: Service) -> None:
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    taken = take(browser, served.page, folder)
    assert [file.name for file in taken] == [f"page-{scheme}.png" for scheme in SCHEMES]
    for file in taken:
        _judge(file)
    assert len({file.read_bytes() for file in taken}) == len(SCHEMES)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_pictures_of_the_readme_are_small(scheme: str) -> None:
    _judge(FOLDER / f"page-{scheme}.png")
