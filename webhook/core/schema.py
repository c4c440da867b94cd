"""What all models of the policy file share: strict types, the forms of Kubernetes names, the JSON Schema for Helm."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from webhook.core.modes import SchedulingMode

#: The most entries of a short list. Each one is tried for each review.
MOST_ENTRIES: Final = 16

_NAME: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_QUALIFIED_NAME: Final = rf"^({_SUBDOMAIN}/)?{_NAME}$"
_LABEL_VALUE: Final = rf"^({_NAME})?$"
#: Each [ that is not closed makes fnmatch search the rest of the pattern.
_IMAGE_PATTERN: Final = r"^([^\[]|\[!?\]?[^\]]*\])*$"

#: A delay: from 0 to 3600 seconds, in seconds, minutes or hours, without leading zeros.
DELAY: Final = r"^((0|[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)s|([0-9]|[1-5][0-9]|60)m|[01]h)$"

#: The format of the policy, as its key apiVersion names it.
API_VERSION: Final = "spark-eci-webhook.io/v1"
#: What apiVersion accepts, in words.
ONLY_VERSION: Final = f"{API_VERSION}, the only format that this version of spark-eci-webhook reads"

#: What each pattern accepts, in words.
FORMS: Final = {
    _DNS_LABEL: "a DNS label: lowercase letters, digits and hyphens, with a letter or digit at both ends",
    _QUALIFIED_NAME: "a qualified name: letters, digits, '-', '_' and '.', at most 63, perhaps after a prefix and '/'",
    _LABEL_VALUE: "a label value: letters, digits, '-', '_' and '.', at most 63, with a letter or digit at both ends",
    _IMAGE_PATTERN: "a pattern in which each [ has its ]",
    DELAY: "a whole number of s, m or h, from 0s to 1h, such as 60s",
}

#: A DNS label (RFC 1123), such as a profile's name, which is a label value and a path segment.
DNSLabel = Annotated[str, StringConstraints(pattern=_DNS_LABEL, max_length=63)]
#: A key of a label, taint or annotation (Kubernetes: Labels and Selectors, syntax and character set).
QualifiedName = Annotated[str, StringConstraints(pattern=_QUALIFIED_NAME, max_length=317)]
#: A label's or taint's value, which may be empty (same page).
LabelValue = Annotated[str, StringConstraints(pattern=_LABEL_VALUE)]

#: The most characters of a pattern for images, and of an image that is compared with patterns. The name of an image has
#: at most 255 characters, its tag 128, its digest 71 (CNCF distribution: reference grammar).
LONGEST_IMAGE: Final = 1024
#: A pattern for a whole image name (fnmatch).
ImagePattern = Annotated[str, StringConstraints(pattern=_IMAGE_PATTERN, min_length=1, max_length=LONGEST_IMAGE)]


class PolicyModel(BaseModel):
    """A part of the policy: immutable, in camelCase, without unknown keys, and without conversion between types."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
    )


def fault(sentence: str, *within: str | int) -> PydanticCustomError:
    """What a validator raises to say `sentence` about the part `within` of what it validates."""
    return PydanticCustomError("fault", "{sentence}", {"sentence": sentence, "within": within})


def not_null(value: object) -> object:
    """`value`. Raises a fault if it is null: a key that has no value is left out."""
    if value is None:
        raise fault("found null; accepted: a value, or no such key")
    return value


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """`values`. Raises a fault if two of them are equal."""
    if any(value in values[:index] for index, value in enumerate(values)):
        raise fault("found an entry twice; accepted: each at most once")
    return values


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


class PolicySchema(GenerateJsonSchema):
    """The JSON Schema of the policy. A map with restricted keys accepts no others; pydantic's own schema would.

    No value may be null. A key without a value is left out of the file.
    """

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of a value that is not null."""
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        """The default of a key, without what is null in it."""
        return _without_nulls(super().encode_default(dft))

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """The schema of a map: its keys by `propertyNames`, its values by `additionalProperties`."""
        closed: dict[str, Any] = {
            "type": "object",
            "additionalProperties": self.generate_inner(schema["values_schema"]),
        }
        keys = self.generate_inner(schema["keys_schema"])
        del keys["type"]
        if keys:
            closed["propertyNames"] = keys
        if "min_length" in schema:
            closed["minProperties"] = schema["min_length"]
        if "max_length" in schema:
            closed["maxProperties"] = schema["max_length"]
        return closed

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        """The schema of a value that a function checks, too: whether the entries of a list differ can be said."""
        found = super().function_after_schema(schema)
        return found | {"uniqueItems": True} if schema["function"]["function"] is unique else found

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """The schema of an enumeration; that of the modes has the sentence of each, which editors show."""
        enumeration = super().enum_schema(schema)
        if schema["cls"] is SchedulingMode:
            enumeration["enumDescriptions"] = [mode.sentence for mode in SchedulingMode]
        return enumeration
