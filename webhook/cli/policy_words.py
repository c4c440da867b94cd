"""Words for what a policy says, without what it adds to pods."""

from collections.abc import Iterator

from webhook.core.distribution import WHOLE
from webhook.core.pod_metadata import Additions
from webhook.core.policy import Profile
from webhook.core.rules import ExecutorRule, Rule, Unplaceable
from webhook.core.selectors import Role
from webhook.core.virtual_node import Taint


def of_profile(profile: Profile) -> Iterator[str]:
    """One line for each thing that a profile says for both roles."""
    yield f"override {'allowed' if profile.allow_override else 'refused'}"
    limits = profile.overflow
    for limit, whole in ((limits.max_per_application, "application"), (limits.max_per_namespace, "namespace")):
        if limit is not None:
            yield f"opens {limit} per {whole}"


def parts(rule: Rule) -> Iterator[tuple[str, Rule, Additions]]:
    """The rule for each of its modes, with the name of its pods and what is added to them."""
    if not isinstance(rule, ExecutorRule):
        yield Role.DRIVER.value, rule, rule.additions
        return
    names: dict[tuple[str | int, ...], str] = {
        ("mix", index): f"{Role.EXECUTOR}, {share.percent} %" for index, share in enumerate(rule.mix)
    }
    if rule.first is not None:
        names["first",] = f"{Role.EXECUTOR}, first {rule.first.count}"
    if rule.mix:
        names[()] = f"{Role.EXECUTOR}, without a number"
    for one in rule.variants():
        changed = {"mode": one.mode, "after": one.after}
        yield names.get(one.place, Role.EXECUTOR.value), rule.model_copy(update=changed), one.additions


def mode_words(rule: Rule) -> list[str]:
    """The mode of a rule, and what limits it."""
    lines = [rule.mode.value]
    if rule.mode.waits:
        lines.append(f"opened to ECI after {rule.after}")
    if rule.rollout < WHOLE:
        lines.append(f"for {rule.rollout} % of applications")
    if rule.observe:
        lines.append("observed, not changed")
    if rule.unplaceable is Unplaceable.DENY:
        lines.append("denied if unplaceable")
    return lines


def taint_words(taint: Taint) -> str:
    """A taint as `KEY=VALUE:EFFECT`, or `KEY:EFFECT` if it may have any value."""
    return f"{taint.key}{'' if taint.value is None else '=' + taint.value}:{taint.effect}"
