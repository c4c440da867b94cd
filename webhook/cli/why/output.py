"""An answer of `why` as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from webhook.cli.doctor.finding import Unknown
from webhook.cli.explain.documents import json_text
from webhook.cli.styled_lines import StyledLines
from webhook.cli.terminal import console
from webhook.cli.why import words
from webhook.cli.why.headline import headline
from webhook.cli.why.judgement import Answer
from webhook.cli.why.location import Standing
from webhook.cli.why.phrases import missing
from webhook.cli.why.remedies import remedies

_WIDTH: Final = 8
_STYLES: Final = {"change": "cyan", "event": "dim"}


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Prints an answer as text, or everything of it as JSON."""
    if as_json:
        console.file.write(json_text(document(answer)))
        return
    told = StyledLines()
    told.line(f"{answer.namespace}/{answer.name}: {headline(answer)}", "bold")
    for label, sentence in lines(answer):
        told.line(f"{label:<{_WIDTH}}{sentence}", _STYLES.get(label, ""), indent=2)
    told.print()


def lines(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yields the lines after the first one, each with what it is about."""
    yield "record", words.recorded(answer)
    if sentence := words.deployed(answer):
        yield "policy", sentence
    if answer.waiting is not None:
        yield "wait", words.wait(answer.waiting, answer)
    if isinstance(answer.events, Unknown):
        yield "event", missing(answer.events)
    else:
        for one in answer.events:
            yield "event", words.event(one)
    for remedy in remedies(answer):
        yield "change", remedy


def document(answer: Answer) -> dict[str, Any]:
    """Everything of an answer, for programs."""
    where, deployed, record, waiting = answer.location, answer.deployed, answer.record, answer.waiting
    decision, events = answer.decision, answer.events
    return {
        "namespace": answer.namespace,
        "name": answer.name,
        "role": str(answer.role or ""),
        "where": {
            "state": where.standing.value,
            "phase": where.phase,
            "node": where.node,
            "virtual": where.virtual,
            "since": _time(where.since if where.standing is not Standing.ON_NODE else None),
            "reason": where.reason,
            "message": where.message,
            "gates": list(where.gates),
            "sentence": headline(answer),
        },
        "record": {
            "text": record.text if record else answer.foreign,
            "mode": record.mode if record else "",
            "profile": record.profile if record else "",
            "policy": record.policy if record else "",
            "reason": str((record and record.reason) or ""),
            "opened": bool(record and record.opened),
            "absent": str(answer.absence or ""),
            "sentence": words.recorded(answer),
        },
        "policy": {
            "comparison": deployed.comparison.value,
            "digest": deployed.digest,
            "profile": deployed.profile or "",
            "mode": decision.placement.mode if decision else "",
            "reason": str((decision and decision.placement.reason) or ""),
            "verdict": decision.placement.verdict.value if decision else "",
            "sentence": words.deployed(answer),
        },
        "wait": None
        if waiting is None
        else {
            "state": waiting.state.value,
            "since": _time(waiting.since),
            "after": "" if waiting.after is None else f"{waiting.after}s",
            "due": _time(waiting.due),
            "limit": waiting.limit,
            "most": waiting.most,
            "controller": waiting.holder,
            "controllerPolicy": waiting.holder_policy,
            "sentence": words.wait(waiting, answer),
        },
        "events": [] if isinstance(events, Unknown) else [asdict(one) for one in events],
        "unread": [missing(one) for one in _unread(answer)],
        "change": list(remedies(answer)),
    }


def _unread(answer: Answer) -> Iterator[Unknown]:
    """Yields what could not be read, each once."""
    waiting = answer.waiting.unread if answer.waiting else None
    events = answer.events if isinstance(answer.events, Unknown) else None
    deployed = answer.deployed
    parts = (answer.location.unread, deployed.unread, deployed.namespace_unread, waiting, events)
    yield from dict.fromkeys(one for one in parts if one is not None)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
