"""The playground as somebody uses it: what one chooses and types, and what the page then shows."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from playwright.sync_api import Locator, Response, expect

from tests.browser.chromium import Tab

#: The place of each text in the page.
APPLICATION: Final = "Application"
POLICY: Final = "Policy"
_CARDS: Final = """sections => sections.map(section => {
  const text = selector => section.querySelector(selector)?.textContent ?? "";
  const items = name => [...section.querySelectorAll(`ul[aria-label="${name}"] li`)].map(one => one.textContent);
  const sides = [...section.querySelectorAll("[data-side]")].map(one => [one.dataset.side, one.dataset.standing]);
  return [text("h3"), text(".mode"), text(".state"), text(".source"), items("Warnings"), items("Refusals"), items("Reasons"),
    Object.fromEntries(sides)];
})"""


class Card(NamedTuple):
    """What is shown of the pods of one kind."""

    title: str
    mode: str
    state: str
    source: str
    warnings: list[str]
    refusals: list[str]
    reasons: list[str]
    standings: dict[str, str]


class Texts(NamedTuple):
    """What is explained."""

    application: str
    policy: str
    profile: str = ""


class Playground:
    """The playground in a tab."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page = tab.page
        self.example = tab.role("combobox", "Example")
        self.profile = tab.role("combobox", "Profile")
        self.workload = tab.role("combobox", "Application to show")
        self.says = tab.role("status", "Explained")
        self.faults = tab.role("region", "Faults")
        self.by_hand = tab.role("region", "Same by hand")

    def open(self, fragment: str = "") -> None:
        """Loads the page and waits for the first explanation. `fragment` may be that of a link."""
        with self.explaining():
            self.tab.open(fragment)

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Waits until the page shows the answer to what the block asks."""
        with self.page.expect_response(lambda one: one.url.endswith("/explain")):
            yield
        self._answered()

    def asked(self) -> Response:
        """The newest answer to a question."""
        (*_, last) = [one for one in self.tab.requests if one.url.endswith("/explain")]
        answer = last.response()
        assert answer is not None
        return answer

    def editor(self, name: str) -> Locator:
        """The text field of that name."""
        return self.tab.role("textbox", name)

    def text(self, name: str) -> str:
        """The text in the editor of that name."""
        found: str = self._element(name).evaluate("one => one.value")
        return found

    def _element(self, name: str) -> Locator:
        return self.page.locator(f'code-editor[label="{name}"]')

    def texts(self) -> Texts:
        """What is explained now."""
        return Texts(self.text(APPLICATION), self.text(POLICY), self.profile.input_value())

    def replace(self, name: str, text: str) -> None:
        """Puts `text` in the place of all that an editor holds, as if pasted, and waits for its explanation."""
        with self.explaining():
            self.paste(name, text)

    def set(self, name: str, text: str) -> None:
        """Like `replace`, but without the keyboard, which takes long for large texts."""
        with self.explaining():
            self._element(name).evaluate(
                "(one, text) => { one.value = text; one.dispatchEvent(new Event('change')); }", text
            )

    def paste(self, name: str, text: str) -> None:
        """Puts `text` in the place of all that an editor holds."""
        self.reveal(name)
        self.editor(name).focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def reveal(self, name: str) -> None:
        """Opens the part of the page with that editor, if it is closed."""
        if not self.editor(name).is_visible():
            self.page.locator("summary", has_text=name).first.click()

    def choose(self, title: str) -> None:
        """Chooses the example with this title, and waits for its explanation."""
        with self.explaining():
            self.example.select_option(label=title)

    def choose_unanswered(self, title: str) -> None:
        """Chooses the example with this title while nobody answers."""
        with self.page.expect_event("requestfailed", lambda one: one.url.endswith("/explain")):
            self.example.select_option(label=title)

    def explained(self) -> None:
        """Waits until the page shows an explanation of what it began with, and waits for no other one."""
        expect(self.page.locator("#workload-view section").first).to_be_visible()
        self._answered()

    def _answered(self) -> None:
        expect(self.page.locator(".results")).not_to_have_attribute("aria-busy", re.compile(".*"))

    def titles(self) -> list[str]:
        """The titles of the examples."""
        return self.example.locator("option").all_text_contents()

    def card(self, title: str) -> Locator:
        """The part about the pods with this title, such as `Driver`."""
        return self.tab.role("region", title)

    def cards(self) -> list[Card]:
        """All parts about pods, in their order."""
        found: list[Any] = self.page.locator("#workload-view section").evaluate_all(_CARDS)
        return [Card(*one) for one in found]

    def sentences(self) -> list[str]:
        """The faults and cautions that are shown."""
        return self.page.locator("#faults li").all_text_contents()

    def clipboard(self) -> str:
        """What was copied last."""
        found: str = self.page.evaluate("navigator.clipboard.readText()")
        return found
