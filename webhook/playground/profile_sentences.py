"""What each profile of a policy means, in sentences."""

from collections.abc import Iterator
from typing import Any

from webhook.cli.policy_words import mode_words, of_profile, parts
from webhook.core.pod_metadata import Additions
from webhook.core.policy import Policy, Profile
from webhook.core.rules import Rule
from webhook.core.text import listed, one_line


def profiles(policy: Policy) -> list[dict[str, Any]]:
    """Each profile with its name and its sentences, JSON-like."""
    return [{"name": name, "sentences": list(_sentences(profile))} for name, profile in policy.profiles.items()]


def _sentences(profile: Profile) -> Iterator[str]:
    for who, rule, additions in (*parts(profile.driver), *parts(profile.executor)):
        yield f"{_capitalised(who)}: {', '.join(mode_words(rule))}. {rule.mode.sentence}"
        if added := list(_additions(rule, additions)):
            yield listed(f"{_capitalised(who)} gets ", added) + "."
    for line in of_profile(profile):
        yield f"{_capitalised(line)}."


def _additions(rule: Rule, additions: Additions) -> Iterator[str]:
    """The labels and annotations that a policy itself names for pods, with those for ECI only if it is open."""
    for metadata in (additions.always, additions) if rule.mode.opens_eci else (additions.always,):
        for kind, entries in (("label", metadata.labels), ("annotation", metadata.annotations)):
            for key, value in entries.items():
                yield one_line(f"the {kind} {key}={value}")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
