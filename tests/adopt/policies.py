"""The policies under which the fleet is adopted, as the files that a platform engineer writes."""

from typing import Any, Final

import yaml

from tests.adopt.placements import MODES, OUTRANKING, SNAPSHOT_ID
from tests.pods import BUILT_IN_MODES
from webhook.core.policy import Policy
from webhook.service.policy_file import parse_policy

JSON = dict[str, Any]

_SELECTOR: Final = {"selector": {"anyOf": ["kubeflow", "apache", "cluster"]}}
_PAIRS: Final = [(driver, executor) for driver in MODES for executor in MODES]

#: For the label of a namespace, `default` always exists: it is what adopt assumes.
POLICIES: Final[dict[str, JSON]] = {
    # The built-in policy selects pods of the Spark Operator only.
    "built-in": {},
    "every-mode": {
        **_SELECTOR,
        "overflow": {},
        "profiles": {
            "default": {"driver": {"mode": "ecs-only"}, "executor": {"mode": "ecs-first"}},
            **{
                f"{driver}-and-{executor}": {"driver": {"mode": driver}, "executor": {"mode": executor}}
                for driver, executor in _PAIRS
            },
        },
    },
    "additions": {
        **_SELECTOR,
        "profiles": {
            "default": {
                "driver": {
                    "mode": "ecs-only",
                    "always": {"labels": {"cost-center": "spark"}, "annotations": {"example.com/owner": "data"}},
                },
                "executor": {
                    "mode": "ecs-first",
                    "weight": 10,
                    "imageCache": {"snapshots": [{"image": "registry*/spark:*", "id": SNAPSHOT_ID}]},
                    "annotations": {
                        "k8s.aliyun.com/eci-use-specs": "2-4Gi,ecs.c6.xlarge",
                        "k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo",
                    },
                    "always": {"labels": {"cost-center": "spark"}},
                },
            },
            "batch": {
                "allowOverride": False,
                "driver": {"mode": "eci-only", "labels": {OUTRANKING: "true"}, "imageCache": {"auto": False}},
                "executor": {
                    "mode": "eci-only",
                    "labels": {OUTRANKING: "true", "tier": "batch"},
                    "annotations": {"k8s.aliyun.com/eci-extra-ephemeral-storage": "50Gi"},
                    "unplaceable": "deny",
                },
            },
            "policy": {
                "driver": {"mode": "eci-first", "weight": 100},
                "executor": {"mode": "resource-policy", "annotations": {"k8s.aliyun.com/eci-use-specs": "4-8Gi"}},
            },
        },
    },
    "shares": {
        **_SELECTOR,
        "profiles": {
            "default": {
                "driver": {"mode": "ecs-only"},
                "executor": {"mode": "eci-only", "first": {"count": 2, "mode": "ecs-only"}},
            },
            "mix": {
                "driver": {"mode": "ecs-first"},
                "executor": {
                    "mode": "ecs-first",
                    "mix": [
                        {"percent": 50, "mode": "ecs-first"},
                        {
                            "percent": 50,
                            "mode": "eci-only",
                            "annotations": {"k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo"},
                        },
                    ],
                },
            },
            "first": {
                "driver": {"mode": "eci-first"},
                "executor": {"mode": "ecs-first", "first": {"count": 1, "mode": "resource-policy"}},
            },
        },
    },
    "rollout": {
        **_SELECTOR,
        "profiles": {
            "default": {
                "driver": {"mode": "ecs-first", "rollout": 50},
                "executor": {"mode": "ecs-first", "rollout": 50},
            },
            "executors": {"driver": {"mode": "ecs-first"}, "executor": {"mode": "eci-only", "rollout": 50}},
        },
    },
    "observe": {
        **_SELECTOR,
        "profiles": {
            "default": {
                "driver": {"mode": "ecs-first", "observe": True},
                "executor": {"mode": "eci-first", "observe": True},
            },
            "drivers": {"driver": {"mode": "eci-only", "observe": True}, "executor": {"mode": "eci-only"}},
        },
    },
}
#: The profiles of the built-in policy, as the README says.
_BUILT_IN: Final[JSON] = {
    "default": {"driver": {"mode": "ecs-only"}, "executor": {"mode": "ecs-first"}},
    **{mode: {"driver": {"mode": mode}, "executor": {"mode": mode}} for mode in BUILT_IN_MODES},
}


def profiles(policy: str) -> dict[str, JSON]:
    """The profiles of a policy, as they are written."""
    found: dict[str, JSON] = POLICIES[policy].get("profiles", _BUILT_IN)
    return found


def text(policy: str) -> str:
    """The file of a policy."""
    return yaml.safe_dump(POLICIES[policy], sort_keys=False)


def parsed(policy: str) -> Policy:
    """A policy as the service reads it."""
    return parse_policy(text(policy).encode(), policy) if POLICIES[policy] else Policy()
