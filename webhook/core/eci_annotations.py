"""Rules for the annotations that ECI reads when it creates an instance (Alibaba Cloud: ECI pod annotations)."""

import re
from collections.abc import Mapping
from typing import Final

from webhook.core import names
from webhook.core.text import cut

#: The most characters of a value that a fault repeats.
_LONGEST: Final = 60
_SPEC: Final = re.compile(r"\d+(\.\d+)?-\d+(\.\d+)?Gi|ecs\.[a-z0-9-]+\.[a-z0-9-]+")
_QUANTITY: Final = re.compile(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE])?")
_PRICE: Final = re.compile(r"\d+(\.\d+)?")

#: Annotations with a fixed set of values.
_CHOICES: Final = {
    names.ECI_SPOT_STRATEGY: ("SpotAsPriceGo", "SpotWithPriceLimit"),
    names.ECI_SCHEDULE_STRATEGY: ("VSwitchOrdered", "VSwitchRandom"),
    names.ECI_FAIL_STRATEGY: ("fail-back", "fail-over", "fail-fast"),
}
#: Annotations that hold a list separated by commas, with the most entries that ECI accepts.
_LISTS: Final = {names.ECI_USE_SPECS: 5, names.ECI_VSWITCH: 10, names.ECI_SECURITY_GROUP: 5}
#: Annotations of which one needs the other.
PAIRED: Final = frozenset({names.ECI_SPOT_STRATEGY, names.ECI_SPOT_PRICE_LIMIT})
#: Annotations of ECI for which no rule is known.
_FREE: Final = frozenset(
    names.ECI_PREFIX + name
    for name in ("spot-duration", "spot-fallback", "ram-role-name", "with-eip", "resource-group-id")
)
KNOWN: Final = frozenset(
    {
        *_CHOICES,
        *_LISTS,
        *_FREE,
        names.ECI_SPOT_PRICE_LIMIT,
        names.ECI_EXTRA_EPHEMERAL_STORAGE,
        *names.IMAGE_CACHE_KEYS,
    },
)


def faults(annotations: Mapping[str, str]) -> list[str]:
    """A clause `KEY: found …; accepted: …` for each of `annotations` that ECI would refuse by itself."""
    found = []
    for key, value in annotations.items():
        accepted = _accepted(key, value)
        if accepted:
            found.append(f'{key}: found "{cut(value, _LONGEST)}"; accepted: {accepted}')
    return found


def unpaired(annotations: Mapping[str, str]) -> str | None:
    """What ECI would refuse or ignore for want of another annotation in `annotations`, all of a pod, as a clause."""
    limited = annotations.get(names.ECI_SPOT_STRATEGY) == "SpotWithPriceLimit"
    if limited and names.ECI_SPOT_PRICE_LIMIT not in annotations:
        return f'{names.ECI_SPOT_STRATEGY}: "SpotWithPriceLimit" needs {names.ECI_SPOT_PRICE_LIMIT}'
    if not limited and names.ECI_SPOT_PRICE_LIMIT in annotations:
        return f'{names.ECI_SPOT_PRICE_LIMIT}: needs {names.ECI_SPOT_STRATEGY}: "SpotWithPriceLimit"'
    return None


def _accepted(key: str, value: str) -> str | None:
    """What is accepted for `key`, if `value` is not accepted; None if it is."""
    if key in _CHOICES:
        return None if value in _CHOICES[key] else ", ".join(_CHOICES[key])
    if key in _LISTS:
        entries = [entry.strip() for entry in value.split(",")]
        if len(entries) > _LISTS[key] or not all(entries):
            return f"1 to {_LISTS[key]} entries separated by commas"
        if key == names.ECI_USE_SPECS and not all(map(_SPEC.fullmatch, entries)):
            return "specs such as 2-4Gi or ecs.c6.xlarge"
    if key == names.ECI_SPOT_PRICE_LIMIT and not _PRICE.fullmatch(value):
        return "a price such as 0.5"
    if key == names.ECI_EXTRA_EPHEMERAL_STORAGE and not _QUANTITY.fullmatch(value):
        return "a quantity such as 50Gi"
    return None
