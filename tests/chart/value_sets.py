"""Sets of values that a user would try: value_sets.yaml, and a set that is too long to write."""

from pathlib import Path
from typing import Any

import yaml

_READ: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
_MODES = ("ecs-only", "eci-only", "ecs-first", "eci-first", "resource-policy")
_BUILT_IN = 6
#: The most profiles that the chart takes.
_MANY = {f"team-{number:03}": {"executor": {"mode": _MODES[number % len(_MODES)]}} for number in range(500 - _BUILT_IN)}

#: The values of the chart by the name of their set, for any cluster, one with IPv6 alone, and one with both families.
ANY = _READ["any"] | {"500 profiles": {"policy": {"profiles": _MANY}}}
IPV6, BOTH = _READ["IPv6"], _READ["both"]
#: Those of a chart that depends on this one.
UMBRELLA = _READ["umbrella"]
SETS = ANY | IPV6 | BOTH | _READ["job"] | {name: values["spark-eci-webhook"] for name, values in UMBRELLA.items()}
