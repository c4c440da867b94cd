"""The live view shows what the replica decides, as its log and its metrics tell it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import tab
from tests.browser.live import Live
from tests.browser.reviews import application, review, send
from tests.live_service import Service, service
from webhook.core import names
from webhook.core.policy import Policy

pytestmark = pytest.mark.needs("chromium")

#: What the view shows in the place of nothing.
NONE = "\N{EN DASH}"
#: Of one series of admissions in /metrics: its labels and its value.
_SERIES = re.compile(r"^spark_eci_webhook_admission_requests_total\{(.*)\} (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def alone(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that nobody else sends reviews to."""
    with service(tls, tmp_path_factory.mktemp("log") / "log", ["--page-port", "0"]) as running:
        yield running


@pytest.fixture
def live(browser: Browser, alone: Service) -> Iterator[Live]:
    """Its live view."""
    with tab(browser, alone.page) as opened:
        shown = Live(opened)
        shown.open()
        yield shown
        assert (opened.messages, opened.strangers) == ([], [])


@pytest.fixture
def seq(live: Live) -> int:
    """The number of decisions before the test."""
    return live.newest


def _by_mode_and_outcome(running: Service) -> dict[tuple[str, str], int]:
    """The admissions in /metrics."""
    found: Counter[tuple[str, str]] = Counter()
    for labels, value in _SERIES.findall(running.operations("/metrics").text):
        told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found[told["mode"], told["outcome"]] += int(float(value))
    return {key: value for key, value in found.items() if value}


def test_decisions_and_counts_agree_with_the_log_and_the_metrics(live: Live, alone: Service, seq: int) -> None:
    unselected = review("driver", "etl", "unselected")
    unselected["request"]["object"]["metadata"]["labels"] = {}
    with alone.client() as client:
        send(client, application("etl", "nightly", 4))
        send(client, [review("executor", "etl", "none", **{names.MODE_ANNOTATION: "none"})])
        send(client, [review("driver", "reports", "unknown", **{names.MODE_ANNOTATION: "by chance"})])
        send(client, [unselected])
    live.shows(seq + 8)
    rows = live.rows()
    logged = alone.admissions(seq + 8)
    assert [row.number for row in rows] == list(range(seq + 8, 0, -1))
    keys = ("namespace", "application", "role", "mode", "outcome", "reason", "duration_us")
    assert [list(row[1:]) for row in reversed(rows)] == [[line.get(key, NONE) for key in keys] for line in logged]
    table = live.table("Admissions")
    assert {(mode, outcome): int(total) for mode, outcome, _, total in table} == {
        (mode or "none", outcome): count for (mode, outcome), count in _by_mode_and_outcome(alone).items()
    }
    assert live.facts("This replica")["Admissions"].startswith(f"{seq + 8} in all, ")


def test_the_latency_is_that_of_the_decisions(live: Live, alone: Service, seq: int) -> None:
    with alone.client() as client:
        send(client, application("etl", "nightly", 9))
    live.shows(seq + 10)
    durations = [int(line["duration_us"]) for line in alone.admissions(seq + 10)]
    half, nine, nearly_all, slowest = (_microseconds(one) for one in live.facts("Latency").values())
    assert half in durations
    assert half <= nine <= nearly_all <= slowest <= max(durations)


def _microseconds(shown: str) -> int:
    assert shown.endswith(" µs")
    return int(shown.removesuffix(" µs").replace(",", ""))


def test_warnings_are_counted_by_reason(live: Live, alone: Service, seq: int) -> None:
    with alone.client() as client:
        send(client, [review("driver", "reports", "unknown", **{names.MODE_ANNOTATION: "by chance"})] * 3)
    live.shows(seq + 3)
    ((reason, minute, total),) = live.table("Warnings")
    assert alone.metric(f'warnings_total{{reason="{reason}"}}') == int(total) >= 3
    assert float(minute) > 0


def test_the_replica_tells_its_policy_and_its_certificate(live: Live) -> None:
    expect(live.tab.role("region", "This replica").locator("dd").nth(1)).to_have_text(re.compile(r"[0-9,.]+ days left"))
    facts = live.facts("This replica")
    assert list(facts) == ["Policy", "Certificate", "Up for", "Admissions"]
    assert facts["Policy"] == Policy().digest


