"""The live view says that it is cut off, and catches up: nothing is shown twice, and nothing is missing."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.process import free_port
from tests.browser.chromium import PATIENCE, tab
from tests.browser.live import Live
from tests.browser.playground import Playground, begun
from tests.browser.reviews import application, send
from tests.live_service import Service, service

pytestmark = pytest.mark.needs("chromium")

CUT_OFF = re.compile(r"Cut off since [0-9]{2}:[0-9]{2}:[0-9]{2}\. Trying again\.")
#: What Chromium itself tells the console if a server ends or refuses.
NETWORK = r"error: Failed to load resource: net::ERR_\w+ \(.+\)"


@contextlib.contextmanager
def stopped(process: int) -> Iterator[None]:
    """A process that does nothing while the block lasts."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.fixture
def running(tls: Path, tmp_path: Path) -> Iterator[Service]:
    """A service of which a test breaks something."""
    with service(tls, tmp_path / "log", ["--page-port", "0"]) as one:
        begun(one.page)
        yield one


@pytest.fixture
def live(browser: Browser, running: Service) -> Iterator[Live]:
    """Its live view, which shows three decisions."""
    with tab(browser, running.page) as opened:
        shown = Live(opened)
        shown.open()
        # A question that is not answered yet would be refused as the page ends.
        Playground(opened).explained()
        with running.client() as client:
            send(client, application("etl", "before"))
        shown.shows(3)
        yield shown
        assert (opened.messages, opened.strangers) == ([], [])


def _numbers(live: Live) -> list[int]:
    return [row.number for row in live.rows()]


def _streams(live: Live) -> int:
    return len([one for one in live.tab.requests if one.url.endswith("/live")])


#: Promises in `globalThis.told` that the view says that it is cut off, however shortly.
_LISTEN = """milliseconds => {
  const connection = document.getElementById("connection");
  globalThis.told = new Promise((done, fail) => {
    const hear = () => connection.textContent.startsWith("Cut off since") && done(connection.textContent);
    new MutationObserver(hear).observe(connection, {childList: true});
    setTimeout(fail, milliseconds, new Error("the view says nothing"));
  });
}"""


def test_a_page_process_that_is_killed_leaves_no_trace(live: Live, running: Service, browser: Browser) -> None:
    live.page.evaluate(_LISTEN, PATIENCE)
    os.kill(running.page_process, signal.SIGKILL)
    assert CUT_OFF.fullmatch(live.page.evaluate("told"))
    with running.client() as client:
        send(client, application("etl", "meanwhile"))
    live.connected()
    live.shows(6)
    assert _numbers(live) == [6, 5, 4, 3, 2, 1]
    live.tab.forgive(NETWORK)
    with tab(browser, running.page) as later:
        second = Live(later)
        second.open()
        second.shows(6)
        assert second.rows() == live.rows()


def test_a_page_process_that_hangs_is_noticed(live: Live, running: Service) -> None:
    with stopped(running.page_process):
        expect(live.connection).to_have_text(CUT_OFF)
        with running.client() as client:
            send(client, application("etl", "meanwhile"))
    live.connected()
    live.shows(6)
    assert _numbers(live) == [6, 5, 4, 3, 2, 1]


#: Waits until the page has said for so long that the service hangs, that a view without its word would try again. Returns
#: the longest time between two events, in seconds.
_STALE = """() => new Promise(done => {
  let [last, longest] = [performance.now(), 0];
  const source = new EventSource("live");
  const hear = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  source.addEventListener("snapshot", hear);
  source.addEventListener("stale", event => {
    hear();
    if (JSON.parse(event.data).seconds < 12) return;
    source.close();
    done(longest / 1000);
  });
})"""
#: Seconds without an event after which a view tries again.
_SILENCE = 5


def test_a_service_that_hangs_is_noticed(live: Live, running: Service) -> None:
    with stopped(running.process.pid):
        expect(live.connection).to_have_text(CUT_OFF)
        since = live.connection.text_content()
        asked = _streams(live)
        silent = live.page.evaluate(_STALE)
        assert live.connection.text_content() == since
        assert _streams(live) == asked + 1 or silent >= _SILENCE
        live.tab.role("link", "Playground").click()
        shown = Playground(live.tab)
        shown.choose(shown.titles()[1])
        live.tab.role("link", "Live").click()
    live.connected()
    assert _numbers(live) == [3, 2, 1]


