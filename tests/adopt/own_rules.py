"""What people say about where their pods run for reasons of their own, which no profile knows."""

import random
from collections.abc import Callable
from typing import Final

from tests.adopt.placements import MODE, MODES, ON_ECI, ON_ECS, OUTRANKING, ByHand, preference


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


#: Each adds something to what somebody wrote.
OWN: Final[dict[str, Callable[[ByHand, random.Random], None]]] = {
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
