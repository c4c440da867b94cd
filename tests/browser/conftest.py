"""One Chromium and one service for all tests in this folder, and a tab for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import PATIENCE, Tab, chromium, tab
from tests.browser.playground import Playground, begun
from tests.live_service import Service, issue, service

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Playwright runs an event loop in this thread, so no other test may run beside it: hence not for the session."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright, chromium(playwright) as running:
        yield running


@pytest.fixture(scope="package")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine."""
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="package")
def served(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the built-in policy, and its page."""
    with service(tls, tmp_path_factory.mktemp("log") / "log", ["--page-port", "0"]) as running:
        begun(running.page)
        yield running


@pytest.fixture
def opened(browser: Browser, served: Service) -> Iterator[Tab]:
    """A tab of the page. The test fails if its console says anything, or if a request leaves the page's origin."""
    with tab(browser, served.page) as one:
        yield one
        assert (one.messages, one.strangers) == ([], [])


@pytest.fixture
def playground(opened: Tab) -> Playground:
    """The playground, with its first example explained."""
    shown = Playground(opened)
    shown.open()
    return shown
