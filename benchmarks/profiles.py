"""A policy with many profiles, as a platform with a profile for each team would have."""

from typing import Any

import yaml

#: Every fourth profile has the same rules but other names.
_KINDS = 4


def policy(profiles: int) -> str:
    """A policy file of `profiles`: plain ones, and ones with a mix, with snapshots and with annotations."""
    return yaml.safe_dump({"profiles": {f"team-{index:03}": _profile(index) for index in range(profiles)}})


def _profile(index: int) -> dict[str, Any]:
    """The first profile has a mix, so that a policy of one profile is not the smallest one either."""
    snapshots = [
        {"image": f"registry.example.com/team-{index:03}/spark-{name}:*", "id": f"imc-{name * 4}{index:08}"}
        for name in ("etl", "sql", "ads")
    ]
    match index % _KINDS:
        case 0:
            spot = {"k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo"}
            mix = [{"percent": 30, "mode": "ecs-only"}, {"percent": 70, "mode": "eci-only", "annotations": spot}]
            return {"executor": {"mix": mix, "imageCache": {"snapshots": snapshots}}}
        case 1:
            return {"driver": {"mode": "ecs-only"}, "executor": {"mode": "ecs-first", "weight": 50}}
        case 2:
            driver = {"mode": "eci-first", "imageCache": {"auto": False}}
            executor = {"mode": "eci-first", "imageCache": {"auto": False, "snapshots": snapshots}}
            return {"driver": driver, "executor": executor, "allowOverride": False}
        case _:
            annotations = {
                "k8s.aliyun.com/eci-use-specs": "4-16Gi,8-32Gi",
                "k8s.aliyun.com/eci-ram-role-name": f"team-{index:03}",
                "k8s.aliyun.com/eci-vswitch": f"vsw-{index:08}",
            }
            return {"executor": {"mode": "eci-only", "rollout": 50, "annotations": annotations}}
