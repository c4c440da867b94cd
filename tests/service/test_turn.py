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


class Reader:
    """A connection for which `undecrypted_bytes` have arrived, and which notes that it goes on."""

    def __init__(self, name: str, undecrypted_bytes: int, gone_on: list[str]) -> None:
        self.name, self.undecrypted_bytes, self._gone_on = name, undecrypted_bytes, gone_on

    def go_on(self) -> None:
        self._gone_on.append(self.name)


async def gone_on_in_turns(waiting: dict[str, int], turns: int, later: dict[str, int] | None = None) -> list[str]:
    """Who goes on in each of `turns`, by the bytes of each; `later` changes bytes after the first turn."""
    gone_on: list[str] = []
    reading, loop, seen = Reading(), asyncio.get_running_loop(), []
    readers = {name: Reader(name, size, gone_on) for name, size in waiting.items()}
    for reader in [*readers.values(), *readers.values()]:
        reading.wait(loop, reader)
    if "lost" in readers:
        reading.forget(readers["lost"])
        reading.forget(readers["lost"])
    for _ in range(turns):
        before = len(gone_on)
        await asyncio.sleep(0)
        seen.append(" ".join(gone_on[before:]))
        for name, size in (later or {}).items():
            readers[name].undecrypted_bytes = size
    return seen


FEWEST = turn._FEWEST_BYTES
MANY = {str(number): FEWEST for number in range(1, 2 * turn._LONGEST)}


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ({"a": 2 * FEWEST, "b": 1, "c": FEWEST, "d": 1}, ["a b d c", ""]),
        ({"idle": 0, "a": 1, "lost": 1, "too": 0}, ["a", "too idle", ""]),
        ({"idle": 0}, ["idle", ""]),
        (MANY, [" ".join(list(MANY)[: turn._LONGEST]), " ".join(list(MANY)[turn._LONGEST :]), ""]),
        ({**MANY, "small": 1}, [" ".join(["1", "small", *list(MANY)[1 : turn._LONGEST]])]),
    ],
)
def test_those_that_wait_longest_and_the_smallest_go_on_and_then_the_idle(
    waiting: dict[str, int], expected: list[str]
) -> None:
    assert asyncio.run(gone_on_in_turns(waiting, len(expected))) == expected


def test_a_review_that_arrives_for_one_that_waits_does_not_wait_for_what_is_larger() -> None:
    turns = gone_on_in_turns({**MANY, "honest": 0}, 2, later={"honest": 5000})
    assert [one.split()[:2] for one in asyncio.run(turns)] == [["1", "2"], [str(turn._LONGEST + 1), "honest"]]


def test_whoever_could_not_read_in_a_long_turn_keeps_its_place() -> None:
    gone_on: list[str] = []

    async def turns() -> list[str]:
        reading, loop = Reading(), asyncio.get_running_loop()
        a, b, c, d = (Reader(name, FEWEST, gone_on) for name in "abcd")
        for reader in (a, b, c):
            reading.wait(loop, reader)
        await asyncio.sleep(0)
        assert gone_on == ["a", "b", "c"]
        gone_on.clear()
        reading.wait(loop, d)
        reading.has_read(a)
        reading.back()
        for reader in (a, b, c):
            reading.wait(loop, reader)
        await asyncio.sleep(0)
        return list(gone_on)

    assert asyncio.run(turns()) == ["b", "c", "d", "a"]


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
