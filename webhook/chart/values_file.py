"""A file of values: YAML, read with the policy file's limits and as Helm reads it."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from webhook.chart.go_yaml import HelmDocuments
from webhook.core.text import one_line
from webhook.service.policy_file import MAX_BYTES, MAX_NODES, PolicyError, beginning
from webhook.service.yaml_loader import YAMLFaultError, stream

_STANDARD_INPUT: Final = Path("-")
#: A directive of YAML. Nothing but comments may stand in front of it.
_DIRECTIVE: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\n)*%[^\n]*")


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """What one file says."""

    name: str
    values: dict[str, Any]


def read_values_files(paths: Sequence[Path]) -> list[ValuesFile]:
    """The files at `paths`, each read once; `-` is standard input. Raises PolicyError with all faults."""
    found, faults = [], []
    for path in paths:
        try:
            found.append(_read(path))
        except PolicyError as error:
            faults += error.faults
    if faults:
        raise PolicyError(faults)
    return found


def _read(path: Path) -> ValuesFile:
    name = one_line(str(path))
    try:
        if path == _STANDARD_INPUT:
            text = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError([f"{name}: cannot be read: {error.strerror or error}"]) from None
    return parse_values(text, name)


def parse_values(text: bytes, name: str) -> ValuesFile:
    """The values in the YAML `text`, which faults call `name`. Raises PolicyError."""
    if len(text) > MAX_BYTES:
        raise PolicyError([f"{name}: too large; accepted: at most {MAX_BYTES // 1024**2} MiB"])
    if _DIRECTIVE.match(text):
        # Helm 4 splits a file at its lines ---, and Helm 3 refuses the version 1.2.
        raise PolicyError([f"{name}: found a directive, such as %YAML; accepted: none, because Helm 4 cannot read it"])
    try:
        found = stream(text, MAX_NODES, HelmDocuments)
        values = next(found, None)
        # Helm 4 merges several documents, and Helm 3 drops all but the first. Empty ones change nothing in either.
        if any(one is not None for one in found):
            told = "more than one YAML document; accepted: one, because Helm 3 reads only the first"
            raise PolicyError([f"{name}: {told}"])
    except YAMLFaultError as fault:
        raise PolicyError([f"{name}: {fault}"]) from None
    if values is not None and not isinstance(values, dict):
        raise PolicyError([f"{name}: found {beginning(values)}; accepted: a map of values"])
    return ValuesFile(name, values or {})
