"""What axe-core finds in a page."""

from typing import Any

from playwright.sync_api import Page

from tests.live_service import ROOT

_AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> dict[str, list[str]]:
    """The elements that break each rule of axe-core; empty if it finds nothing."""
    # What is still half transparent has too little contrast.
    page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished)).then(() => {})")
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe-core judged nothing"
    return {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]}
