"""axe-core finds nothing in any state of the page."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.chromium import Tab
from tests.browser.live import Live
from tests.browser.playground import POLICY, Playground
from tests.browser.reviews import review, send
from tests.live_service import Service
from webhook.core import names

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("npm")]


def _open_all(playground: Playground) -> None:
    playground.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_found_in_the_playground(playground: Playground, scheme: str) -> None:
    playground.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    _open_all(playground)
    assert violations(playground.page) == {}


def test_nothing_is_found_on_a_small_screen(playground: Playground) -> None:
    playground.page.set_viewport_size({"width": 320, "height": 640})
    _open_all(playground)
    assert violations(playground.page) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_found_beside_faults(playground: Playground, scheme: str) -> None:
    playground.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    playground.replace(POLICY, "profiles: {default: {driver: {mode: ecs}}}")
    expect(playground.faults).to_be_visible()
    assert violations(playground.page) == {}


@pytest.mark.parametrize("title", ["Executors in a mix", "An application that never runs"])
def test_nothing_is_found_in_other_examples(playground: Playground, title: str) -> None:
    playground.choose(title)
    _open_all(playground)
    assert violations(playground.page) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_found_in_the_live_view(opened: Tab, served: Service, scheme: str) -> None:
    opened.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    opened.page.set_viewport_size({"width": 320 if scheme == "dark" else 1280, "height": 640})
    live = Live(opened)
    live.open()
    with served.client() as client:
        send(client, [review("driver", "etl", "unknown", **{names.MODE_ANNOTATION: "by chance"})])
    expect(live.decisions.get_by_text("unknown").first).to_be_visible()
    assert violations(opened.page) == {}
    opened.role("button", "Pause").click()
    live.filter.fill("nothing like this")
    assert violations(opened.page) == {}


def test_what_is_wrong_is_found(opened: Tab) -> None:
    opened.open()
    opened.page.evaluate("document.querySelector('h2').append(document.createElement('button'))")
    assert "button-name" in violations(opened.page)
