"""The command line: `python -m webhook COMMAND`, or `spark-eci-webhook COMMAND`."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (default: the process's) name; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # The serving process needs no terminal, and importing one costs time at start, and memory until it ends.
    if arguments[:1] == ["serve"]:
        # structlog imports rich for its tracebacks if rich is installed: 5 MiB that the process never uses.
        sys.modules["rich"] = None  # type: ignore[assignment]
        # Nearly all that is made until the process serves stays. To look for garbage takes a tenth of that time.
        gc.disable()
        from webhook.service.server import run  # noqa: PLC0415

        return run(arguments[1:])
    _open_closed_streams()
    from webhook.cli.process import run_command  # noqa: PLC0415

    return run_command(arguments)


def _open_closed_streams() -> None:
    """Opens what a shell closed, such as with `>&-`. Python has None for it, and a file could get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115, it stays open


if __name__ == "__main__":
    sys.exit(main())
