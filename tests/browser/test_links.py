"""A link carries the texts to somebody else, past every server and log."""

import base64
import json
import zlib
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import Tab, tab
from tests.browser.playground import APPLICATION, POLICY, Playground
from tests.live_service import Service
from webhook.core.modes import SchedulingMode

pytestmark = pytest.mark.needs("chromium")

PROFILES = """\
profiles:
  default: {}
  Nächte & "Tage": # 夜
    driver: {mode: eci-only}
    executor: {mode: eci-only}
"""
DAMAGED = "The link is damaged; accepted: a link as “Copy link” makes it"
LACKING = "The link lacks a text; accepted: a link as “Copy link” makes it"
LARGE = "The link holds too much text; accepted: at most 1 MiB"


def link(value: Any) -> str:
    """The fragment of a link to `value`, made without the page."""
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    content = packed.compress(json.dumps(value).encode()) + packed.flush()
    return f"#v1={base64.urlsafe_b64encode(content).decode().rstrip('=')}"


def test_a_link_shows_the_same_to_somebody_else(playground: Playground, browser: Browser, served: Service) -> None:
    playground.replace(POLICY, PROFILES.replace('Nächte & "Tage"', "night"))
    with playground.explaining():
        playground.profile.select_option("night")
    playground.replace(APPLICATION, f'{playground.text(APPLICATION)}\n# Nächte & "Tage" 夜 </script>\n')
    playground.tab.role("button", "Copy link").click()
    expect(playground.tab.role("status", "Announcement")).to_have_text("Copied link")
    copied = playground.clipboard()
    assert copied == playground.page.url
    assert copied.startswith(f"{served.page}/#v1=")
    with tab(browser, served.page) as other:
        theirs = Playground(other)
        theirs.open(copied.removeprefix(f"{served.page}/"))
        expect(theirs.page.locator(".mode").first).to_have_text(SchedulingMode.ECI_ONLY)
        assert theirs.texts() == playground.texts()
        assert theirs.cards() == playground.cards()
        assert theirs.asked().json() == playground.asked().json()
        secret = copied.partition("#v1=")[2]
        assert not any(secret in one.url or secret in (one.post_data or "") for one in other.requests)
        assert not any(secret in value for one in other.requests for value in one.all_headers().values())
        # The address is not that of another input.
        theirs.choose("Executors in a mix")
        assert other.page.url == f"{served.page}/#playground"
        assert (other.messages, other.strangers) == ([], [])
    assert secret not in served.log.read_text(encoding="utf-8")


def test_a_link_made_elsewhere_is_read(opened: Tab) -> None:
    wanted = {"documents": "kind: Pod\n", "policy": "{}\n", "profile": "none of these"}
    shown = Playground(opened)
    shown.open(link(wanted))
    expect(shown.profile).to_have_value("none of these")
    assert shown.texts() == tuple(wanted.values())


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        ("#v1=", DAMAGED),
        ("#v1=%%%", DAMAGED),
        ("#v1=AAAA", DAMAGED),
        (link({"documents": "a", "policy": "b", "profile": ""})[:-4], DAMAGED),
        (link("a word"), LACKING),
        (link(None), LACKING),
        (link({"documents": "a", "policy": 7, "profile": ""}), LACKING),
        (link({"documents": "a" * 2**21, "policy": "", "profile": ""}), LARGE),
        (link({"documents": "a" * 2**27, "policy": "", "profile": ""}), LARGE),
    ],
    ids=["empty", "no base64", "no deflate", "cut off", "a word", "nothing", "a number", "2 MiB", "128 MiB"],
)
def test_a_link_that_cannot_be_used_is_one_sentence(opened: Tab, fragment: str, sentence: str) -> None:
    shown = Playground(opened)
    opened.open(fragment)
    expect(shown.page.locator("#faults li")).to_have_text([sentence])
    shown.choose(shown.titles()[1])
    assert shown.sentences() == []
    assert shown.cards()


def test_a_link_that_is_pasted_into_the_same_tab_is_followed(playground: Playground) -> None:
    with playground.explaining():
        playground.page.evaluate(
            f"location.hash = {json.dumps(link({'documents': '# mine', 'policy': '', 'profile': ''}))}"
        )
    assert playground.texts() == ("# mine", "", "")
