"""Placement as people write it by hand, and what else they say about where their pods run."""

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
