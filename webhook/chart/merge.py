"""Helm's rules for several files of values, and for the chart's defaults below them.

Source: Helm 4.2 (pkg/chart/v2/loader/load.go, MergeMaps; pkg/chart/common/util/coalesce.go, CoalesceValues). Helm 3.12
to 3.18, 3.20 and newer, and 4.1 and newer do the same. Helm 3.19 and 4.0 drop a null in a map that has defaults even if
it has no default itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def merged(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of several files: maps are merged, and the last file wins for anything else, also by null."""
    found: dict[str, Any] = {}
    for values in files:
        found = _over(found, values)
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        found[key] = _over(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return found


def with_defaults(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`values` on top of `defaults` (without nulls): null removes a key that has a default, and maps are merged.

    A map does not give way to a default that is none, nor anything else to a default that is a map.
    """
    found = {key: default for key, default in defaults.items() if key not in values}
    for key, value in values.items():
        default = defaults.get(key)
        if value is None and key in defaults:
            continue
        found[key] = with_defaults(value, default) if isinstance(value, dict) and isinstance(default, dict) else value
    return found
