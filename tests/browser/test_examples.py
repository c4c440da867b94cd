"""Every example of the page is explained as the real command does."""

import base64
import json
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.commands import explained, shown
from tests.browser.playground import POLICY, Card, Playground
from tests.live_service import Service

pytestmark = pytest.mark.needs("chromium")


def test_the_cards_of_every_example_say_what_the_command_says(playground: Playground, tmp_path: Path) -> None:
    titles = playground.titles()
    assert len(titles) == len(set(titles))
    for title in titles:
        playground.choose(title)
        told = explained(playground.texts(), tmp_path)
        answer = playground.asked().json()
        assert (title, answer["explanation"], told.sentences) == (title, told.explanation, [])
        (workload,), (view,) = told.explanation["workloads"], answer["views"]
        for card, pod, its_view in zip(playground.cards(), workload["pods"], view["pods"], strict=True):
            _compare(card, pod, its_view)
        refusals = playground.page.locator("#workload-view > .workload > .listed ul.refusal li").all_text_contents()
        assert refusals == [f"Line {one['line']}: {one['sentence']}" for one in view["refusals"]]
        for told_of, refusal in zip(workload["refused"], refusals, strict=True):
            assert f"{told_of['sentence']}; accepted: {told_of['accepted']}" in refusal
        assert shown(playground.by_hand.locator("code").first.inner_text(), tmp_path) == told


def _compare(card: Card, pod: dict[str, Any], view: dict[str, Any]) -> None:
    """The card shows what the command says of a pod, `pod`, and what the page says beside it, `view`."""
    count = pod["count"]
    several = f" \N{MULTIPLICATION SIGN} {count}" if count.isdigit() else f", {count}"
    assert card.title.lower() == pod["title"] + (several if count else "")
    assert card.mode == pod.get("mode", "")
    assert card.warnings == pod["warnings"]
    assert card.source.rstrip(".").lower() == pod.get("source", "").lower()
    assert card.state == ("" if view["state"] == pod.get("mode") else view["state"])
    assert card.reasons == view["added"] + view["kept"]
    assert len(view["added"]) == len(pod.get("changes", ()))
    assert len(view["kept"]) == len(pod.get("leftAlone", ()))
    standings = {one["side"]: one["standing"] for one in view["standings"]}
    assert card.standings == ({} if pod["fate"] == "never runs" else standings)


def test_every_text_of_a_card_can_be_copied(playground: Playground) -> None:
    (driver, *_) = playground.asked().json()["views"][0]["pods"]
    diff = "\n".join(one["text"] for one in driver["diff"])
    wanted = [
        ("diff", "Diff", diff),
        ("patch", "JSON Patch", driver["patch"]),
        ("review", "AdmissionReview", driver["review"]),
        ("pod", "Pod", driver["podText"]),
    ]
    card = playground.card("Driver")
    for name, title, text in wanted:
        button = card.get_by_role("button", name=f"Copy {name}", exact=True)
        if not button.is_visible():
            card.get_by_text(title, exact=True).click()
        button.click()
        expect(playground.tab.role("status", "Announcement")).to_have_text(f"Copied {name}")
        assert playground.clipboard() == text
    answer = playground.asked().json()
    for name, text in {"explain": answer["command"], "curl": driver["curl"]}.items():
        playground.by_hand.get_by_role("button", name=f"Copy {name}", exact=True).click()
        expect(playground.tab.role("status", "Announcement")).to_have_text(f"Copied {name}")
        assert playground.clipboard() == text


def test_the_review_that_is_shown_gets_the_patch_that_is_shown(playground: Playground, served: Service) -> None:
    """Of the service's own policy."""
    playground.replace(POLICY, httpx.get(f"{served.page}/start", timeout=60).json()["policy"]["text"])
    for pod in playground.asked().json()["views"][0]["pods"]:
        assert pod["curlNote"] == ""
        url = shlex.split(pod["curl"])[-1]
        assert url.startswith(f"{served.url}/mutate/")
        with served.client() as client:
            answer = client.post(url, content=pod["review"]).json()["response"]
        assert json.loads(base64.b64decode(answer["patch"])) == json.loads(pod["patch"])


def test_a_reason_leads_to_its_line_of_the_pod(playground: Playground) -> None:
    """For every reason of every example that has a line."""
    followed = 0
    for title in playground.titles():
        playground.choose(title)
        views = playground.asked().json()["views"][0]["pods"]
        for card, view in zip(playground.page.locator("#workload-view section").all(), views, strict=True):
            lines = [one["line"] for side in view["standings"] for one in side["because"] if one["line"]]
            buttons = card.locator("figure button").all()
            if not buttons:
                continue
            assert len(buttons) == len(lines)
            for button, line in zip(buttons, lines, strict=True):
                button.click()
                marked = card.locator(".numbered.marked")
                assert marked.all_text_contents() == [f"{view['podText'].splitlines()[line - 1]}\n"]
                expect(marked).to_be_in_viewport()
                followed += 1
    assert followed
