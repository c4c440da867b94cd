"""The page is readable in the dark, on small and large screens, in print, and with the colours of the system."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Tab
from tests.browser.live import Live
from tests.browser.playground import APPLICATION, POLICY, Playground
from tests.browser.reviews import review, send
from tests.live_service import Service

pytestmark = pytest.mark.needs("chromium")

LONG = "a-name-that-goes-on-and-on-" * 8
#: The lightness of the ground and of the text, from 0 to 255.
_LIGHTNESS = """selector => {
  const {backgroundColor, color} = getComputedStyle(document.querySelector(selector));
  return [backgroundColor, color].map(text => {
    const [red, green, blue] = /^rgb\\(([0-9]+), ([0-9]+), ([0-9]+)\\)$/.exec(text).slice(1).map(Number);
    return Math.round(0.3 * red + 0.6 * green + 0.1 * blue);
  });
}"""
#: Elements whose text is cut off on the right, without a way to scroll to it.
_CLIPPED = """() => [...document.querySelectorAll("main *")].filter(one => {
  const style = getComputedStyle(one);
  return one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && ["hidden", "clip"].includes(style.overflowX)
    && one.clientWidth > 1 && one.tagName !== "CODE-EDITOR";
}).map(one => one.outerHTML.slice(0, 80))"""


def _open_all(playground: Playground) -> None:
    playground.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_are_those_that_the_system_asks_for(playground: Playground, scheme: Any) -> None:
    playground.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for selector in ("html", ".card", ".input select", "pre", "code-editor"):
        ground, ink = playground.page.evaluate(_LIGHTNESS, selector)
        assert (ground > 200, ink < 100) == ((True, True) if scheme == "light" else (False, False)), selector
        assert (ground < 60, ink > 150) == ((True, True) if scheme == "dark" else (False, False)), selector


def test_no_width_needs_scrolling_to_the_side(playground: Playground, served: Service) -> None:
    for title in playground.titles():
        playground.choose(title)
        _fits(playground, title)
    text = playground.text(APPLICATION)
    (told,) = playground.asked().json()["explanation"]["workloads"]
    playground.replace(APPLICATION, text.replace(f"name: {told['name']}", f"name: {LONG[:63]}"))
    _fits(playground, "a long name")
    playground.replace(POLICY, f"profiles: {{default: {{driver: {{mode: {LONG}}}}}}}")
    _fits(playground, "a long fault")
    with served.client() as client:
        send(client, [review("driver", LONG, LONG)])
    playground.tab.role("link", "Live").click()
    live = Live(playground.tab)
    live.connected()
    expect(live.decisions.get_by_text(LONG[:20]).first).to_be_visible()
    _fits(playground, "the live view")


def _fits(playground: Playground, shown: str) -> None:
    """Judges what is shown in windows of a telephone, a tablet, a laptop and a large screen."""
    _open_all(playground)
    for width in (320, 768, 1280, 3840):
        playground.page.set_viewport_size({"width": width, "height": 640})
        clipped = playground.page.evaluate(_CLIPPED)
        assert (shown, width, playground.tab.overflow, clipped) == (shown, width, 0, [])


def test_a_large_screen_is_used(playground: Playground) -> None:
    """Lines do not become so long that nobody can read them, and text grows."""
    small = playground.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    playground.page.set_viewport_size({"width": 3840, "height": 2160})
    assert playground.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") > small
    side = playground.page.locator(".input").bounding_box()
    results = playground.page.locator(".results").bounding_box()
    assert side is not None
    assert results is not None
    assert side["x"] + side["width"] < results["x"]
    assert results["width"] < 3840 / 2


def test_nothing_moves_if_the_system_asks_for_that(playground: Playground) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter(one => {
      const {transitionDuration, animationName} = getComputedStyle(one);
      return animationName !== "none" || transitionDuration.split(", ").some(time => parseFloat(time) > 0);
    }).length"""
    playground.page.emulate_media(reduced_motion="reduce")
    assert playground.page.evaluate(moving) == 0
    assert playground.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_what_one_prints_is_the_result(playground: Playground) -> None:
    _open_all(playground)
    playground.page.emulate_media(media="print")
    cut = """() => [...document.querySelectorAll(".card pre")].filter(one =>
      one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1).length"""
    assert playground.page.evaluate(cut) == 0
    for card in playground.page.locator("#workload-view section").all():
        assert card.is_visible()
    for control in ("nav", "button", "select", "code-editor"):
        assert not any(one.is_visible() for one in playground.page.locator(control).all() if control != "button")
    assert not any(one.is_visible() for one in playground.page.get_by_role("button", name="Copy").all())
    assert playground.page.pdf().startswith(b"%PDF-")


def test_the_colours_of_the_system_leave_every_difference_visible(playground: Playground) -> None:
    """A person may let the system choose all colours. Then borders and words tell what colours told."""
    playground.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    edge = "one => getComputedStyle(one).borderTopStyle"
    assert playground.page.locator(".mode").first.evaluate(edge) == "solid"
    assert playground.page.locator("nav a[aria-current]").evaluate(edge) == "solid"
    assert playground.page.locator("nav a:not([aria-current])").evaluate(edge) == "none"
    for side in playground.page.locator("[data-side]").all():
        assert side.evaluate(edge) in ("solid", "dashed")
        assert "run here" in side.inner_text()
    drawn = playground.page.evaluate(
        "[...document.querySelectorAll('.picture .track')].map(one => getComputedStyle(one).stroke)"
    )
    assert set(drawn) == {playground.page.evaluate("getComputedStyle(document.body).color")}


def test_the_views_are_found_by_their_addresses(opened: Tab) -> None:
    live, playground = opened.role("link", "Live"), opened.role("link", "Playground")
    opened.open("#live")
    expect(live).to_have_attribute("aria-current", "page")
    assert playground.get_attribute("aria-current") is None
    playground.click()
    expect(playground).to_have_attribute("aria-current", "page")
    opened.page.go_back()
    expect(live).to_have_attribute("aria-current", "page")
    assert opened.page.title() == "spark-eci-webhook"
