"""`explain`: prints where pods run and why, as text, as documents, as a summary, or beside the operator's webhook."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from webhook.cli.explain import documents, summary, text
from webhook.cli.explain.beside import print_both_orders
from webhook.cli.pod_text import yaml_text
from webhook.cli.profiles import explain_inputs, select
from webhook.cli.sources import Source, Sources
from webhook.cli.styled_lines import StyledLines
from webhook.cli.terminal import InputError, console, errors
from webhook.explain.explanation import Explanation

#: Exit code if there is a warning.
WARNED: Final = 3
#: Exit code if there is a pod that never runs.
NEVER_RUNS: Final = 4
_PRINTERS: Final[dict[str, Callable[[Explanation], None]]] = {
    "text": text.print_text,
    "diff": text.print_diffs,
    "patch": documents.print_patches,
}
#: The formats of one document for everything.
_WRITERS: Final[dict[str, Callable[[Any], str]]] = {"yaml": yaml_text, "json": documents.json_text}
#: The formats that have no room for refusals.
_SILENT: Final = ("diff", "patch")


@dataclass(frozen=True, slots=True)
class _Explained:
    """The explanation of what one source has."""

    context: str
    """The context of the cluster; empty if it is of files."""
    explanation: Explanation


def print_explanation(sources: Sources, profile: str | None, output: str, *, beside: bool, summarised: bool) -> int:
    """Prints the explanation in the format `output`, in both orders or as a summary, and returns the exit code.

    Raises InputError: afterwards, with a sentence for each cluster, file, document and workload that cannot be
    explained, or before anything is printed if nothing can be, for example because the profile cannot be used.
    """
    several = len(sources.sources) + len(sources.faults) > 1
    explained, unusable = [], list(sources.faults)
    for source in sources.sources:
        try:
            explained.append(_Explained(source.context, _explain(source, profile)))
        except InputError as error:
            unusable += [f"context {source.context}: {one}" if source.context else one for one in error.sentences]
    if not explained:
        raise InputError(*unusable)
    warned = any(one.explanation.warned for one in explained)
    if output in _WRITERS:
        made = [_document(one, summarised=summarised) for one in explained]
        console.file.write(_WRITERS[output]({"contexts": made, "faults": unusable} if several else made[0]))
    else:
        headed = several and output != "patch"
        for number, one in enumerate(explained):
            if headed and number:
                console.file.write("\n")
            warned |= _print(one, output, beside=beside, summarised=summarised, headed=headed)
    faults = [*unusable, *(fault for one in explained for fault in one.explanation.faults)]
    if faults:
        raise InputError(*faults)
    if any(one.explanation.refused for one in explained):
        return NEVER_RUNS
    return WARNED if warned else 0


def _explain(source: Source, profile: str | None) -> Explanation:
    return explain_inputs(source.inputs, select(source.policy, profile, source.inputs.namespaces, source.default))


def _print(one: _Explained, output: str, *, beside: bool, summarised: bool, headed: bool) -> bool:
    """Prints one explanation as lines; returns whether there are warnings that it does not have itself."""
    if headed:
        told = StyledLines()
        told.line(f"context {one.context}", "bold")
        told.line()
        told.print()
    if beside:
        return print_both_orders(one.explanation)
    (summary.print_text if summarised else _PRINTERS[output])(one.explanation)
    if output in _SILENT:
        for refusal in text.refusals(one.explanation):
            errors.print(refusal)
    return False


def _document(one: _Explained, *, summarised: bool) -> dict[str, Any]:
    """One explanation, JSON-like."""
    made = (summary.document if summarised else documents.document)(one.explanation)
    return {"context": one.context, **made} if one.context else made
