"""Controllers that are killed between any two actions, and several controllers at once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certs import keyring
from certs.keyring import read_keyring
from certs.pem import read_certificates
from certs.state import Objects
from tests.certs.simulation import Keeper, Simulation, StaleWriteError, installed
from tests.certs.test_rotation import CA_DAMAGES, FOREIGN, SETTLE, YEAR, assert_rotated


@pytest.fixture(autouse=True, scope="module")
def parsed_once() -> Iterator[None]:
    """Parses each PEM text once, because thousands of steps read the same ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring, "read_certificates", cache(read_certificates))
        yield


def after(change: Callable[[Simulation], None]) -> Simulation:
    """A cluster without faults, after the given events."""
    simulation, _ = installed()
    change(simulation)
    return simulation


def at(time: timedelta) -> Simulation:
    return after(lambda it: setattr(it, "now", it.now + time))


def lost(*places: str) -> Simulation:
    return after(lambda it: it.__dict__.update(dict.fromkeys(places)))


def damaged(name: str) -> Simulation:
    return after(lambda it: setattr(it, "ca", it.secret(CA_DAMAGES[name][0])))


def everything_foreign(simulation: Simulation) -> None:
    simulation.serving = simulation.secret(FOREIGN)
    simulation.set_every_bundle(FOREIGN["ca.crt"])


def retiring() -> Simulation:
    simulation, keeper = installed()
    keeper.wait(9 * YEAR + SETTLE)
    simulation.now += timedelta(days=90, hours=1)
    return simulation


SITUATIONS: dict[str, Callable[[], Simulation]] = {
    "a first install": Simulation,
    "a due serving certificate": lambda: at(timedelta(days=61)),
    "an expired serving certificate": lambda: at(timedelta(days=400)),
    "a due CA": lambda: at(9 * YEAR),
    "a due CA and an expired serving certificate": lambda: at(9 * YEAR + timedelta(days=1)),
    "an expired CA": lambda: at(11 * YEAR),
    "a lost CA": lambda: lost("ca"),
    "a lost serving certificate": lambda: lost("serving"),
    "both lost": lambda: lost("ca", "serving"),
    "a reverted caBundle": lambda: after(lambda it: it.set_every_bundle(b"")),
    "garbage for a CA": lambda: damaged("garbage for both"),
    "a lost CA key": lambda: damaged("no key"),
    "a foreign pair and bundle under our label": lambda: after(everything_foreign),
    "a CA to be forgotten": retiring,
}
STEPS = 16


@cache
def _prepared(situation: str) -> Simulation:
    return SITUATIONS[situation]()


def begin(situation: str) -> Simulation:
    return _prepared(situation).copy()


def finish(simulation: Simulation, keeper: Keeper) -> None:
    """Lets a controller do everything, including what must wait until a bundle has been trusted for long enough."""
    keeper.settle()
    keeper.wait(SETTLE)
    assert_rotated(simulation)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("steps", range(STEPS))
def test_a_controller_killed_after_any_number_of_steps_leaves_what_another_one_continues_from(
    situation: str, steps: int
) -> None:
    """A step is an action, or the wait until the next one is due."""
    simulation = begin(situation)
    first = Keeper(simulation)
    for _ in range(steps):
        if not first.step() and first.due is not None and first.due - simulation.now <= SETTLE:
            simulation.now = first.due
    finish(simulation, Keeper(simulation))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_steps_tried_above_are_all_there_are(situation: str) -> None:
    simulation = begin(situation)
    keeper = Keeper(simulation)
    finish(simulation, keeper)
    assert len(simulation.done) + 2 < STEPS


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_controller_killed_after_every_single_step_gets_there_too(situation: str) -> None:
    simulation = begin(situation)
    while Keeper(simulation).step():
        pass
    finish(simulation, Keeper(simulation))


