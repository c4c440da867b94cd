"""What somebody wrote who wanted what a profile says: all of it, nearly all, something else, or nothing."""

import random
from typing import Final

from tests.adopt.own_rules import OWN
from tests.adopt.placements import (
    CACHE,
    ELSEWHERE,
    JSON,
    MODES,
    NEW_CACHE,
    ON_ECI,
    ON_ECS,
    OTHER_SNAPSHOT_ID,
    OTHER_TOLERATIONS,
    PREFERS,
    REQUIRES,
    SNAPSHOT,
    SNAPSHOT_ID,
    TOLERATES,
    TOLERATION,
    UNWRITTEN,
    ByHand,
    preference,
)


def by_hand(rule: JSON, draw: random.Random) -> ByHand:
    """What somebody wrote who wanted what `rule` of a policy says, or something else."""
    found = ByHand()
    mode = rule["mode"] if rule.get("mix") is None else draw.choice(rule["mix"])["mode"]
    intent = draw.choices(("same", "nearly", "other", "bare"), (55, 17, 10, 18))[0]
    if intent == "other":
        mode = draw.choice([one for one in MODES if one != rule["mode"]])
    found.facts.append(f"{intent} {mode}" if intent != "bare" else "bare")
    if intent != "bare":
        _place(found, mode, rule if intent != "other" else {"mode": mode}, draw)
    if intent == "nearly":
        _vary(found, mode, draw)
    if draw.random() < 0.3:
        for name in draw.sample(sorted(OWN), draw.choice((1, 1, 2))):
            OWN[name](found, draw)
            found.facts.append(f"own {name}")
    return found


def _place(found: ByHand, mode: str, rule: JSON, draw: random.Random) -> None:
    """What `mode` means, written out, with all that `rule` adds."""
    always = rule.get("always", {})
    found.annotations |= always.get("annotations", {})
    found.labels |= always.get("labels", {})
    if mode in UNWRITTEN:
        return
    if mode in TOLERATES:
        found.tolerations.append(dict(TOLERATION))
    if mode in REQUIRES:
        found.require(REQUIRES[mode])
    if mode in PREFERS:
        found.preferred.append(preference(PREFERS[mode], rule.get("weight", 1)))
    found.annotations |= rule.get("annotations", {})
    found.labels |= rule.get("labels", {})
    snapshots = rule.get("imageCache", {}).get("snapshots")
    if draw.random() < 0.8:
        found.annotations |= {SNAPSHOT: SNAPSHOT_ID} if snapshots else {CACHE: "true"}
    else:
        found.facts.append("no image cache")


def _vary(found: ByHand, mode: str, draw: random.Random) -> None:
    """Something of `found` in other words, twice, or left out."""
    name = draw.choice((*sorted(_VARIED), "another spelling", "another spelling", "a second spelling"))
    found.facts.append(name)
    _VARIED[name](found, mode, draw)


def _other_toleration(found: ByHand, mode: str, draw: random.Random) -> None:
    name = draw.choice(sorted(OTHER_TOLERATIONS))
    found.facts.append(name)
    found.tolerations = [dict(OTHER_TOLERATIONS[name])]
    if mode in UNWRITTEN and draw.random() < 0.5:
        found.require(ON_ECS)


def _second_toleration(found: ByHand, _: str, draw: random.Random) -> None:
    other = draw.choice(sorted(OTHER_TOLERATIONS))
    found.facts.append(other)
    found.tolerations = [*found.tolerations, dict(OTHER_TOLERATIONS[other])]
    draw.shuffle(found.tolerations)


def _twice(found: ByHand, _: str, __: random.Random) -> None:
    found.tolerations = [*found.tolerations, *map(dict, found.tolerations)] or [dict(TOLERATION)]


def _no_toleration(found: ByHand, _: str, __: random.Random) -> None:
    found.tolerations = []


def _elsewhere(found: ByHand, _: str, __: random.Random) -> None:
    found.tolerations.append(dict(ELSEWHERE))


def _no_affinity(found: ByHand, _: str, __: random.Random) -> None:
    found.terms, found.preferred = [], []


def _weight(found: ByHand, _: str, draw: random.Random) -> None:
    found.preferred = [{**one, "weight": draw.choice((50, 100))} for one in found.preferred]


def _selector(found: ByHand, _: str, __: random.Random) -> None:
    found.terms = []
    found.selector["type"] = "virtual-kubelet"


def _more_values(found: ByHand, _: str, __: random.Random) -> None:
    found.terms = [[{**ON_ECI, "values": ["virtual-kubelet", "eci"]}]]


def _exists(found: ByHand, _: str, __: random.Random) -> None:
    found.terms = [[{"key": "type", "operator": "Exists"}]]


def _new_cache(found: ByHand, _: str, __: random.Random) -> None:
    found.annotations.pop(CACHE, None)
    found.annotations |= NEW_CACHE


def _own_snapshot(found: ByHand, _: str, __: random.Random) -> None:
    found.annotations[SNAPSHOT] = OTHER_SNAPSHOT_ID


def _cache_off(found: ByHand, _: str, __: random.Random) -> None:
    found.annotations[CACHE] = "false"


def _own_value(found: ByHand, _: str, __: random.Random) -> None:
    found.annotations["k8s.aliyun.com/eci-use-specs"] = "4-8Gi"


_VARIED: Final = {
    "another spelling": _other_toleration,
    "a second spelling": _second_toleration,
    "tolerations twice": _twice,
    "no toleration": _no_toleration,
    "another cloud": _elsewhere,
    "no affinity": _no_affinity,
    "another weight": _weight,
    "a nodeSelector instead": _selector,
    "more values": _more_values,
    "Exists instead of In": _exists,
    "the new name of the cache": _new_cache,
    "an image cache of its own": _own_snapshot,
    "no image cache by value": _cache_off,
    "specs of its own": _own_value,
}
