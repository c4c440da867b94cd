"""Writes the generated parts of the chart's values.schema.json: the policy, the service's settings, the alerts' names.

`python -m tests.chart.values_schema` rewrites the file; its other parts are written by hand. The definitions of the
policy are at the root, with the prefix `policy.`, because a values schema resolves references only there.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from webhook.core.policy import Policy
from webhook.core.schema import PolicySchema
from webhook.service.settings import Settings

CHART = Path(__file__).parents[2] / "charts/spark-eci-webhook"
FILE, ALERTS = CHART / "values.schema.json", CHART / "files/alerts.yaml"
#: Settings that the chart itself fixes, so that ports, mounts and probes agree.
FIXED = {"policy", "values", "tls_dir", "host", "port", "operations_host", "operations_port", "page_port"}
_PREFIX = "policy."


def composed(schema: dict[str, Any]) -> dict[str, Any]:
    """The whole values schema: `schema` with its generated parts replaced by current ones."""
    policy = Policy.model_json_schema(
        by_alias=True, schema_generator=PolicySchema, ref_template=f"#/$defs/{_PREFIX}{{model}}"
    )
    policy = _located(policy)
    definitions = {_PREFIX + name: definition for name, definition in policy.pop("$defs").items()}
    # Helm merges maps, so a list that is empty stands for the labels beside it, and for a mix that there is not. The
    # templates refuse what excludes each other, and say it better than the schema would.
    del definitions[f"{_PREFIX}Selector"]["properties"]["anyOf"]["minItems"]
    for name in ("Selector", "ExecutorRule"):
        del definitions[_PREFIX + name]["not"]
    del policy["properties"]["selector"]["default"]
    # The chart writes this key, so the templates refuse any value of it.
    policy["properties"]["overflow"] = {"description": "Set by overflow.enabled."}
    del definitions[f"{_PREFIX}Overflow"]
    # Helm removes a profile that is null only if values.yaml has it. The templates remove the one that they add.
    profiles = policy["properties"]["profiles"]["patternProperties"]
    for pattern, profile in profiles.items():
        profiles[pattern] = {"type": ["object", "null"], "if": {"type": "object"}, "then": profile}
    by_hand = {name: definition for name, definition in schema["$defs"].items() if not name.startswith(_PREFIX)}
    properties = schema["properties"] | {
        "policy": policy | {"required": ["selector", "profiles"]},
        "settings": settings(),
    }
    alerts = re.findall(r"^- alert: (\w+)$", ALERTS.read_text(), re.MULTILINE)
    disabled = properties["monitoring"]["properties"]["prometheusRule"]["properties"]["disabled"]
    disabled["items"] = {"enum": alerts}
    return schema | {"properties": properties, "$defs": by_hand | definitions}


def _located(schema: Any) -> Any:
    """Also restricts the keys of maps by pattern, because Helm's errors do not say where `propertyNames` failed.

    What entries of a list must differ is for the templates to say.
    """
    if isinstance(schema, list):
        return [_located(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _located(value) for key, value in schema.items() if key != "uniqueItems"}
    pattern = schema.get("propertyNames", {}).get("pattern")
    if pattern:
        changed |= {"patternProperties": {pattern: changed["additionalProperties"]}, "additionalProperties": False}
    return changed


def settings() -> dict[str, Any]:
    """The schema of the service's settings, with names in camel case."""
    properties = Settings.model_json_schema()["properties"]
    free = {to_camel(name): value for name, value in properties.items() if name not in FIXED}
    return {
        "type": "object",
        "description": "Settings of the service. Their names are in camel case.",
        "additionalProperties": False,
        "properties": free,
        "required": ["drainSeconds", "stopSeconds"],
    }


def text(schema: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(composed(json.loads(FILE.read_text()))))
