"""`explain`: prints where pods run and why, as text, as documents, as a summary, or beside the operator's webhook."""

from collections.abc import Callable
from typing import Final

from webhook.cli.explain import documents, summary, text
from webhook.cli.explain.beside import print_both_orders
from webhook.cli.profiles import explain_inputs, select
from webhook.cli.sources import Sources
from webhook.cli.terminal import InputError, errors
from webhook.explain.explanation import Explanation

#: Exit code if there is a warning.
WARNED: Final = 3
#: Exit code if there is a pod that never runs.
NEVER_RUNS: Final = 4
_PRINTERS: Final[dict[str, Callable[[Explanation], None]]] = {
    "text": text.print_text,
    "diff": text.print_diffs,
    "yaml": documents.print_yaml,
    "json": documents.print_json,
    "patch": documents.print_patches,
}
_SUMMARIES: Final[dict[str, Callable[[Explanation], None]]] = {
    "text": summary.print_text,
    "yaml": summary.print_yaml,
    "json": summary.print_json,
}


#: The formats that have no room for refusals.
_SILENT: Final = ("diff", "patch")


def print_explanation(sources: Sources, profile: str | None, output: str, *, beside: bool, summarised: bool) -> int:
    """Prints the explanation in the format `output`, in both orders or as a summary, and returns the exit code.

    Raises InputError: afterwards, with a sentence for each file, document and workload that cannot be explained, or
    before anything is printed if the profile cannot be used.
    """
    (source,) = sources.sources
    explained = explain_inputs(source.inputs, select(source.policy, profile, source.inputs.namespaces))
    warned = explained.warned
    if beside:
        warned |= print_both_orders(explained)
    else:
        (_SUMMARIES if summarised else _PRINTERS)[output](explained)
        if output in _SILENT:
            for refusal in text.refusals(explained):
                errors.print(refusal)
    if explained.faults:
        raise InputError(*explained.faults)
    if explained.refused:
        return NEVER_RUNS
    return WARNED if warned else 0
