"""The tests themselves notice what must not happen in a tab."""

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import tab
from tests.live_service import Service

pytestmark = pytest.mark.needs("chromium")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("console.log('a word')", "log: a word"),
        ("setTimeout(() => { throw new Error('a fault') })", "thrown: a fault"),
        ("document.body.append(document.createElement('style'))", "Content Security Policy"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("document.body.innerHTML = '<p>'", "TrustedHTML"),
        ("fetch('https://example.com/').catch(() => {})", "Content Security Policy"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(browser: Browser, served: Service, script: str, said: str) -> None:
    with tab(browser, served.page) as one:
        one.open()
        # Chromium trusts what a debugger runs, but not what that begins.
        one.page.evaluate(f"void setTimeout(() => {{ {script} }})")
        one.hear(said)


def test_a_request_that_leaves_the_origin_is_noticed(browser: Browser, served: Service) -> None:
    with tab(browser, served.page, bypass_csp=True) as one:
        one.open()
        one.page.evaluate("fetch('https://example.com/').catch(() => {})")
        assert one.strangers == ["https://example.com/"]


def test_a_page_that_does_nothing_of_the_kind_is_left_alone(browser: Browser, served: Service) -> None:
    with tab(browser, served.page) as one:
        one.open()
        one.page.evaluate("void setTimeout(() => { document.body.append('a word') })")
        assert (one.messages, one.strangers) == ([], [])
