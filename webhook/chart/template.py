"""The policy file that the chart's template makes of values.

Source: the template spark-eci-webhook.policy in templates/_helpers.tpl.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from webhook.chart.go_yaml import in_order, reaches_service
from webhook.core.modes import SchedulingMode
from webhook.core.selectors import Role
from webhook.service.policy_file import Fault, beginning, path_of

#: The mode whose pods wait for the overflow controller.
WAITING: Final = next(mode.value for mode in SchedulingMode if mode.waits)


def policy_document(values: Mapping[str, Any]) -> dict[str, Any]:
    """The policy (JSON-like) of values whose `policy` is a map. What is wrong in it stays as it is."""
    policy = values["policy"]
    found = {key: value for key, value in policy.items() if key not in ("selector", "profiles", "overflow")}
    if (selector := policy.get("selector")) is not None:
        found["selector"] = _selector(selector)
    overflow = values.get("overflow")
    enabled = isinstance(overflow, dict) and overflow.get("enabled") is True
    if enabled:
        found["overflow"] = {}
    if (profiles := policy.get("profiles")) is not None:
        found["profiles"] = _profiles(profiles, waiting=enabled)
    # The order of a JSON Patch is that of the policy.
    return dict(in_order(found))


def _selector(selector: Any) -> Any:
    """The selector without the one of both keys that does not count."""
    if not isinstance(selector, dict):
        return selector
    dropped = "matchLabels" if selector.get("anyOf") else "anyOf"
    return {key: value for key, value in selector.items() if key != dropped}


def _profiles(profiles: Any, *, waiting: bool) -> Any:
    """The profiles without those that are null, and if pods may wait with that of the mode, unless it is null."""
    if not isinstance(profiles, dict):
        return profiles
    found = {name: profile for name, profile in profiles.items() if profile is not None}
    if waiting and (WAITING in found or WAITING not in profiles):
        found[WAITING] = _waiting(found.get(WAITING, {}))
    return found


def _waiting(profile: Any) -> Any:
    """`profile` with the mode in each rule that has none."""
    if not isinstance(profile, dict):
        return profile
    rules = {role.value: profile.get(role.value, {}) for role in Role}
    return profile | {
        role: {"mode": WAITING} | rule if isinstance(rule, dict) else rule for role, rule in rules.items()
    }


def waits(profile: Mapping[str, Any]) -> bool:
    """Whether pods of a profile of the document may wait for the overflow controller."""
    rules = [profile.get(role.value, {}) for role in Role]
    choices = [one for rule in rules for one in (rule, rule.get("first", {}), *rule.get("mix", ()))]
    return any(one.get("mode") == WAITING for one in choices)


def misread(document: Any, place: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yields a fault for each text that the service does not read as it is from the chart's ConfigMap."""
    if isinstance(document, str) and not reaches_service(document):
        told = f"found {beginning(document)}, which does not reach the service unchanged; accepted: other text"
        yield Fault(place, f"{path_of(place)}: {told}")
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from misread(key, (*place, key))
            yield from misread(value, (*place, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from misread(value, (*place, index))
