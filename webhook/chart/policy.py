"""From files of values to the policy and default profile that Helm would deploy, or to what stands against them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from webhook.chart.checks import refusals
from webhook.chart.defaults import default_values
from webhook.chart.merge import merged, with_defaults
from webhook.chart.origin import is_null, names_of
from webhook.chart.release import Release
from webhook.chart.schema import MISSING, violations
from webhook.chart.template import misread, policy_document
from webhook.chart.values_file import ValuesFile, read_values_files
from webhook.core.policy import WITH_OVERFLOW, Policy
from webhook.core.text import one_line
from webhook.service.policy_file import MAX_FAULTS, DocumentError, Fault, PolicyError, read_policy_document

_POLICY: Final = "policy"
#: The same for values.
_WITH_OVERFLOW: Final = "accepted with overflow.enabled: true"


def load_release(paths: Sequence[Path]) -> Release:
    """What the chart deploys with the files of values at `paths`; of several, the last one wins.

    Raises PolicyError, also if the chart refuses a value that is no part of the policy: then Helm deploys nothing.
    """
    return release_of_values(read_values_files(paths))


def release_of_values(files: Sequence[ValuesFile]) -> Release:
    """What the chart deploys with `files`. Raises PolicyError."""
    values = with_defaults(merged(file.values for file in files), default_values())
    policy = values.get(_POLICY)
    document = policy_document(values) if isinstance(policy, dict) else {}
    found, own = _read(document)
    refused = [_with_null(one, files) for one in violations(values)]
    if refused:
        # The policy's own sentences are better than those that are made from the schema.
        refused = [one for one in refused if one.place[:1] != (_POLICY,) or not _told(one, own)]
        raise _error([*refused, *own], files)
    faults = [*refusals(values), *_within(misread(document))]
    faults += [one for one in own if not _told(one, faults)]
    if faults or found is None:
        raise _error(faults, files)
    return Release(found, values["webhook"].get("defaultProfile") or None)


def _read(document: dict[str, Any]) -> tuple[Policy | None, list[Fault]]:
    """The policy of a document, or what is wrong with it."""
    try:
        return read_policy_document(document), []
    except DocumentError as error:
        return None, _within(error.faults)


def _within(faults: Iterable[Fault]) -> list[Fault]:
    """Faults of the policy as faults of the values."""
    return [
        Fault((_POLICY, *one.place), f"{_POLICY}.{one.sentence.replace(WITH_OVERFLOW, _WITH_OVERFLOW)}")
        for one in faults
    ]


def _with_null(fault: Fault, files: Sequence[ValuesFile]) -> Fault:
    """`fault`, or if a file makes a key missing by null a fault that says so."""
    if fault.sentence.endswith(MISSING) and is_null(fault.place, files):
        return Fault(fault.place, fault.sentence.replace(MISSING, "found null; accepted: a value, or no such key"))
    return fault


def _told(fault: Fault, others: Iterable[Fault]) -> bool:
    """Whether one of `others` is at the place of `fault`, or around or inside it."""
    return any(
        len(one.place) > 1 and all(a == b for a, b in zip(one.place, fault.place, strict=False)) for one in others
    )


def _error(faults: Sequence[Fault], files: Sequence[ValuesFile]) -> PolicyError:
    told = [one_line(f"{names_of(one.place, files)}: {one.sentence}") for one in faults[:MAX_FAULTS]]
    more = len(faults) - len(told)
    return PolicyError([*told, f"and {more} more faults"] if more else told)
