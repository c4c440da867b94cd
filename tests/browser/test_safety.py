"""A document that somebody pastes is shown as text, and the page stays small and by itself."""

import itertools
import json
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from tests.browser.chromium import tab
from tests.browser.playground import APPLICATION, POLICY, Playground
from tests.live_service import Service

pytestmark = pytest.mark.needs("chromium")

#: Each sets a variable, if it is taken for more than text.
HOSTILE = (
    '<img src=x onerror="globalThis.owned = 1">',
    "</script><script>globalThis.owned = 1</script>",
    "javascript:globalThis.owned=1",
    "\"'><svg onload=globalThis.owned=1>",
    "{{constructor.constructor('globalThis.owned = 1')()}}",
)
#: Paths at which an application or pod has texts of its author.
PLACES = (
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "labels", "a"),
    ("spec", "image"),
    ("spec", "type"),
    ("spec", "sparkVersion"),
    ("spec", "mainClass"),
    ("spec", "nodeSelector", "disk"),
    ("spec", "driver", "labels", "a"),
    ("spec", "driver", "annotations", "spark-eci-webhook/mode"),
    ("spec", "executor", "annotations", "note"),
    ("spec", "executor", "instances"),
    ("spec", "sparkConf", "spark.kubernetes.executor.label.a"),
)
#: The first view may take so many bytes, with the headers of its answers.
MOST_BYTES = 200_000


def _with(document: Any, path: tuple[str, ...], text: str) -> str:
    """`document` with `text` at `path`, and with a key of that text beside it."""
    changed = json.loads(json.dumps(document))
    part = changed
    for key in path[:-1]:
        part = part.setdefault(key, {})
    part[path[-1]] = text
    part[text] = text
    return yaml.safe_dump(changed, sort_keys=False)


def _owned(playground: Playground) -> tuple[object, int]:
    """What a script of a document has left, and how many elements there are that only a document could have made."""
    made = playground.page.locator(
        "main img, main script, main iframe, main object, main [onload], main [href^=javascript]"
    )
    return playground.page.evaluate("globalThis.owned ?? null"), made.count()


def test_no_field_of_an_application_is_markup(playground: Playground) -> None:
    document = yaml.safe_load(playground.text(APPLICATION))
    shown = 0
    for path, text in zip(PLACES, itertools.cycle(HOSTILE), strict=False):
        playground.set(APPLICATION, _with(document, path, text))
        assert (path, _owned(playground)) == (path, (None, 0))
        shown += text in (playground.page.locator(".results").text_content() or "")
    assert shown > len(PLACES) / 2
    # At all places at once: what is wrong with each is told in a list, and the rest can be chosen.
    for text in HOSTILE:
        playground.set(APPLICATION, "---\n".join(_with(document, path, text) for path in PLACES))
        for index in range(playground.workload.locator("option").count()):
            playground.workload.select_option(index=index)
        assert (text, _owned(playground)) == (text, (None, 0))


def test_no_field_of_a_policy_is_markup(playground: Playground) -> None:
    named = {f"a{index}": text for index, text in enumerate(HOSTILE)}
    driver, executor, *_ = HOSTILE
    policies: list[Any] = [
        dict.fromkeys(HOSTILE, "a"),
        {"profiles": {"default": {"driver": {"mode": driver}, "executor": {"mode": executor}}}},
        {"profiles": {"default": {}} | {text: {} for text in HOSTILE}},
        {"profiles": {"default": {"always": {"annotations": named}, "eci": {"annotations": named}}}},
        {"profiles": {"default": {"always": {"labels": named}}}},
        {"virtualNode": {"taint": {"key": driver, "value": executor}}},
    ]
    for policy in [*map(yaml.safe_dump, policies), *(f"{text}: [" for text in HOSTILE)]:
        playground.set(POLICY, policy)
        assert (policy, _owned(playground)) == (policy, (None, 0))


def test_what_takes_too_much_is_refused_in_a_sentence_and_the_next_question_is_answered(playground: Playground) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [*{last}, *{last}]\n"
        for last, name in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True)
    )
    texts = {
        "aliases within aliases": bomb,
        "a million aliases": "a: &a x\nb: [" + "*a," * 300_000 + "]",
        "a deep list": "[" * 200_000,
        "one long line": "x" * 1_000_000,
    }
    for name, text in texts.items():
        playground.set(APPLICATION, text)
        assert playground.cards() == [], name
        assert len(playground.sentences()) == 1, name
    playground.choose(playground.titles()[1])
    assert (playground.sentences(), len(playground.cards())) == ([], 2)
    playground.tab.forgive(r"error: Failed to load resource: .* 50[47] .*")


def test_the_first_view_is_small(browser: Browser, served: Service) -> None:
    with tab(browser, served.page) as opened:
        session = opened.page.context.new_cdp_session(opened.page)
        session.send("Network.enable")
        sizes: list[float] = []
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        Playground(opened).open()
        opened.page.wait_for_load_state("networkidle")
        assert len(sizes) == len(opened.requests)
        assert 20_000 < sum(sizes) < MOST_BYTES
        for one in opened.requests:
            answer = one.response()
            assert answer is not None
            compressed = answer.header_value("content-encoding") == "gzip"
            assert compressed == one.url.endswith((".js", ".css", ".svg", f"{served.page}/")), one.url


def test_the_page_keeps_nothing_in_the_browser(playground: Playground) -> None:
    playground.tab.role("button", "Copy link").click()
    stored = playground.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
    assert stored == ["", 0, 0]
    assert playground.page.context.cookies() == []


def test_no_other_page_may_frame_this_one(browser: Browser, served: Service) -> None:
    with tab(browser, served.page) as other:
        other.page.set_content(f"<iframe src='{served.page}/'></iframe>")
        other.hear("frame")
        (_, frame) = other.page.frames
        assert frame.url == "chrome-error://chromewebdata/"
