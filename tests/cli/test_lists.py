"""Lists that users are shown: none is cut inside an entry, however long it is."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.admission_reviews import review
from tests.cases import CASES, Case
from tests.cli.conftest import Run
from tests.quiet_logger import quiet_logger
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.review import answer
from webhook.core.text import LIMIT, listed
from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Metrics
from webhook.service.routes import admission_application

ENTRIES = st.text("abcdefghij-", min_size=1, max_size=30)
#: Invented names, more and longer than those of today's modes and profiles.
MADE_UP = [
    [*map(str, SchedulingMode), *(f"{word}-{number}" for number in range(count))]
    for word in ("anywhere", "a-mode-with-a-name-as-long-as-a-sentence")
    for count in (1, 2, 3, 40)
]


def shown(entries: list[str]) -> Iterator[str]:
    """All ways to show `entries`: all, then fewer and the number of the others, and finally only their number."""
    yield ", ".join(entries)
    for number in range(len(entries) - 1, 0, -1):
        yield ", ".join([*entries[:number], f"and {len(entries) - number} more"])
    yield f"{len(entries)} more"


def ends_whole(sentence: str, entries: list[str]) -> bool:
    return any(sentence.endswith(f": {text}") for text in shown(entries))


@given(entries=st.lists(ENTRIES, min_size=1, max_size=30), limit=st.integers(20, 300))
def test_as_many_entries_are_shown_as_fit(entries: list[str], limit: int) -> None:
    wanted = next(text for text in shown(entries) if len(f"one of: {text}") <= limit)
    assert listed("one of: ", entries, limit) == f"one of: {wanted}"


@pytest.mark.parametrize("modes", MADE_UP, ids=lambda modes: f"{len(modes)} {modes[-1]}")
def test_the_warning_of_an_unknown_mode_is_whole(modes: list[str]) -> None:
    profile = replace(compile_profile(Policy(), "default"), modes=dict.fromkeys(modes, SchedulingMode.ECS_ONLY))
    for asked in ("eci", "e" * 200):
        (pod,) = (case.pod for case in CASES if case.name == "mode-ecs-first-executor")
        metadata = pod["metadata"] | {"annotations": {"spark-eci-webhook/mode": asked}}
        (warning,) = answer(review(pod | {"metadata": metadata}), profile).admission.cautions
        assert ends_whole(warning.sentence, [*modes, "none"]), warning
        assert len(warning.sentence) <= LIMIT


@pytest.mark.parametrize("profiles", MADE_UP, ids=lambda profiles: f"{len(profiles)} {profiles[-1]}")
def test_every_sentence_that_lists_the_profiles_is_whole(profiles: list[str], run: Run, tmp_path: Path) -> None:
    policy = Policy.model_validate({"profiles": {name: {} for name in profiles}})
    metrics = Metrics("")
    logger = quiet_logger()
    log = AdmissionLog(logger, 1, metrics.log_lines_dropped.inc)
    application = admission_application(policy, 2**20, metrics, log, logger)

    async def answered(path: str) -> Any:
        body = review({"metadata": {}, "spec": {}})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="https://service") as client:
            return (await client.post(path, content=body)).json()

    sentences = [asyncio.run(answered("/mutate/unknown"))["error"]]
    sentences += asyncio.run(answered("/unknown-profile"))["response"]["warnings"]

    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"profiles": {name: {} for name in profiles}}, sort_keys=False))
    pod = "tests/cli/pods/node-name-set.yaml"
    sentences.append(run("explain", "-f", pod, "--policy", file, "--profile", "unknown").err.removesuffix("\n"))
    sentences.append(run("diff", file, file, "-f", pod, "--profile", "unknown").err.removesuffix("\n"))
    for sentence in sentences:
        assert ends_whole(sentence, profiles), sentence


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_warning_of_a_case_is_cut(case: Case) -> None:
    assert [one for one in case.warnings if one.endswith("…")] == []
