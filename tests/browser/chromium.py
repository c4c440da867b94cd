"""A real Chromium, and tabs of it that remember what went wrong in them."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, Request

#: It runs as root in containers, without a display, and asks nobody on its own. A name other than the page's leads nowhere.
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
#: A laptop's window.
WINDOW: Final = {"width": 1280, "height": 900}
#: Milliseconds. The machine may be busy with other tests.
PATIENCE: Final = 60_000


@contextlib.contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Runs Chromium while the block lasts."""
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=list(_FLAGS),
        timeout=2 * PATIENCE,
        # People see them, and they take room.
        ignore_default_args=["--hide-scrollbars"],
    )
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Tab:
    """A tab that has loaded nothing yet."""

    page: Page
    origin: str
    messages: list[str] = field(default_factory=list)
    """What the console said, and of which address, and what the scripts of the page threw.

    Chromium reports violations of the CSP there.
    """
    requests: list[Request] = field(default_factory=list)

    def open(self, view: str = "") -> None:
        """Loads the page; `view` is the fragment of its address, such as `#live`."""
        # An address that differs in its fragment alone loads nothing.
        self.page.goto("about:blank")
        self.page.goto(f"{self.origin}/{view}")

    def role(self, role: Any, name: str) -> Locator:
        """The element with this role and exactly this accessible name."""
        return self.page.get_by_role(role, name=name, exact=True)

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate(
            "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)"
        )
        return wider

    @property
    def strangers(self) -> list[str]:
        """The addresses of requests that left the page's origin."""
        return [one.url for one in self.requests if not one.url.startswith((f"{self.origin}/", "about:"))]

    def hear(self, said: str) -> None:
        """Waits until a message contains `said`."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not any(said in one for one in self.messages):
            assert time.monotonic() < deadline, self.messages
            self.page.wait_for_timeout(20)

    def forgive(self, pattern: str) -> None:
        """Forgets the messages that match `pattern` wholly."""
        self.messages = [one for one in self.messages if not re.fullmatch(pattern, one)]


@contextlib.contextmanager
def tab(browser: Browser, origin: str, **options: Any) -> Iterator[Tab]:
    """Opens a tab in a profile of its own; `options` are those of Playwright's new_context."""
    context = browser.new_context(**({"viewport": WINDOW, "locale": "en-GB", "timezone_id": "UTC"} | options))
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    opened = Tab(context.new_page(), origin)

    def hear(message: ConsoleMessage) -> None:
        opened.messages.append(f"{message.type}: {message.text} ({message.location['url']})")

    # Those of the context come from all its tabs.
    context.on("console", hear)
    context.on("weberror", lambda one: opened.messages.append(f"thrown: {one.error}"))
    context.on("request", lambda one: opened.requests.append(one))  # noqa: PLW0108, Playwright sets an attribute of it
    try:
        yield opened
    finally:
        context.close()
