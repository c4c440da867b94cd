"""`python -m tests.attack.watched FILE serve …` is `python -m webhook serve …`, and keeps the longest turn in FILE.

With `patient` before `serve`, clients that connected before the end have longer to begin their request.
"""

import asyncio
import sys
from collections.abc import Coroutine
from contextvars import Context
from pathlib import Path
from typing import Any

from tests.attack.turns import watch
from webhook.__main__ import main


class _Runner(asyncio.Runner):  # type: ignore[misc]
    """Watches the loop that it runs."""

    def run(self, coro: Coroutine[Any, Any, Any], *, context: Context | None = None) -> Any:
        watch(self.get_loop(), Path(sys.argv[1]))
        return super().run(coro, context=context)


def _be_patient() -> None:
    from webhook.service import listener, protocol  # noqa: PLC0415, as late as the service itself imports them

    listener._FINISH_SECONDS = protocol._FRESH_SECONDS = 30  # type: ignore[misc]


if __name__ == "__main__":
    asyncio.Runner = _Runner  # type: ignore[misc]
    arguments = sys.argv[2:]
    if arguments[0] == "patient":
        del arguments[0]
        _be_patient()
    sys.exit(main(arguments))
