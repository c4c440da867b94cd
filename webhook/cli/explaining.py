"""What `explain` does, once its options are read."""

from collections.abc import Callable
from typing import Final

from webhook.cli import beside as both
from webhook.cli import rendering, structured
from webhook.cli.explained import Explained, explain_all
from webhook.cli.inputs import Request, read_inputs
from webhook.cli.profiles import select
from webhook.cli.terminal import working

_PRINTERS: Final[dict[str, Callable[[Explained], None]]] = {
    "text": rendering.print_text,
    "diff": rendering.print_diffs,
    "yaml": structured.print_yaml,
    "json": structured.print_json,
    "patch": structured.print_patches,
}


def explain_files(request: Request, output: str, *, beside: bool) -> bool:
    """Prints what becomes of all pods, as `output` says or for both orders; returns whether one is warned of.

    Raises InputError.
    """
    inputs = read_inputs(request.files, request.namespace, pass_over=request.pass_over)
    selection = select(request.policy, request.profile, inputs.namespaces)
    with working("explaining"):
        explained = explain_all(inputs, selection)
    if beside:
        return both.print_both_orders(explained, selection)
    _PRINTERS[output](explained)
    return any(outcome.warnings for outcome in explained.outcomes)
