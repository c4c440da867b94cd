"""The chart's own files: they are beside this module in a wheel, and in the chart in a checkout and in the image."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from webhook.chart.values_file import parse_values

#: The name of the chart, which is a part of the names and labels of its objects.
CHART_NAME: Final = "spark-eci-webhook"
_VALUES: Final = "values.yaml"
_SCHEMA: Final = "values.schema.json"


def _folder() -> Path:
    beside = Path(__file__).parent
    return beside if (beside / _VALUES).exists() else beside.parents[1] / "charts" / CHART_NAME


@cache
def default_values() -> dict[str, Any]:
    """The chart's values. Nobody may change them."""
    return parse_values((_folder() / _VALUES).read_bytes(), _VALUES).values


@cache
def values_schema() -> dict[str, Any]:
    """The JSON Schema of the values. Nobody may change it."""
    schema: dict[str, Any] = json.loads((_folder() / _SCHEMA).read_bytes())
    return schema
