"""Generated valid Spark pods. Every field that placement reads may be present, absent, null or empty."""

from typing import Any

from hypothesis import strategies as st

from webhook.core.modes import SchedulingMode
from webhook.core.overflow import Overflow
from webhook.core.policy import Policy

KEYS = st.sampled_from(["type", "kubernetes.io/arch", "topology.kubernetes.io/zone"])
VALUES = st.sampled_from(["virtual-kubelet", "ecs", "amd64", "arm64", "h", "i", "7"])
NUMBERS = st.integers(-2, 9).map(str)


def optional(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Maps of `fields`, each of which may be absent or null."""
    return st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in fields.items()})


@st.composite
def requirements(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]))
    found: dict[str, Any] = {"key": draw(KEYS), "operator": operator}
    if operator in ("In", "NotIn"):
        found["values"] = draw(st.lists(VALUES, min_size=1, max_size=3))
    elif operator in ("Gt", "Lt"):
        found["values"] = [draw(NUMBERS)]
    return found


FIELDS = st.fixed_dictionaries(
    {
        "key": st.just("metadata.name"),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.lists(st.sampled_from(["ecs-amd64", "virtual"]), min_size=1, max_size=1),
    }
)
TERMS = optional(
    {"matchExpressions": st.lists(requirements(), max_size=3), "matchFields": st.lists(FIELDS, max_size=1)}
)
PREFERENCES = st.fixed_dictionaries({"weight": st.integers(1, 100), "preference": TERMS})
AFFINITIES = optional(
    {
        "nodeAffinity": optional(
            {
                "requiredDuringSchedulingIgnoredDuringExecution": st.fixed_dictionaries(
                    {"nodeSelectorTerms": st.lists(TERMS, min_size=1, max_size=4)}
                ),
                "preferredDuringSchedulingIgnoredDuringExecution": st.lists(PREFERENCES, max_size=3),
            }
        ),
        "podAntiAffinity": st.just({"preferredDuringSchedulingIgnoredDuringExecution": []}),
    }
)
TOLERATIONS = optional(
    {
        "key": st.sampled_from(["virtual-kubelet.io/provider", "kubernetes.io/arch", "dedicated"]),
        "operator": st.sampled_from(["Exists", "Equal", "Gt"]),
        "value": st.sampled_from(["alibabacloud", "arm64", "ads", ""]),
        "effect": st.sampled_from(["NoSchedule", "NoExecute", ""]),
    }
).filter(lambda one: one.get("key") or one.get("operator") == "Exists")
ANNOTATIONS = st.dictionaries(
    st.sampled_from(
        [
            "k8s.aliyun.com/eci-image-cache",
            "k8s.aliyun.com/eci-imc-id",
            "spark-eci-webhook/placement",
            "a~b/c~1d",
            "prometheus.io/scrape",
        ]
    ),
    st.sampled_from(["true", "imc-2ze5hdcnngenmwc1jmwf", "mode=eci-only,profile=default,policy=00000000"]),
    max_size=3,
)
#: The built-in policy with a profile for each mode.
EVERY_MODE = Policy(overflow=Overflow())
MODES = tuple(mode.value for mode in SchedulingMode)
#: The modes that the built-in policy has profiles for.
BUILT_IN_MODES = tuple(mode.value for mode in SchedulingMode if not mode.waits)
OVERRIDES = st.sampled_from([*MODES, "none", "eci"])
VOLUMES = st.lists(
    st.sampled_from(
        [
            {"name": "scratch", "hostPath": {"path": "/mnt"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "data", "hostPath": None},
        ]
    ),
    max_size=2,
)


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Any]:
    """Pods that the built-in policy selects."""
    role = draw(st.sampled_from(["driver", "executor", "connect-server"]))
    labels = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": role}
    if draw(st.integers(0, 9)) == 0:
        labels["alibabacloud.com/eci"] = draw(st.sampled_from(["true", "false"]))
    metadata: dict[str, Any] = {"name": "spark-pi", "labels": labels}
    annotations = draw(st.none() | ANNOTATIONS)
    if draw(st.integers(0, 4)) == 0:
        annotations = (annotations or {}) | {"spark-eci-webhook/mode": draw(OVERRIDES)}
    if annotations is not None or draw(st.booleans()):
        metadata["annotations"] = annotations
    spec = {
        "containers": [{"name": "spark", "image": "registry/spark:3.5.2"}],
        **draw(
            optional(
                {
                    "affinity": AFFINITIES,
                    "tolerations": st.lists(TOLERATIONS, max_size=3),
                    "nodeSelector": st.dictionaries(KEYS, VALUES, max_size=1),
                    "schedulerName": st.sampled_from(["default-scheduler", "volcano", ""]),
                    "hostNetwork": st.booleans(),
                    "volumes": VOLUMES,
                    "nodeName": st.sampled_from(["", "", "", "node-1"]),
                }
            )
        ),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
