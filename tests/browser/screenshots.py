"""`make screenshots`: the pictures of the page in the README."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import chromium, tab
from tests.browser.palette import reduced
from tests.browser.playground import Playground
from tests.live_service import ROOT, issue, service

FOLDER: Final = ROOT / "docs" / "images"
SIZE: Final = (1280, 1200)
SCHEMES: Final = ("light", "dark")


def take(browser: Browser, origin: str, folder: Path) -> list[Path]:
    """Takes a picture of the page at `origin` in each scheme of colours, and returns their files in `folder`."""
    taken = []
    width, height = SIZE
    for scheme in SCHEMES:
        with tab(browser, origin, viewport={"width": width, "height": height}, color_scheme=scheme) as opened:
            opened.page.emulate_media(reduced_motion="reduce")
            Playground(opened).open()
            # The cards of the driver and of the executors are both in the picture if their diffs are closed.
            for diff in opened.page.get_by_text("Diff", exact=True).all():
                diff.click()
            opened.page.locator("h1").click()
            opened.page.evaluate("scrollTo(0, 0)")
            file = folder / f"page-{scheme}.png"
            picture = opened.page.screenshot(animations="disabled", caret="hide")
            file.write_bytes(reduced(picture, opened.page))
            taken.append(file)
    return taken


def main() -> None:
    """Takes the pictures of the README, or of another folder that the command line names."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name, sync_playwright() as playwright, chromium(playwright) as browser:
        here = Path(name)
        with service(issue(here), here / "log", ["--page-port", "0"]) as running:
            take(browser, running.page, folder)


if __name__ == "__main__":
    main()
