"""Writes the chart's files/selectors.yaml, which the templates render, from the entries of webhook/core/selectors.py.

`python -m tests.chart.selectors` rewrites it.
"""

from typing import Any

import yaml

from tests.chart.manifests import CHART
from webhook.core.selectors import ALL_ROLES, OPERATOR_ROLES, Alternative

FILE = CHART / "files/selectors.yaml"
_COMMENT = "# The kinds of Spark pods that policy.selector.anyOf names, made from webhook/core/selectors.py by `make golden`.\n"


def text() -> str:
    """The file's text."""
    alternatives = {str(one): _alternative(one) for one in Alternative}
    found = {"alternatives": alternatives, "roles": list(OPERATOR_ROLES), "allRoles": list(ALL_ROLES)}
    return _COMMENT + yaml.safe_dump(found, sort_keys=False, default_flow_style=None)


def _alternative(one: Alternative) -> dict[str, Any]:
    return {
        "matchLabels": {key: value for key, value in one.labels if value is not None},
        "exists": [key for key, value in one.labels if value is None],
        "roles": list(one.roles),
    }


def rewrite() -> None:
    """Writes the file."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
