"""`explain`: reads the files, explains their pods, and prints them as text, as documents or for both orders."""

from collections.abc import Callable
from typing import Final

from webhook.cli.explain import documents, text
from webhook.cli.explain.beside import print_both_orders
from webhook.cli.inputs import Request, read_inputs
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


def explain_files(request: Request, output: str, *, beside: bool) -> bool:
    """Prints what becomes of all pods, as `output` says or for both orders; returns whether one is warned of.

    Raises InputError.
    """
    inputs = read_inputs(request.files, request.namespace, pass_over=request.pass_over)
    selection = select(request.policy, request.profile, inputs.namespaces)
    with working("explaining"):
        explained = explain_inputs(inputs, selection)
    if beside:
        return print_both_orders(explained)
    _PRINTERS[output](explained)
    return any(outcome.warnings for outcome in explained.outcomes)
