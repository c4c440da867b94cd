"""Checks that an application is placed as before by what Spark makes of it and the service answers. A complaint is a sentence."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.adopt.fleet import Drawn
from tests.adopt.service_answers import SEVERITY, Answered, Service, equal
from tests.adopt.spark_pods import Made

JSON = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """An application as it was and as it is, with its pods, the service's answers, and what adopt told of it."""

    drawn: Drawn
    made: tuple[Made, Made]
    answers: tuple[list[Answered], list[Answered]]
    told: tuple[JSON, JSON]

    @classmethod
    def by(cls, service: Service, drawn: Drawn, made: tuple[Made, Made], told: tuple[JSON, JSON]) -> "Judged":
        """The answers of `service` to the pods of `drawn`."""
        before, after = (service.answers(one, drawn.profile) for one in made)
        return cls(drawn, made, (before, after), told)


def placed_alike(judged: Judged) -> Iterator[str]:
    """Whether the service makes the same pods of those before and after, by the same verdicts."""
    old, new = judged.made
    if (old.pods.keys(), old.executors, old.never) != (new.pods.keys(), new.executors, new.never):
        yield "Spark makes other pods, or refuses others"
        return
    for before, after in zip(*judged.answers, strict=True):
        if not equal(before.after, after.after):
            yield f"{before.title}: another pod after the webhook"
        if (before.mode, before.reason) != (after.mode, after.reason):
            yield f"{before.title}: was {before.mode} {before.reason}, and is {after.mode} {after.reason}"


def given_what_it_has(judged: Judged) -> Iterator[str]:
    """Whether pods of which adopt says `same` were, without the webhook, what they are with it after the cuts."""
    verdicts = _worst(judged.told[0]["pods"])
    for before, after in zip(*judged.answers, strict=True):
        if before.own and verdicts.get(before.title) == "same" and not equal(before.before, after.after):
            yield f"{before.title}: it is said to be given what it has, but was another pod"


def told_rightly(judged: Judged) -> Iterator[str]:
    """Whether both reports say what follows from Spark's pods and the service's answers."""
    for told, answers, run in zip(judged.told, judged.answers, ("first", "second"), strict=True):
        pods = [one for one in told["pods"] if one["fate"] != "never runs"]
        for field, expected, found in (
            ("verdict", _worst(answers), _worst(pods)),
            ("own placement", {(one.title, one.own) for one in answers}, _facts(pods, "ownPlacement")),
            ("decision", {(one.title, one.mode, one.reason) for one in answers}, _facts(pods, "mode", "reason")),
            ("profile", judged.drawn.profile, told["profile"]),
            ("verdict", _worst_of([one.verdict for one in answers]), told["verdict"]),
        ):
            if expected != found:
                yield f"{run} run: {field} is {expected}, but adopt says {found}"


def settled(judged: Judged) -> Iterator[str]:
    """Whether the second verdict is the first one, or `same` of an application that has lost what was changed."""
    first, second = judged.told
    changed = {one["title"] for one in first["pods"] if one["verdict"] == "changes"}
    kept = any(one["ownPlacement"] for one in second["pods"] if one["title"] in changed)
    expected = "same" if first["verdict"] == "changes" and not kept else first["verdict"]
    if second["verdict"] != expected:
        yield f"was {first['verdict']}, and is {second['verdict']} instead of {expected}"
    if second["cuts"]:
        yield "there is more to cut"


CHECKS: Final[tuple[Callable[[Judged], Iterator[str]], ...]] = (placed_alike, given_what_it_has, told_rightly, settled)


def _worst(pods: Sequence[JSON | Answered]) -> dict[str, str]:
    """The worst verdict for each title."""
    found: dict[str, str] = {}
    for one in pods:
        title, verdict = (one.title, one.verdict) if isinstance(one, Answered) else (one["title"], one["verdict"])
        found[title] = _worst_of([found.get(title, "same"), verdict])
    return found


def _worst_of(verdicts: Sequence[str]) -> str:
    return max(verdicts, key=SEVERITY.__getitem__, default="same")


def _facts(pods: Sequence[JSON], *fields: str) -> set[tuple[Any, ...]]:
    return {(one["title"], *(one[field] for field in fields)) for one in pods}
