"""`doctor`: checks an installation with the user's rights, changes nothing, and says how to fix what is wrong."""

from collections.abc import Sequence
from pathlib import Path

from webhook.cli.doctor.context_reports import ContextReport, context_reports, report
from webhook.cli.doctor.examination import examine
from webhook.cli.doctor.finding import Level
from webhook.cli.doctor.output import print_findings, print_reports
from webhook.cli.live.contexts import Context, ask_each
from webhook.cli.terminal import InputError, working


def print_examination(
    contexts: Sequence[str], kubeconfig: Path | None, namespace: str | None, *, as_json: bool
) -> bool:
    """Examines the clusters and prints the findings, of several below a table; returns whether one is a fault.

    Raises InputError if one cannot be examined: afterwards, or before anything is printed if it is the only one.
    """

    def ask(context: Context) -> ContextReport:
        return report(context, examine(context.cluster, namespace))

    with working("asking the cluster"):
        found = context_reports(ask_each(contexts, kubeconfig, ask), kubeconfig)
    if len(found.all) == 1:
        (only,) = found.all
        if only.unreachable:
            raise InputError(*only.unreachable)
        print_findings(only.findings, as_json=as_json)
    else:
        print_reports(found, as_json=as_json)
        if unreachable := [f"context {one.context}: {why}" for one in found.all for why in one.unreachable]:
            raise InputError(*unreachable)
    return any(one.count(Level.FAULT) for one in found.all)