def test_the_filter_shows_the_decisions_with_a_word(live: Live, alone: Service, seq: int) -> None:
    with alone.client() as client:
        send(client, application("etl", "nightly"))
        send(client, application("reports", "weekly"))
        live.shows(seq + 6)
        live.filter.press_sequentially("  WEEK")
        assert [row.number for row in live.rows()] == [seq + 6, seq + 5, seq + 4]
        expect(live.page.locator("#shown")).to_have_text(f"3 of {seq + 6} decisions")
        send(client, application("etl", "other"))
        send(client, application("etl", "weekly-2", 0))
        live.shows(seq + 10)
    assert {row.application for row in live.rows()} == {"weekly", "weekly-2"}
    live.filter.fill("nothing like this")
    assert live.rows() == []
    live.filter.clear()
    assert [row.number for row in live.rows()] == list(range(seq + 10, 0, -1))


def test_a_pause_holds_what_is_read_and_then_shows_what_came(live: Live, alone: Service, seq: int) -> None:
    button = live.tab.role("button", "Pause")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    resume = live.tab.role("button", "Resume")
    expect(resume).to_have_attribute("aria-pressed", "true")
    expect(live.connection).to_have_text("Paused; 0 new decisions")
    with alone.client() as client:
        send(client, application("etl", "meanwhile", 0))
        expect(live.connection).to_have_text("Paused; 1 new decision")
        send(client, application("etl", "meanwhile"))
        expect(live.connection).to_have_text("Paused; 4 new decisions")
    assert live.newest == seq
    live.filter.fill("etl")
    assert live.newest == seq
    live.filter.clear()
    resume.click()
    live.connected()
    assert [row.number for row in live.rows()] == list(range(seq + 4, 0, -1))


def test_what_one_reads_stays_while_more_comes(live: Live, alone: Service, seq: int) -> None:
    """Else nobody could copy a name, and a screen reader would lose its place each second."""
    name = live.decisions.locator(f"[data-seq='{seq}'] td:nth-child(3)")
    name.evaluate("one => getSelection().selectAllChildren(one)")
    chosen = name.text_content()
    mode = live.tab.role("table", "Admissions").locator("tbody td").first.element_handle()
    with alone.client() as client:
        send(client, application("etl", "meanwhile"))
    live.shows(seq + 3)
    assert live.page.evaluate("getSelection().toString()") == chosen
    assert mode.evaluate("one => one.isConnected")


HOSTILE = (
    '<img src=x onerror="globalThis.owned = 1">',
    "</script><script>globalThis.owned = 1</script>",
    "javascript:owned=1",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_never_markup(live: Live, alone: Service, seq: int, text: str) -> None:
    with alone.client() as client:
        send(client, [review("driver", text, text)])
    live.shows(seq + 1)
    row = live.rows()[0]
    assert (row.namespace, row.application) == (text, text)
    assert live.page.evaluate("globalThis.owned") is None
    assert live.page.locator("main img, main script, main a[href^='javascript']").count() == 0


def test_nobody_listens_to_a_view_that_is_not_shown(live: Live) -> None:
    """A browser holds few connections to one address, and a hidden view needs none."""
    with live.page.expect_event("requestfailed", lambda one: one.url.endswith("/live")):
        live.tab.role("link", "Playground").click()
    expect(live.tab.role("combobox", "Example")).to_be_visible()
    expect(live.connection).to_be_hidden()
    live.tab.role("link", "Live").click()
    live.connected()


def test_only_the_last_200_decisions_are_kept(live: Live, alone: Service, browser: Browser, seq: int) -> None:
    with alone.client() as client:
        for number in (1, 2, 3):
            send(client, application("etl", "large", 79))
            live.shows(seq + 80 * number)
    wanted = seq + 240
    assert [row.number for row in live.rows()] == list(range(wanted, wanted - 200, -1))
    with tab(browser, alone.page) as later:
        second = Live(later)
        second.open()
        assert second.rows() == live.rows()
