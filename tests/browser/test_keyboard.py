"""Everything can be done with the keyboard alone, and one sees where one is."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Tab
from tests.browser.focus import focused, tab_to, targets, walk
from tests.browser.live import Live
from tests.browser.playground import APPLICATION, POLICY, Playground

pytestmark = pytest.mark.needs("chromium")


def test_tab_reaches_everything_in_the_order_of_the_page(playground: Playground) -> None:
    playground.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    wanted = targets(playground.page)
    passed = walk(playground.page, len(wanted) + 1)
    assert [one.label for one in passed] == wanted
    assert [one.label for one in passed if not one.outlined] == []
    assert [one.label for one in passed if not one.in_window] == []
    backwards = walk(playground.page, len(wanted), "Shift+Tab")
    assert [one.label for one in backwards] == wanted[::-1]


def test_tab_reaches_everything_in_the_live_view(opened: Tab) -> None:
    Live(opened).open()
    wanted = targets(opened.page)
    passed = walk(opened.page, len(wanted) + 1)
    assert [one.label for one in passed] == wanted
    assert [one.label for one in passed if not (one.outlined and one.in_window)] == []


def test_the_first_stop_leads_past_the_header(playground: Playground) -> None:
    playground.page.keyboard.press("Tab")
    expect(playground.tab.role("link", "Skip to the content")).to_be_in_viewport()
    playground.page.keyboard.press("Enter")
    playground.page.keyboard.press("Tab")
    expect(playground.example).to_be_focused()
    assert playground.page.url.endswith("/")


def test_somebody_without_a_mouse_explains_an_application(playground: Playground) -> None:
    page, keyboard = playground.page, playground.page.keyboard
    first = playground.texts()
    tab_to(page, "select example")
    with playground.explaining():
        keyboard.press("ArrowDown")
    assert playground.texts() != first
    tab_to(page, f"div {APPLICATION}")
    keyboard.press("Control+End")
    with playground.explaining():
        # Undo takes back all that was typed without a pause: here, one text.
        keyboard.press("Enter")
        keyboard.insert_text("broken: [")
    expect(playground.faults).to_be_visible()
    # Tab leaves the editor, and the fault leads back into it.
    tab_to(page, f"div {POLICY}")
    for _ in range(60):
        keyboard.press("Tab")
        one = focused(page)
        if one is not None and one.label.startswith("button") and f"{APPLICATION}, line" in one.label:
            break
    keyboard.press("Enter")
    expect(playground.editor(APPLICATION)).to_be_focused()
    keyboard.press("Control+z")
    with playground.explaining():
        keyboard.press("Control+z")
    keyboard.press("Escape")
    tab_to(page, "select profile")
    with playground.explaining():
        keyboard.press("ArrowDown")
    expect(playground.profile).to_have_value("default")
    tab_to(page, "button copy-link")
    keyboard.press("Enter")
    expect(playground.tab.role("status", "Announcement")).to_have_text("Copied link")
    tab_to(page, "summary  Pod")
    keyboard.press("Enter")
    expect(playground.card("Driver").get_by_role("button", name="Copy pod")).to_be_visible()


def test_somebody_without_a_mouse_pauses_and_filters(playground: Playground) -> None:
    page = playground.page
    tab_to(page, "a  Live")
    page.keyboard.press("Enter")
    live = Live(playground.tab)
    live.connected()
    tab_to(page, "input filter")
    page.keyboard.type("nothing like this")
    assert live.rows() == []
    tab_to(page, "button pause")
    page.keyboard.press("Space")
    expect(live.connection).to_have_text("Paused; 0 new decisions")
    expect(playground.tab.role("button", "Resume")).to_be_focused()


def test_the_editor_can_be_used_as_people_expect(playground: Playground) -> None:
    """In the console nothing is said, whatever one does with the keyboard: the fixture looks."""
    keyboard = playground.page.keyboard
    playground.replace(APPLICATION, "a: 1\nb: two\n# three")
    keyboard.press("Control+Home")
    keyboard.press("Shift+ArrowDown")
    keyboard.press("Delete")
    assert playground.text(APPLICATION) == "b: two\n# three"
    keyboard.press("Shift+End")
    keyboard.type("c")
    keyboard.press("Enter")
    keyboard.press("Control+]")
    keyboard.type("d: 'e'")
    assert playground.text(APPLICATION) == "c\n  d: 'e'\n# three"
    keyboard.press("Control+[")
    keyboard.press("Control+Backspace")
    keyboard.press("Control+a")
    keyboard.press("Control+x")
    assert (playground.text(APPLICATION), playground.clipboard()) == ("", "c\nd: 'e\n# three")
    with playground.explaining():
        keyboard.press("Control+v")
    assert playground.text(APPLICATION) == "c\nd: 'e\n# three"
