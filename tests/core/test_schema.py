"""The JSON Schema of the policy file."""

import json
from typing import Any

import jsonschema
import pytest

from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.core.schema import PolicySchema
from webhook.service.policy_file import PolicyError, parse_policy


def test_the_schema_has_the_sentence_of_each_mode() -> None:
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    assert schema["$defs"]["SchedulingMode"] == {
        "title": "SchedulingMode",
        "description": "Where the pods of a role may run.",
        "type": "string",
        "enum": [mode.value for mode in SchedulingMode],
        "enumDescriptions": [mode.sentence for mode in SchedulingMode],
    }


FIRST = {"count": 2, "mode": "ecs-only"}
WHOLE = [{"percent": 100, "mode": "eci-only", "labels": {"a": "b"}, "always": {"annotations": {"c": "d"}}}]


@pytest.mark.parametrize(
    ("policy", "valid"),
    [
        ({"selector": {"anyOf": ["kubeflow", "cluster", {"matchLabels": {"a": "b"}}]}}, True),
        ({"selector": {"matchLabels": {"a": "b"}}}, True),
        ({"selector": {"anyOf": ["spark"], "matchLabels": {"a": "b"}}}, False),
        ({"selector": {"anyOf": ["spark", "spark"]}}, False),
        ({"selector": {"anyOf": []}}, False),
        ({"selector": {"anyOf": ["sparks"]}}, False),
        ({"selector": {"anyOf": [{"matchLabels": {}}]}}, False),
        ({"profiles": {"a": {"executor": {"first": FIRST}}}}, True),
        ({"profiles": {"a": {"executor": {"first": FIRST, "mix": []}}}}, True),
        ({"profiles": {"a": {"executor": {"mix": WHOLE}}}}, True),
        ({"profiles": {"a": {"executor": {"first": FIRST, "mix": WHOLE}}}}, False),
        ({"profiles": {"a": {"executor": {"first": FIRST | {"count": 0}}}}}, False),
        ({"profiles": {"a": {"driver": {"first": FIRST}}}}, False),
        ({"profiles": {"a": {"driver": {"always": {"labels": {"a": "b"}}}}}}, True),
        ({"profiles": {"a": {"driver": {"always": {"label": {"a": "b"}}}}}}, False),
        ({"profiles": {"a": {"driver": {"labels": {"a": "not a value"}}}}}, False),
    ],
)
def test_the_schema_accepts_what_the_service_accepts(policy: dict[str, Any], valid: bool) -> None:  # noqa: FBT001
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    assert jsonschema.Draft202012Validator(schema).is_valid(policy) == valid
    try:
        parse_policy(json.dumps(policy).encode(), "p")
    except PolicyError:
        assert not valid
    else:
        assert valid


def test_every_default_is_valid_by_its_own_schema() -> None:
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    defaults = 0
    for name, model in {"": schema, **schema["$defs"]}.items():
        for key, one in model.get("properties", {}).items():
            if "default" in one:
                validator = jsonschema.Draft202012Validator(one | {"$defs": schema["$defs"]})
                assert validator.is_valid(one["default"]), f"{name}.{key}"
                defaults += 1
    assert defaults > 20
