"""The profiles of these tests. Their delays are short, because pods wait for them."""

from typing import Any

from webhook.core.modes import SchedulingMode

#: The delay of most rules, in seconds.
DELAY = 2
#: One that is over long before any other.
SHORT = 1
#: Delays within which a test can do something.
LONGER, LONGEST = 12, 60
_AFTER, _STRICT = {"after": f"{DELAY}s"}, {"mode": str(SchedulingMode.ECS_THEN_ECI), "after": f"{DELAY}s"}


def of(mode: str) -> str:
    """The profile whose rules have a mode and take no overrides."""
    return f"only-{mode}"


PROFILES: dict[str, dict[str, Any]] = {
    **{
        of(mode): {
            "allowOverride": False,
            "driver": {"mode": "ecs-only"},
            "executor": {"mode": str(mode), **_AFTER},
        }
        for mode in SchedulingMode
    },
    "overridable": {"executor": {"mode": "ecs-only", "after": f"{LONGER}s"}},
    "observing": {"executor": _STRICT | {"observe": True}},
    "outside": {"executor": _STRICT | {"rollout": 0}},
    "longer": {"executor": _STRICT | {"after": f"{LONGER}s"}},
    "longest": {"executor": _STRICT | {"after": f"{LONGEST}s"}},
    "hour": {"executor": _STRICT | {"after": "1h"}},
    "shares": {
        "executor": {
            "mode": "ecs-only",
            "after": f"{LONGER}s",
            "mix": [
                {"percent": 50, "mode": "ecs-then-eci", "after": f"{SHORT}s"},
                {"percent": 50, "mode": "ecs-then-eci"},
            ],
        }
    },
    "first-on-ecs": {"executor": _STRICT | {"first": {"count": 1, "mode": "ecs-only"}}},
    "first-overflow": {"executor": {"mode": "ecs-only", **_AFTER, "first": {"count": 1, "mode": "ecs-then-eci"}}},
    "limited": {
        "executor": _STRICT | {"after": "1s"},
        "overflow": {"maxPerApplication": 2, "maxPerNamespace": 3},
    },
}