#: Waits until the page has said a few times more that the service hangs.
_WORDS = """() => new Promise(done => {
  const source = new EventSource("live");
  let words = 0;
  source.addEventListener("stale", () => {
    if (++words < 3) return;
    source.close();
    done();
  });
})"""


def test_a_connection_that_was_only_slow_is_kept(live: Live, running: Service) -> None:
    """The view has been about to try again as a word came."""
    clock = live.page.clock
    clock.install()
    live.open()
    Playground(live.tab).explained()
    with stopped(running.process.pid):
        expect(live.connection).to_have_text(CUT_OFF)
        # For the view, more than five seconds without a word.
        clock.pause_at(live.page.evaluate("Date.now()") / 1000 + 60)
        live.page.evaluate(_WORDS)
        asked = _streams(live)
        clock.run_for(3000)
        live.page.evaluate(_WORDS)
        assert _streams(live) == asked + 1
    live.connected()


def test_a_network_that_is_down_is_noticed(live: Live, running: Service) -> None:
    """As long as the browser refuses to connect, the view stays cut off."""
    live.page.route("**/live", lambda route: route.abort("connectionrefused"))
    os.kill(running.page_process, signal.SIGKILL)
    expect(live.connection).to_have_text(CUT_OFF)
    since = live.connection.text_content()
    with live.page.expect_event("requestfailed"), live.page.expect_event("requestfailed"):
        pass
    assert live.connection.text_content() == since
    with running.client() as client:
        send(client, application("etl", "meanwhile"))
    live.page.unroute("**/live")
    live.connected()
    live.shows(6)
    assert _numbers(live) == [6, 5, 4, 3, 2, 1]
    live.tab.forgive(NETWORK)


def test_decisions_that_nobody_keeps_are_counted(live: Live, running: Service, browser: Browser) -> None:
    live.page.route("**/live", lambda route: route.abort("connectionrefused"))
    os.kill(running.page_process, signal.SIGKILL)
    expect(live.connection).to_have_text(CUT_OFF)
    with running.client() as client:
        send(client, application("etl", "meanwhile", 209))
    # Once they are kept, the view gets them all at once.
    with tab(browser, running.page) as other:
        later = Live(other)
        later.open()
        later.shows(213)
    live.page.unroute("**/live")
    live.connected()
    live.shows(213)
    rows = live.decisions.locator("tbody tr")
    expect(rows.last).to_have_text("… 10 decisions are not shown")
    expect(rows).to_have_count(201)
    live.tab.forgive(NETWORK)


def test_a_service_that_starts_again_begins_anew(browser: Browser, tls: Path, tmp_path: Path) -> None:
    """Also the playground goes on, without loading the page again."""
    flags = ["--page-port", str(free_port())]
    with contextlib.ExitStack() as stack:
        with service(tls, tmp_path / "first", flags) as first:
            opened = stack.enter_context(tab(browser, first.page))
            live, shown = Live(opened), Playground(opened)
            begun(first.page)
            live.open()
            shown.explained()
            with first.client() as client:
                send(client, application("etl", "before"))
            live.shows(3)
        expect(live.connection).to_have_text(CUT_OFF)
        opened.role("link", "Playground").click()
        shown.choose_unanswered(shown.titles()[1])
        expect(shown.page.locator("#faults li")).to_have_text("The service does not answer; is it still running?")
        with service(tls, tmp_path / "second", flags) as second:
            assert second.page == first.page
            begun(second.page)
            shown.choose(shown.titles()[2])
            assert (shown.sentences(), len(shown.cards())) == ([], 2)
            opened.role("link", "Live").click()
            live.connected()
            with second.client() as client:
                send(client, application("etl", "after", 0))
            live.shows(1)
            assert [row.application for row in live.rows()] == ["after"]
        opened.forgive(NETWORK)
        assert (opened.messages, opened.strangers) == ([], [])
