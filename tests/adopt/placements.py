"""Placement as people write it by hand, and what else they say about where their pods run."""

import random
from dataclasses import dataclass, field
from typing import Any, Final

from webhook.core.modes import SchedulingMode, Side

JSON = dict[str, Any]

TAINT: Final = "virtual-kubelet.io/provider"
TOLERATION: Final = {"key": TAINT, "operator": "Equal", "value": "alibabacloud", "effect": "NoSchedule"}
#: Tolerations that tolerate the same taint in other words.
OTHER_TOLERATIONS: Final[dict[str, JSON]] = {
    "Exists": {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"},
    "Exists without effect": {"key": TAINT, "operator": "Exists"},
    "without effect": {"key": TAINT, "operator": "Equal", "value": "alibabacloud"},
    "without operator": {"key": TAINT, "value": "alibabacloud", "effect": "NoSchedule"},
    "everything": {"operator": "Exists"},
}
#: A toleration of another cloud's virtual node, which tolerates nothing here.
ELSEWHERE: Final = {"key": TAINT, "operator": "Equal", "value": "azure", "effect": "NoSchedule"}
ON_ECI: Final = {"key": "type", "operator": "In", "values": ["virtual-kubelet"]}
ON_ECS: Final = {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}
CACHE: Final = "k8s.aliyun.com/eci-image-cache"
SNAPSHOT: Final = "k8s.aliyun.com/eci-image-snapshot-id"
NEW_CACHE: Final = {"k8s.aliyun.com/eci-auto-imc": "true"}
MODE: Final = "spark-eci-webhook/mode"
SNAPSHOT_ID: Final = "imc-2ze5hdcnngenmwc1jmwf"
OTHER_SNAPSHOT_ID: Final = "imc-2zeaaaaaaaaaaaaaaaaa"
OUTRANKING: Final = "alibabacloud.com/eci"

#: What each mode requires and prefers of nodes, and which modes tolerate the virtual node at once.
REQUIRES: Final = {mode.value: ON_ECI for mode in SchedulingMode if mode.requires is Side.VIRTUAL}
PREFERS: Final = {
    mode.value: ON_ECI if mode.prefers is Side.VIRTUAL else ON_ECS for mode in SchedulingMode if mode.prefers
}
TOLERATES: Final = [mode.value for mode in SchedulingMode if mode.opens_eci and not mode.waits]
#: The modes that are written by hand by writing nothing.
UNWRITTEN: Final = [mode.value for mode in SchedulingMode if not mode.opens_eci]
MODES: Final = [mode.value for mode in SchedulingMode]


@dataclass
class ByHand:
    """What somebody wrote about where the pods of one role run."""

    tolerations: list[JSON] = field(default_factory=list)
    terms: list[list[JSON]] = field(default_factory=list)
    """The ORed terms of the required node affinity, each with its expressions."""
    preferred: list[JSON] = field(default_factory=list)
    anti_affinity: JSON = field(default_factory=dict)
    selector: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    scheduler: str = ""
    node_name: str = ""
    host_path: bool = False
    host_network: bool = False
    facts: list[str] = field(default_factory=list)
    """What was drawn."""

    @property
    def affinity(self) -> JSON:
        """The affinity of the pods; empty if there is none."""
        node: JSON = {}
        if self.terms:
            terms = [{"matchExpressions": one} for one in self.terms]
            node["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
        if self.preferred:
            node["preferredDuringSchedulingIgnoredDuringExecution"] = self.preferred
        return {**({"nodeAffinity": node} if node else {}), **self.anti_affinity}

    @property
    def bare(self) -> bool:
        """Whether it says nothing."""
        return not (
            self.tolerations or self.affinity or self.selector or self.annotations or self.labels or self.scheduler
        ) and not (self.node_name or self.host_path or self.host_network)

    def require(self, expression: JSON) -> None:
        """Adds an expression to every term."""
        self.terms = [[*one, expression] for one in self.terms] or [[expression]]


def preference(expression: JSON, weight: int) -> JSON:
    """A preferred term of one expression."""
    return {"weight": weight, "preference": {"matchExpressions": [expression]}}


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
        for name in draw.sample(sorted(_OWN), draw.choice((1, 1, 2))):
            _OWN[name](found, draw)
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


def _zones(found: ByHand, draw: random.Random) -> None:
    zones = draw.sample(("cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j"), draw.choice((1, 2)))
    found.require({"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones})


def _arch(found: ByHand, draw: random.Random) -> None:
    found.require({"key": "kubernetes.io/arch", "operator": "In", "values": [draw.choice(("amd64", "arm64"))]})


def _ored(found: ByHand, draw: random.Random) -> None:
    """Several terms. Each has what was required before, or one lacks it."""
    pools = [{"key": "pool", "operator": "In", "values": [one]} for one in ("batch", "adhoc", "etl")]
    before = found.terms[0] if found.terms else []
    found.terms = [[*before, one] for one in draw.sample(pools, draw.choice((2, 3)))]
    if before and draw.random() < 0.4:
        found.terms[-1] = found.terms[-1][-1:]


def _prefers_zone(found: ByHand, draw: random.Random) -> None:
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["cn-hangzhou-h"]}
    found.preferred.insert(draw.choice((0, len(found.preferred))), preference(zone, draw.choice((10, 50, 100))))


def _prefers_side(found: ByHand, draw: random.Random) -> None:
    found.preferred.append(preference(draw.choice((ON_ECI, ON_ECS)), draw.choice((1, 20, 100))))


def _off_eci(found: ByHand, _: random.Random) -> None:
    found.require(ON_ECS)


def _anti_affinity(found: ByHand, _: random.Random) -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"spark-role": "executor"}}}
    preferred = [{"weight": 10, "podAffinityTerm": term}]
    found.anti_affinity = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def _dedicated(found: ByHand, draw: random.Random) -> None:
    own = {"key": "dedicated", "operator": "Equal", "value": "spark", "effect": "NoSchedule"}
    found.tolerations.insert(draw.choice((0, len(found.tolerations))), own)


