"""The page with the process that really explains: pasted documents that want too much, and what comes after them."""

import httpx
import pytest

from tests.page.page_process import Page
from webhook.page.explainer import OUT_OF_MEMORY
from webhook.playground import process
from webhook.playground.examples import EXAMPLES

MIB = 1024 * 1024
LEVELS = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
HOSTILE = {
    "a million aliases": "a: &a [x]\nb: [" + "*a," * 1_000_000 + "]\n",
    "as many aliases as may come": "a: &a [x]\nb: [" + "*a," * 340_000 + "]\n",
    "a billion nodes": "a0: &a0 [x, x]\n" + "\n".join(LEVELS),
    "a line of 4 MiB": "kind: " + "x" * 4 * MIB,
    "the longest line that may come": "kind: " + "x" * (MIB - 10_000),
    "many levels": "[" * 500_000,
    "many documents": "---\n".join(f"kind: SparkApplication\nmetadata: {{name: a{one}}}\n" for one in range(15_000)),
    "many keys": "{" + ", ".join(f"a{key}: b" for key in range(60_000)) + "}",
    "many numbers": "a: [" + "1e999999999, 0x" + "f" * 100_000 + "]",
}


@pytest.mark.parametrize("place", ["documents", "policy"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_document_that_wants_too_much_ends_in_a_sentence_and_the_next_question_as_ever(
    running: Page, place: str, text: str
) -> None:
    example = EXAMPLES[0]
    before = running.explain(example.documents, example.policy, example.profile)
    assert before.json()["explanation"]["workloads"]
    answer = running.explain(**{"documents": example.documents, place: text})
    if len(text) > MIB:
        assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    elif answer.status_code == httpx.codes.OK:
        found = answer.json()
        assert found["faults"]
        assert {one["in"] for one in found["faults"]} == {place}
    else:
        assert answer.status_code in (httpx.codes.GATEWAY_TIMEOUT, httpx.codes.INSUFFICIENT_STORAGE)
        assert list(answer.json()) == ["error"]
    after = running.explain(example.documents, example.policy, example.profile)
    assert (after.status_code, after.content) == (httpx.codes.OK, before.content)


def test_both_processes_know_the_same_exit_code() -> None:
    assert process.OUT_OF_MEMORY == OUT_OF_MEMORY
