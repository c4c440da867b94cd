"""The measure of the longest turn: every callback of a turn counts, and no turn counts twice."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.attack.turns import Turns, watch


def work(seconds: float) -> None:
    """Takes processor time of this thread."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def one_callback() -> None:
    work(0.06)


async def callbacks_of_one_turn() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(6):
        loop.call_soon(work, 0.01)
    await asyncio.sleep(0)


async def callbacks_of_many_turns() -> None:
    for _ in range(60):
        work(0.005)
        await asyncio.sleep(0)


async def waiting() -> None:
    time.sleep(0.2)  # noqa: ASYNC251, the time that a blocked loop waits is not measured


def longest(folder: Path, scene: Callable[[], Coroutine[Any, Any, None]]) -> float:
    turns = Turns(folder / "turns")

    async def watched() -> None:
        watch(asyncio.get_running_loop(), folder / "turns")
        await asyncio.sleep(0.05)
        turns.reset()
        await asyncio.sleep(0.05)
        await scene()
        await asyncio.sleep(0.05)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(watched())
    return turns.longest_ms


@pytest.mark.parametrize(
    ("scene", "least", "most"),
    [
        (one_callback, 60, 75),
        (callbacks_of_one_turn, 60, 75),
        (callbacks_of_many_turns, 5, 30),
        (waiting, 0, 30),
    ],
)
def test_a_turn_is_the_processor_time_of_all_its_callbacks(
    tmp_path: Path, scene: Callable[[], Coroutine[Any, Any, None]], least: float, most: float
) -> None:
    # Other processes may lengthen one measurement.
    measured = [longest(tmp_path, scene) for _ in range(3)]
    assert least <= min(measured) <= most


def test_a_reset_begins_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        work(0.06)
        await asyncio.sleep(0.05)
        Turns(tmp_path / "turns").reset()

    assert min(longest(tmp_path, scene) for _ in range(3)) < 30