def _spot(found: ByHand, _: random.Random) -> None:
    own = {"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600}
    found.tolerations.append(own)


def _scheduler(found: ByHand, draw: random.Random) -> None:
    found.scheduler = draw.choice(("volcano", "yunikorn"))


def _node_name(found: ByHand, _: random.Random) -> None:
    found.node_name = "node-1"


def _host_path(found: ByHand, _: random.Random) -> None:
    found.host_path = True


def _host_network(found: ByHand, _: random.Random) -> None:
    found.host_network = True


def _override(found: ByHand, draw: random.Random) -> None:
    found.annotations[MODE] = draw.choice((*MODES, "none", "eci"))


def _eci_annotations(found: ByHand, draw: random.Random) -> None:
    found.annotations |= draw.choice(
        (
            {"k8s.aliyun.com/eci-use-specs": "2-4Gi,ecs.c6.xlarge"},
            {"k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo"},
            {"k8s.aliyun.com/eci-extra-ephemeral-storage": "50Gi"},
            {"k8s.aliyun.com/eci-vswitch": "vsw-bp1xxxxxxxxxxxxxxxxxx,vsw-bp1yyyyyyyyyyyyyyyyyy"},
        )
    )


def _other_annotations(found: ByHand, _: random.Random) -> None:
    found.annotations["prometheus.io/scrape"] = "true"
    found.labels["team"] = "data"


def _pool(found: ByHand, _: random.Random) -> None:
    found.selector["pool"] = "batch"


def _outranking(found: ByHand, draw: random.Random) -> None:
    found.labels[OUTRANKING] = draw.choice(("true", "true", "false"))


_OWN: Final = {
    "zones": _zones,
    "architecture": _arch,
    "ORed terms": _ored,
    "preferred zone": _prefers_zone,
    "preferred side": _prefers_side,
    "requirement off ECI": _off_eci,
    "anti-affinity": _anti_affinity,
    "toleration of a pool": _dedicated,
    "toleration of spot nodes": _spot,
    "scheduler": _scheduler,
    "nodeName": _node_name,
    "hostPath": _host_path,
    "hostNetwork": _host_network,
    "override": _override,
    "ECI annotations": _eci_annotations,
    "other metadata": _other_annotations,
    "nodeSelector": _pool,
    "outranking label": _outranking,
}
