"""Runs a family of attacks beside ordinary load, and judges what the service did."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.attack import certificates, starts
from tests.attack.attacker import Attacker, Found
from tests.attack.families import FAMILIES
from tests.attack.ordinary import Ordinary, Outcome
from tests.attack.service import Attacked, attacked, descriptors
from tests.reliability.process import Process

#: What the service may take, whatever it is sent: memory at most and at rest, the longest turn of its loop, and its log.
PEAK_MIB, REST_MIB, TURN_MS, LOG_BYTES = 160.0, 80.0, 50.0, 1_000_000
#: When memory is at rest, in seconds after an attack.
REST_SECONDS = 10.0


@dataclass(frozen=True)
class Form:
    """How long everything takes."""

    seconds: float
    """The least time of an attack; 0 for its own short time."""
    mixture_seconds: float
    scale: float
    """The share of the connections at full size."""
    starts: float
    """The share of the calls at full size while processes stop."""
    seed: int
    every_rest: bool
    """Whether memory is looked at 10 seconds after every attack, not only after the last one, and not sooner."""
    attempts: int
    """How often an attack may run until no turn is too long. What others beside it add to a turn differs each time, and
    what the attack takes does not."""
    growth_mib: float
    """How much memory may grow from a quarter of the time to the end. In a short time it is not at rest yet."""


FULL = Form(
    seconds=15,
    mixture_seconds=600,
    scale=1,
    starts=1,
    seed=20261126,
    every_rest=True,
    attempts=1,
    growth_mib=5,
)
SHORT = Form(
    seconds=0,
    mixture_seconds=12,
    scale=0.5,
    starts=0.1,
    seed=20261126,
    every_rest=False,
    attempts=5,
    growth_mib=16,
)


@dataclass
class Figures:
    """What one attack did to the service."""

    attack: str
    peak_mib: float = 0
    held_mib: float | None = None
    """Memory 10 seconds after the attack began, if it still went on."""
    rest_mib: float | None = None
    """Memory 10 seconds after its end."""
    turn_ms: float = 0
    told: list[str] = field(default_factory=list)
    """What is wrong beside the figures."""

    @property
    def faults(self) -> list[str]:
        """All that is wrong; empty if nothing is."""
        found = list(self.told)
        if self.peak_mib > PEAK_MIB:
            found.append(f"a peak of {self.peak_mib:.0f} MiB")
        if self.turn_ms > TURN_MS:
            found.append(f"a turn of {self.turn_ms:.0f} ms")
        if self.rest_mib is not None and self.rest_mib > REST_MIB:
            found.append(f"{self.rest_mib:.0f} MiB {REST_SECONDS:g} seconds later")
        return found


@dataclass
class Verdict:
    """What a family did to the service."""

    family: str
    figures: list[Figures]
    ordinary: Outcome
    beside: list[str]
    """Faults that belong to no attack."""
    seconds: float
    """How long all of it took."""

    @property
    def faults(self) -> list[str]:
        """All that is wrong; empty if nothing is."""
        return [f"{one.attack}: {fault}" for one in self.figures for fault in one.faults] + self.beside


def judge(name: str, form: Form, attacker: Attacker, folder: Path, only: str | None = None) -> Verdict:
    """Lets `attacker` run all attacks of the family `name`, or only one of them, with files in `folder`."""
    family = FAMILIES[name]
    attacks = list(family.attacks) if only is None else [only]
    began = time.monotonic()
    tls = folder / "tls"
    certificates.prepare(tls)
    figures: list[Figures] = []
    beside: list[str] = []
    with attacked(folder, tls, family.arguments, log_read=family.log_read) as running:
        ordinary = Ordinary(running.port, tls)
        try:
            for attack in attacks:
                run = partial(_compared if family.compared else _attack, name, attack, running, attacker, form)
                figures += least(run, form.attempts)
            if not form.every_rest and not family.compared:
                _rest(running, figures[-1], every=False)
            outcome = ordinary.outcome()
        finally:
            ordinary.kill()
        beside += outcome.faults
        beside += _afterwards(running)
        faults, late = _stop(name, attacks[0], running, attacker, form)
        beside += faults + _log(running.log, late=late)
    if family.starts and only is None:
        beside += starts.faults(folder, form.starts)
    return Verdict(name if only is None else f"{name}, {only}", figures, outcome, beside, time.monotonic() - began)


def least(run: Callable[[], list[Figures]], attempts: int) -> list[Figures]:
    """Runs an attack until no turn is too long, at most `attempts` times; returns the worst of all, but the least turns."""
    figures = run()
    for _ in range(attempts - 1):
        if all(one.turn_ms <= TURN_MS for one in figures):
            break
        for one, again in zip(figures, run(), strict=True):
            one.told += again.told
            one.turn_ms, one.peak_mib = min(one.turn_ms, again.turn_ms), max(one.peak_mib, again.peak_mib)
            one.held_mib, one.rest_mib = (
                max((mib for mib in values if mib is not None), default=None)
                for values in ((one.held_mib, again.held_mib), (one.rest_mib, again.rest_mib))
            )
    return figures


def _attack(
    family: str, name: str, running: Attacked, attacker: Attacker, form: Form, seconds: float | None = None
) -> list[Figures]:
    attack = FAMILIES[family].attacks[name]
    figures = Figures(name)
    if running.process.poll() is not None:
        figures.told.append("the process has ended")
        return [figures]
    files = Process(running.process.pid).descriptors
    seconds = seconds or max(form.seconds, attack.seconds)
    running.measure()
    logged, began = running.log.stat().st_size, time.monotonic()
    attacker.begin(family, name, running, seconds, form.scale, form.seed)
    while attacker.attacking and time.monotonic() < began + REST_SECONDS:
        time.sleep(0.05)
    if attacker.attacking:
        figures.held_mib = Process(running.process.pid).resident_mib
    found = attacker.found()
    took = time.monotonic() - began
    if (rate := (running.log.stat().st_size - logged) / took) > LOG_BYTES:
        figures.told.append(f"{rate / 1e6:.1f} MB of log a second for {took:.0f} seconds")
    if form.every_rest:
        _rest(running, figures, every=True)
    if not running.turns.settle() and running.process.poll() is None:
        figures.told.append("the event loop stands still after the attack")
    figures.peak_mib, figures.turn_ms = running.memory.peak_mib, running.turns.longest_ms
    figures.told += _faults(running, found)
    if running.process.poll() is None and (fault := descriptors(running, files + 20)):
        figures.told.append(fault)
    return [figures]


def _faults(running: Attacked, found: Found) -> list[str]:
    faults = list(found.faults)
    faults += [
        f"{count} answers with status {status}"
        for status, count in found.statuses.items()
        if status.startswith("5") and status != "503"
    ]
    if running.process.poll() is not None:
        faults.append(f"the process ended with code {running.process.returncode}")
    return faults


def _rest(running: Attacked, figures: Figures, *, every: bool, most: float = REST_MIB) -> None:
    """Looks at memory 10 seconds later, or as soon as it is `most` or less if not every rest counts."""
    if running.process.poll() is not None:
        return
    process, until = Process(running.process.pid), time.monotonic() + REST_SECONDS
    with contextlib.suppress(OSError, IndexError):
        while time.monotonic() < until and (every or process.resident_mib > most):
            time.sleep(0.1)
        figures.rest_mib = process.resident_mib
        figures.peak_mib = max(figures.peak_mib, running.memory.peak_mib)


def _compared(family: str, name: str, running: Attacked, attacker: Attacker, form: Form) -> list[Figures]:
    """Attacks for a quarter of the time and then for the rest, and compares memory."""
    found, most = [], REST_MIB
    for share in (1 / 4, 3 / 4):
        (figures,) = _attack(family, name, running, attacker, form, form.mixture_seconds * share)
        if not form.every_rest:
            _rest(running, figures, every=False, most=most)
        most = min(REST_MIB, (figures.rest_mib or 0) + form.growth_mib)
        found.append(figures)
    before, after = (one.rest_mib or 0 for one in found)
    if after > before + form.growth_mib:
        found[1].told.append(f"memory grew from {before:.1f} MiB after a quarter to {after:.1f} MiB")
    return found


def _afterwards(running: Attacked) -> list[str]:
    """What is wrong once all clients have gone."""
    if running.process.poll() is not None:
        return []
    try:
        found = []
        until = time.monotonic() + 15
        while not running.calm:
            if time.monotonic() > until:
                found.append("in_flight or body_bytes is not 0 after the end of all clients")
                break
            time.sleep(0.1)
        if (status := running.readiness().status_code) != 200:
            found.append(f"/readyz answers {status} afterwards")
        if errors := running.metric('rejected_calls_total{reason="error"}'):
            found.append(f"{errors:.0f} calls were answered with 500")
    except Exception as error:  # noqa: BLE001, whatever it is, the operations port does not answer
        return [f"the operations port does not answer afterwards: {type(error).__name__}"]
    return found


def _stop(family: str, attack: str, running: Attacked, attacker: Attacker, form: Form) -> tuple[list[str], bool]:
    """Stops the process while an attack goes on; returns what is wrong, and whether the attack outlasted the process."""
    if running.process.poll() is not None:
        return ["the process had ended before SIGTERM"], False
    attacker.begin(family, attack, running, 2, form.scale, form.seed, quiet=True)
    time.sleep(0.7)
    fault = running.ends()
    late = attacker.attacking
    attacker.end()
    return [fault] if fault else [], late


def _log(log: Path, *, late: bool) -> list[str]:
    """What is wrong with the log. If an attack is `late`, calls that it left open may be cut off at the end."""
    text = log.read_bytes()
    if late:
        text = b"\n".join(line for line in text.splitlines() if b"timeout graceful shutdown exceeded" not in line)
    found = [f"the log has {count} tracebacks"] if (count := text.count(b"Traceback")) else []
    if count := text.count(b'"level":"error"') + text.count(b'"level":"critical"'):
        found.append(f"the log has {count} errors")
    return found
