"""`explain`: prints where pods run and why, as text, as documents, or in both orders with the operator's webhook."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from webhook.cli.explain import documents, text
from webhook.cli.explain.beside import print_both_orders
from webhook.cli.inputs import Inputs
from webhook.cli.profiles import explain_inputs, select
from webhook.cli.terminal import working
from webhook.explain.explanation import Explanation

_PRINTERS: Final[dict[str, Callable[[Explanation], None]]] = {
    "text": text.print_text,
    "diff": text.print_diffs,
    "yaml": documents.print_yaml,
    "json": documents.print_json,
    "patch": documents.print_patches,
}


def print_explanation(inputs: Inputs, policy: Path | None, profile: str | None, output: str, *, beside: bool) -> bool:
    """Prints the explanation of all pods in the format `output`, or in both orders; returns whether there are warnings.

    Raises InputError.
    """
    selection = select(policy, profile, inputs.namespaces)
    with working("explaining"):
        explained = explain_inputs(inputs, selection)
    if beside:
        return print_both_orders(explained)
    _PRINTERS[output](explained)
    return any(outcome.warnings for outcome in explained.outcomes)
