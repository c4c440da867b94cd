"""All families of attacks."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.attack import (
    certificates,
    chunks,
    connections,
    logs,
    pipelining,
    small,
    unread,
    work,
)
from tests.attack.mixture import at_once, by_chance
from tests.attack.target import Attack

AT_ONCE = "all at once"


@dataclass(frozen=True)
class Family:
    """Attacks of one kind, all on the same process."""

    attacks: Mapping[str, Attack]
    arguments: tuple[str, ...] = ()
    """Arguments of the service."""
    log_read: bool = True
    """Whether somebody reads the log."""
    starts: bool = False
    """Whether processes of their own are started and stopped, too (`starts.py`)."""
    compared: bool = False
    """Whether memory is compared between a quarter of the time and the end. Then there is one attack."""


def _with_all(attacks: dict[str, Attack]) -> dict[str, Attack]:
    return attacks | {AT_ONCE: at_once({name: attack for name, attack in attacks.items() if not attack.check})}


_ALL = {
    f"{family}, {name}": attack
    for family, attacks in {
        "pipelining": pipelining.ATTACKS,
        "unread": unread.ATTACKS,
        "work": work.ATTACKS,
        "connections": connections.ATTACKS,
        "chunks": chunks.ATTACKS,
        "logs": logs.ATTACKS,
        "certificates": certificates.ATTACKS,
        "small": small.ATTACKS,
    }.items()
    for name, attack in attacks.items()
    if not attack.check
}

FAMILIES: dict[str, Family] = {
    "pipelining": Family(_with_all(pipelining.ATTACKS)),
    "unread answers": Family(_with_all(unread.ATTACKS)),
    "work": Family(work.ATTACKS),
    "connections": Family(_with_all(connections.ATTACKS)),
    "small pieces": Family(_with_all(chunks.ATTACKS)),
    "log": Family(logs.ATTACKS),
    "log that nobody reads": Family(logs.UNREAD, log_read=False),
    "certificates": Family(certificates.ATTACKS, ("--reload-seconds", "0.2")),
    "small": Family(small.ATTACKS, starts=True),
    "several at once": Family({"by chance": by_chance(_ALL, 20)}, ("--reload-seconds", "0.2"), compared=True),
}


def attack_of(family: str, name: str) -> Attack:
    """The attack `name` of `family`."""
    return FAMILIES[family].attacks[name]
