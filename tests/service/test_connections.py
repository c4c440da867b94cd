"""Which connection gives way to a new one."""

from dataclasses import dataclass

import pytest

from webhook.service import connections
from webhook.service.connections import GRACE_SECONDS, Connections


@dataclass(eq=False)
class Connection:
    """A connection that notes that it was closed."""

    closed: list[str]
    name: str
    idle_since: float
    busy: bool = False

    def abort(self) -> None:
        self.closed.append(self.name)

    def wait(self) -> None:
        raise AssertionError("nobody reads")


class Scene:
    """Connections at most three, at times that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.closed: list[str] = []
        self.all = Connections(3)
        self.known: dict[str, Connection] = {}
        monkeypatch.setattr(connections, "perf_counter", lambda: self.now)

    def add(self, names: str) -> None:
        for name in names:
            self.now += 1
            self.known[name] = Connection(self.closed, name, self.now)
            self.all.add(self.known[name])

    def review(self, name: str) -> None:
        self.now += 1
        self.all.used(self.known[name], self.now)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_while_there_is_room_none_is_closed(scene: Scene) -> None:
    scene.add("ab")
    assert (scene.all.room(), scene.closed, len(scene.all), scene.all.full) == (0, [], 2, False)


def test_one_that_never_finished_a_review_gives_way_first(scene: Scene) -> None:
    scene.add("abc")
    scene.review("a")
    scene.review("c")
    scene.now += 1
    assert scene.all.full
    assert (scene.all.room(), scene.closed) == (0, ["b"])
    assert [one.name for one in scene.all if isinstance(one, Connection)] == ["a", "c"]


def test_else_the_one_whose_last_review_is_longest_ago(scene: Scene) -> None:
    scene.add("abc")
    for name in "abca":
        scene.review(name)
    scene.now += 1
    assert (scene.all.room(), scene.closed) == (0, ["b"])


def test_a_busy_one_stays(scene: Scene) -> None:
    scene.add("abc")
    scene.now += 1
    scene.known["a"].busy = True
    assert (scene.all.room(), scene.closed) == (0, ["b"])
    scene.known["c"].busy = True
    scene.add("d")
    scene.known["d"].busy = True
    assert (scene.all.room(), scene.closed) == (GRACE_SECONDS, ["b"])


def test_a_new_one_has_a_moment_before_it_gives_way(scene: Scene) -> None:
    scene.add("ab")
    scene.review("a")
    scene.review("b")
    scene.add("c")
    scene.now += GRACE_SECONDS / 4
    assert scene.all.room() == pytest.approx(GRACE_SECONDS * 3 / 4)
    scene.now += GRACE_SECONDS
    assert (scene.all.room(), scene.closed) == (0, ["c"])


def test_a_step_gives_another_moment(scene: Scene) -> None:
    scene.add("abc")
    scene.now += GRACE_SECONDS
    scene.known["a"].idle_since = scene.now
    assert (scene.all.room(), scene.closed) == (0, ["b"])
    scene.known["c"].idle_since = scene.now
    scene.add("d")
    scene.now -= 1 - GRACE_SECONDS / 2
    assert scene.all.room() == pytest.approx(GRACE_SECONDS / 2)


def test_a_connection_that_is_gone_is_forgotten(scene: Scene) -> None:
    scene.add("abc")
    scene.review("a")
    for name in "ab":
        scene.all.discard(scene.known[name])
        scene.all.discard(scene.known[name])
    scene.all.used(scene.known["a"], scene.now)
    assert len(scene.all) == 1
