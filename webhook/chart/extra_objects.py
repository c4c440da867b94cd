"""What the chart's template refuses of further objects. What a text with templates of Helm renders to is not known.

Source: templates/extra-objects.yaml.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from webhook.chart.go_yaml import HelmDocuments
from webhook.service.policy_file import MAX_NODES, Fault, path_of
from webhook.service.yaml_loader import YAMLFaultError, stream

#: Where Helm divides a text into objects.
_DIVIDER: Final = re.compile(r"(?:^|[\t\n\f\r ]*\n)---[\t\n\f\r ]*")
#: A line that is neither empty nor a comment.
_CONTENT: Final = re.compile(r"^[\t\n\f\r ]*[^#\t\n\f\r ]", re.MULTILINE)
_TEMPLATE: Final = "{{"
_ACCEPTED: Final = "accepted: objects with apiVersion, kind and metadata"


def refusals(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each entry that is no object."""
    for index, entry in enumerate(values.get("extraObjects", ())):
        place = "extraObjects", index
        try:
            for found in [entry] if isinstance(entry, dict) else _documents(entry):
                if missing := _missing(found if isinstance(found, dict) else {}):
                    told = f"found an object without {', '.join(missing)}; {_ACCEPTED}"
                    yield Fault(place, f"{path_of(place)}: {told}")
                    break
        except YAMLFaultError as fault:
            yield Fault(place, f"{path_of(place)}: is not YAML ({fault}); {_ACCEPTED}")


def _documents(text: str) -> Iterator[Any]:
    """What the documents in `text` hold, without those of comments alone. Raises YAMLFaultError."""
    if _TEMPLATE in text:
        return
    for document in _DIVIDER.split(text):
        if _CONTENT.search(document):
            yield next(stream(document.encode(), MAX_NODES, HelmDocuments), None)


def _missing(found: Mapping[str, Any]) -> list[str]:
    """The keys that an object needs and `found` has not."""
    missing = [key for key in ("apiVersion", "kind") if not isinstance(found.get(key), str) or not found[key]]
    # A list of objects needs no metadata.
    if not isinstance(found.get("metadata"), dict) and "items" not in found:
        missing.append("metadata")
    return missing
