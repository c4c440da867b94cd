"""The documents in a file, and whether they are those of another program."""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
import yaml

from webhook.service.yaml_loader import MAX_DEPTH, YAMLFaultError, stream
from webhook.spark.documents import GROUPS, OPERATOR_KINDS

#: The beginning of an expression of a template, but not of one in a workflow of GitHub.
TEMPLATE: Final = re.compile(rb"(?<!\$)\{\{")


def is_of_another_program(document: Any) -> bool:
    """Whether a document is no Kubernetes object, and does not look as if it should be one of an operator's."""
    if not isinstance(document, dict):
        return True
    version, kind = document.get("apiVersion"), document.get("kind")
    if isinstance(version, str) and isinstance(kind, str):
        return False
    ours = isinstance(version, str) and version.partition("/")[0] in GROUPS and "/" in version
    return not ours and not (isinstance(kind, str) and kind in OPERATOR_KINDS)


def is_yaml_of_another_program(content: bytes) -> bool:
    """Whether a text that holds more than JSON's types, such as the key `on` of a workflow, is no Kubernetes object."""
    if b"apiVersion" in content or TEMPLATE.search(content):
        return False
    depth = 0
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            # libyaml takes time that grows with the square of the depth.
            if depth > MAX_DEPTH:
                return False
    except (yaml.YAMLError, ValueError):
        return False
    return True


def documents_of(content: bytes) -> tuple[list[tuple[int, Any]], str]:
    """The documents up to the first fault, each with its number, from 0, without empty ones; and the fault."""
    # JSON first: it is faster, and YAML refuses some JSON, such as surrogate pairs.
    with suppress(msgspec.DecodeError, RecursionError):
        if content.lstrip()[:1] == b"{":
            document = msgspec.json.decode(content)
            if not _is_deep(document):
                return [(0, document)], ""
    found = []
    try:
        for number, document in enumerate(stream(content)):
            if document is not None:
                found.append((number, document))
    except YAMLFaultError as error:
        return found, str(error)
    return found, ""


def _is_deep(document: Any) -> bool:
    """Whether `document` nests deeper than YAML may."""
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
