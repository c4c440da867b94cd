"""Every example of the page is explained as the real command does."""

from pathlib import Path

import pytest

from tests.browser.commands import explained
from tests.browser.playground import Playground

pytestmark = pytest.mark.needs("chromium")


def test_the_cards_of_every_example_say_what_the_command_says(playground: Playground, tmp_path: Path) -> None:
    titles = playground.titles()
    assert len(titles) == len(set(titles))
    for title in titles:
        playground.choose(title)
        told = explained(playground.texts(), tmp_path)
        answer = playground.asked().json()
        assert (title, answer["explanation"]) == (title, told.explanation)
        (workload,) = told.explanation["workloads"]
        for card, pod, view in zip(playground.cards(), workload["pods"], answer["views"][0]["pods"], strict=True):
            assert card.title.lower() == f"{pod['title']} {pod['count']}".strip()
            assert card.mode == pod.get("mode", "")
            assert card.warnings == pod["warnings"]
            assert card.source.rstrip(".").lower() == pod.get("source", "").lower()
            assert card.reasons == view["added"] + view["kept"]
            assert len(view["added"]) == len(pod.get("changes", ()))
            assert len(view["kept"]) == len(pod.get("leftAlone", ()))
            if pod["fate"] != "never runs":
                assert card.standings == {one["side"]: one["standing"] for one in view["standings"]}
