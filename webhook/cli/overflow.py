"""`overflow`: runs the overflow controller."""

from collections.abc import Sequence
from pathlib import Path

from webhook.cli.policies import read_policy
from webhook.cli.terminal import InputError
from webhook.core.text import LIMIT, listed
from webhook.overflow.controller import Options
from webhook.overflow.process import ProcessOptions, run


def open_pods(policy: Path | None, values: Sequence[Path], options: Options, process: ProcessOptions) -> int:
    """Runs a controller under the policy of a file, or of values, until it ends; returns the exit code.

    Raises InputError.
    """
    if policy is None and not values:
        raise InputError("missing option '--policy' or '--values' (see spark-eci-webhook overflow --help)")
    found = read_policy(policy, values)
    if found.overflow is None:
        if values:
            names = ", ".join(str(one) for one in values)
            raise InputError(
                f"{names}: overflow.enabled is not true, so no pod waits; accepted: overflow.enabled: true"
            )
        raise InputError(f"{policy}: has no key overflow, so no pod waits; accepted: a policy with overflow: {{}}")
    default = options.default_profile
    if default is not None and default not in found.profiles:
        raise InputError(
            listed(f'--default-profile: unknown profile "{default}"; accepted: ', found.profiles, 2 * LIMIT)
        )
    return run(found, options, process)
