"""The playground as somebody uses it: what one chooses and types, and what the page then shows."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import httpx
from playwright.sync_api import Locator, Request, Response, expect

from tests.browser.chromium import PATIENCE, Tab

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


def begun(origin: str) -> None:
    """Waits until the page at `origin` can begin. A new process that explains may take longer than a test waits for it."""
    assert httpx.get(f"{origin}/start", timeout=120).is_success


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
        answer = self._questions()[-1].response()
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
        return Texts(self.text(APPLICATION), self.text(POLICY), self.page.locator("#profile").input_value())

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
        """Waits until there is an explanation of what the page began with, also if another view is shown."""
        expect(self.page.locator("#workload-view section").first).to_be_attached()
        self._answered()

    def _answered(self) -> None:
        """Waits until the newest question is about what the page holds now, and is answered."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not self._is_answered():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(20)

    def _is_answered(self) -> bool:
        newest = self._questions()[-1].post_data_json
        holds = self.texts()
        asked = {"documents": holds.application, "policy": holds.policy, "profile": holds.profile}
        return newest == asked and self.page.locator(".results").get_attribute("aria-busy") is None

    def _questions(self) -> list[Request]:
        return [one for one in self.tab.requests if one.url.endswith("/explain")]

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
