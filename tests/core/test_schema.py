"""The JSON Schema of the policy file."""

from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy
from webhook.core.schema import PolicySchema


def test_the_schema_has_the_sentence_of_each_mode() -> None:
    schema = Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema)
    assert schema["$defs"]["SchedulingMode"] == {
        "title": "SchedulingMode",
        "description": "Where the pods of a role may run.",
        "type": "string",
        "enum": [mode.value for mode in SchedulingMode],
        "enumDescriptions": [mode.sentence for mode in SchedulingMode],
    }
