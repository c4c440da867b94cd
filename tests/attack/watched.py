"""`python -m tests.attack.watched FILE serve …` is `python -m webhook serve …`, and keeps the longest turn in FILE."""

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


if __name__ == "__main__":
    asyncio.Runner = _Runner  # type: ignore[misc]
    sys.exit(main(sys.argv[2:]))
