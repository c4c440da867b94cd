"""What the page shows of one pod beside its part of the explanation."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from webhook.cli.explain import words
from webhook.cli.explain.documents import json_text
from webhook.cli.explain.text import pod_name
from webhook.cli.pod_text import diff, yaml_text
from webhook.core.modes import Side
from webhook.core.profile import CompiledProfile
from webhook.core.review import Request
from webhook.explain.explanation import PodExplanation, WorkloadExplanation
from webhook.explain.outcome import JSON, review_of
from webhook.explain.standing import Stance, standings
from webhook.playground.by_hand import RunningService, curl_line, curl_note
from webhook.playground.standing_sentences import NAMES, standing_sentence
from webhook.playground.text_lines import Place, TextLines
from webhook.spark.workloads import Refusal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the views of all pods of a request share."""

    policy: str
    """The digest of the policy."""
    any_profile: CompiledProfile
    """A profile of the policy, for what holds in all of them."""
    service: RunningService


def pod_view(
    one: WorkloadExplanation,
    pod: PodExplanation,
    around: Surroundings,
    line_of: Callable[[Refusal], int | None],
) -> JSON:
    """The view of `pod` of `one`, JSON-like. `line_of` gives the line of a refusal."""
    outcome = pod.outcome
    added, kept = words.added_and_kept(outcome)
    text = yaml_text(_plain(outcome.after))
    return {
        "name": pod_name(outcome),
        "state": words.state(pod),
        "added": added,
        "kept": kept,
        "refusals": [refusal_view(refusal, line_of) for refusal in pod.refused if refusal.role],
        "podText": text,
        "standings": _standings(pod, around.any_profile, TextLines(text)),
        "diff": [{"text": line, "kind": part.value} for line, part in diff(outcome.before, outcome.after)],
        "patch": json_text(json.loads(outcome.patch)),
        "review": json_text(_plain(review_of(one.workload, pod.pod))),
        "curl": curl_line(one, around.service),
        "curlNote": curl_note(one, pod, around.policy, around.service),
    }


def refusal_view(refusal: Refusal, line_of: Callable[[Refusal], int | None]) -> JSON:
    """A refusal, JSON-like, with the line of the field that it is about."""
    return {"sentence": words.refused(refusal), "line": line_of(refusal)}


def _plain(value: Any) -> Any:
    """`value` as the service reads it: without numbers that JSON does not have, and nothing of it shared."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _standings(pod: PodExplanation, profile: CompiledProfile, lines: TextLines) -> list[JSON]:
    """How the pod stands to both kinds of node, with the lines of its text that say so."""
    if why := "".join(_nowhere(pod)):
        return [
            {"side": NAMES[side], "standing": Stance.MAY_NOT.value, "because": [{"sentence": why, "line": None}]}
            for side in (Side.OTHERS, Side.VIRTUAL)
        ]
    decision = pod.outcome.decision
    found = standings(pod.outcome.after, profile, None if decision is None else decision.placement)
    places = [because.place for one in found for because in one.because if because.place is not None]
    at = dict(zip(places, lines.exact([Place(0, place) for place in places]), strict=True))
    return [
        {
            "side": NAMES[one.side],
            "standing": one.stance.value,
            "because": [
                {
                    "sentence": standing_sentence(one.side, because),
                    "line": None if because.place is None else at[because.place],
                }
                for because in one.because
            ],
        }
        for one in found
    ]


def _nowhere(pod: PodExplanation) -> Iterator[str]:
    """Yields a sentence if the pod is never made, so that it stands nowhere."""
    if pod.refused:
        yield "The pod is never made."
    elif pod.outcome.denied:
        yield "The webhook denies the pod, so it is never made."
    elif isinstance(pod.outcome.skipped, Request):
        yield f"No pod is made: {words.skipped(pod.outcome)}."
