"""Work that takes long is spread over turns of the event loop."""

import asyncio
from collections.abc import Callable

import pytest

from webhook.service import turn
from webhook.service.turn import Answering, Backlog, Ration, Reading


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(turn, "perf_counter", found)
    return found


def test_a_backlog_works_in_order_and_takes_a_part_of_each_turn(clock: Clock) -> None:
    done: list[int] = []

    def call(number: int) -> Callable[[], None]:
        def work() -> None:
            clock.now += turn.SECONDS * 0.4
            done.append(number)

        return work

    async def turns() -> list[int]:
        backlog, loop, seen = Backlog(), asyncio.get_running_loop(), []
        for number in range(7):
            backlog.add(loop, call(number))
        while backlog:
            await asyncio.sleep(0)
            seen.append(len(done))
        return seen

    assert asyncio.run(turns()) == [3, 6, 7]
    assert done == list(range(7))


def test_a_call_that_fails_stops_no_other(clock: Clock) -> None:
    del clock
    done: list[str] = []
    faults: list[object] = []

    async def turns() -> None:
        backlog, loop = Backlog(), asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))
        backlog.add(loop, lambda: done.append("before"))
        backlog.add(loop, lambda: done.append(str(1 // 0)))
        backlog.add(loop, lambda: done.append("behind"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not backlog
        backlog.add(loop, lambda: done.append("later"))
        await asyncio.sleep(0)

    asyncio.run(turns())
    assert done == ["before", "behind", "later"]
    assert [type(one) for one in faults] == [ZeroDivisionError]


def test_a_call_may_add_another_one(clock: Clock) -> None:
    del clock
    done: list[int] = []

    async def turns() -> None:
        backlog, loop = Backlog(), asyncio.get_running_loop()

        def first() -> None:
            backlog.add(loop, lambda: done.append(2))
            done.append(1)

        backlog.add(loop, first)
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(turns())
    assert done == [1, 2]


def test_reading_is_late_after_some_time_of_a_turn_and_while_others_wait(clock: Clock) -> None:
    async def turns() -> None:
        reading, loop = Reading(), asyncio.get_running_loop()
        assert not reading.late()
        clock.now += turn.SECONDS * 0.9
        assert not reading.late()
        clock.now += turn.SECONDS * 0.2
        assert reading.late()
        reading.end(loop)
        await asyncio.sleep(0)
        assert not reading.late()
        reading.backlog.add(loop, lambda: None)
        assert reading.late()
        await asyncio.sleep(0)
        assert not reading.late()

    asyncio.run(turns())


def test_answers_are_late_after_some_time_of_a_turn_which_begins_with_a_new_request(clock: Clock) -> None:
    answering = Answering()
    arrived = clock.now
    clock.now += 1
    assert not answering.late(arrived)
    clock.now += turn.SECONDS * 0.9
    assert not answering.late(arrived)
    clock.now += turn.SECONDS * 0.2
    assert answering.late(arrived)
    arrived = clock.now
    clock.now += 1
    assert not answering.late(arrived)


def test_a_ration_lets_some_tasks_go_on_in_each_turn_in_order() -> None:
    async def turns() -> list[list[int]]:
        ration, loop = Ration(2), asyncio.get_running_loop()
        seen: list[list[int]] = [[]]

        async def task(number: int) -> None:
            await ration.turn()
            seen[-1].append(number)

        tasks = [loop.create_task(task(number)) for number in range(7)]
        tasks[3].cancel()
        for _ in range(20):
            await asyncio.sleep(0)
            seen.append([])
        late = loop.create_task(task(7))
        await late
        return [one for one in seen if one]

    assert asyncio.run(turns()) == [[0, 1], [2, 4], [5, 6], [7]]
