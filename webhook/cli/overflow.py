"""`overflow`: runs the overflow controller."""

from pathlib import Path

from webhook.cli.inputs import read_policy
from webhook.cli.terminal import InputError
from webhook.overflow.controller import Options
from webhook.overflow.process import ProcessOptions, run


def open_pods(policy: Path, options: Options, process: ProcessOptions) -> int:
    """Runs a controller under the policy in a file until it ends; returns the exit code. Raises InputError."""
    found = read_policy(policy)
    if found.overflow is None:
        raise InputError(f"{policy}: has no key overflow, so no pod waits; accepted: a policy with overflow: {{}}")
    return run(found, options, process)