class Hurried(Keeper):
    """A controller whose reads and writes happen one by one, in the order of the real controller."""

    def __init__(self, simulation: Simulation, skew: timedelta) -> None:
        super().__init__(simulation, skew)
        self.turn = self._turn()

    def advance(self) -> None:
        """Does the next read, or decides, or writes and starts again: five to a turn."""
        if next(self.turn, None) is None:
            self.turn = self._turn()

    def _turn(self) -> Iterator[str]:
        simulation = self.simulation
        configuration = simulation.configuration
        yield "read the configuration"
        serving = simulation.serving
        yield "read the serving Secret"
        ca = simulation.ca
        yield "read the CA's Secret"
        action = self.think(Objects(ca, serving, configuration))
        yield "thought"
        if action:
            trusted_before, held = bundles(simulation), simulation.trust_holds
            try:
                simulation.apply(action)
            except StaleWriteError:
                return
            assert simulation.trust_holds or not held, f"{action.reason} broke what clients trusted"
            wanted = read_keyring(simulation.ca.data, simulation.now).trusted if simulation.ca else ()
            undone = [
                before & set(wanted) - after for before, after in zip(trusted_before, bundles(simulation), strict=True)
            ]
            assert not any(undone), f"{action.reason} removed a CA that another controller had published"


SKEWS = (timedelta(minutes=-20), timedelta(0), timedelta(seconds=1))


def bundles(simulation: Simulation) -> list[set[x509.Certificate]]:
    """The CAs that each place publishes."""
    stored = simulation.serving.data if simulation.serving else {}
    places = [
        *(simulation.configuration.bundles.values() if simulation.configuration else ()),
        stored.get("ca.crt", b""),
    ]
    return [set(x509.load_pem_x509_certificates(place)) if place.startswith(b"-----") else set() for place in places]


@pytest.mark.parametrize("situation", SITUATIONS)
@settings(max_examples=60)
@given(order=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, 2, 3, 4, 5, 6, 11, 16])), max_size=20))
@example(order=[(0, 1), (1, 10), (0, 4)])
@example(order=[(0, 2), (1, 10), (0, 3)])
@example(order=[(0, 3), (1, 10), (0, 2)])
def test_controllers_whose_reads_and_writes_interleave_in_any_way_agree(
    situation: str, order: list[tuple[int, int]]
) -> None:
    """Three controllers with different clocks, interleaved in any way, end in one state without faults."""
    simulation = begin(situation)
    controllers = [Hurried(simulation, skew) for skew in SKEWS]
    for number, calls in order:
        for _ in range(calls):
            controllers[number].advance()
    for controller in controllers:
        for _ in range(5):
            controller.advance()
    finish(simulation, Keeper(simulation))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_controllers_whose_clocks_differ_do_not_undo_each_others_work(situation: str) -> None:
    """In turns, until none has anything to do."""
    simulation = begin(situation)
    controllers = [Keeper(simulation, skew) for skew in SKEWS]
    for _ in range(9):
        busy = [controller.step() for controller in controllers]
    assert not any(busy), simulation.done


ACCIDENTS: dict[str, Callable[[Simulation, bytes], None]] = {
    "the CA is lost": lambda it, _: setattr(it, "ca", None),
    "the serving Secret is lost": lambda it, _: setattr(it, "serving", None),
    "the CA's key is damaged": lambda it, _: it.damage_ca(tls_key=b"rubbish"),
    "the pair is damaged": lambda it, _: it.damage_serving(tls_crt=b""),
    "the caBundle is reverted": lambda it, bundle: it.set_every_bundle(bundle),
    "the controller is restarted": lambda *_: None,
    "time passes": lambda *_: None,
}


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_happens_the_controller_repairs_it_and_never_breaks_what_was_trusted(data: st.DataObject) -> None:
    """Years of accidents, restarts and passing time, in any order, some before the last one is repaired."""
    simulation, keeper = installed()
    old_bundles = [b"", simulation.trusted_by_api_server]
    for kind in data.draw(st.lists(st.sampled_from([*ACCIDENTS]), max_size=12)):
        ACCIDENTS[kind](simulation, data.draw(st.sampled_from(old_bundles)))
        if kind == "the controller is restarted":
            keeper = Keeper(simulation)
        if kind == "time passes":
            keeper.wait(data.draw(st.timedeltas(timedelta(0), 2 * YEAR)))
        for _ in range(data.draw(st.integers(0, 4))):
            keeper.step()
        old_bundles.append(simulation.trusted_by_api_server)
    finish(simulation, keeper)
