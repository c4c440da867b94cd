"""The glossary is sorted, has each term once, and knows the words of the code."""

import re

from tests.live_service import ROOT
from webhook.core.modes import SchedulingMode
from webhook.core.selectors import Alternative

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^\| (?!term|-)(.+?) \|", PAGE, re.MULTILINE)


def test_it_is_sorted_and_has_each_term_once() -> None:
    plain = [term.strip("`").lower() for term in TERMS]
    assert plain == sorted(set(plain))


def test_every_mode_and_every_kind_of_pod_is_in_it() -> None:
    for word in (*SchedulingMode, *Alternative):
        assert f"`{word}`" in PAGE
