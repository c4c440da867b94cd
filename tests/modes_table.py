"""The places outside modes.py that name every mode, made from the entries of `SchedulingMode`.

They are the tables in docs/modes.md and docs/configuration.md, and the built-in profiles in the chart's values.yaml.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tests.live_service import ROOT
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy

MARKERS: Final = ("<!-- modes -->\n", "<!-- end of modes -->\n")


def _modes() -> Iterator[str]:
    yield "| mode | what it does | tolerates the virtual node | node affinity | image cache and other ECI annotations |"
    yield "|---|---|---|---|---|"
    for mode in SchedulingMode:
        opened = "yes" if mode.opens_eci else "no"
        tolerates = "once it is opened" if mode.waits else opened
        yield f"| `{mode}` | {mode.sentence} | {tolerates} | {_affinity(mode)} | {opened} |"


def _affinity(mode: SchedulingMode) -> str:
    if mode.requires is not None:
        condition = "" if mode.opens_eci else "none; if the pod itself tolerates the virtual node, "
        return f"{condition}required `type {mode.requires.operator} [virtual-kubelet]`"
    if mode.prefers is not None:
        return f"preferred `type {mode.prefers.operator} [virtual-kubelet]`"
    return "none: the ACK scheduler follows the ResourcePolicy" if mode.needs_ack_scheduler else "none"


def _configuration() -> Iterator[str]:
    yield "| mode | what it does |"
    yield "|---|---|"
    for mode in SchedulingMode:
        yield f"| `{mode}` | {mode.sentence} |"


def _values() -> Iterator[str]:
    for name, profile in Policy().profiles.items():
        yield f"    {name}:"
        yield f"      driver: {{mode: {profile.driver.mode}}}"
        yield f"      executor: {{mode: {profile.executor.mode}}}"


#: File → the lines before and after the generated part, and the function that generates it.
_MADE: Final[dict[str, tuple[str, str, Callable[[], Iterator[str]]]]] = {
    "docs/modes.md": (*MARKERS, _modes),
    "docs/configuration.md": (*MARKERS, _configuration),
    "charts/spark-eci-webhook/values.yaml": ("\n  profiles:\n", "\nwebhook:\n", _values),
}
PLACES: Final = tuple(_MADE)


def composed(place: str) -> str:
    """The text of the file `place` with a current list of modes."""
    start, end, lines = _MADE[place]
    return replaced((ROOT / place).read_text(encoding="utf-8"), start, end, "".join(f"{line}\n" for line in lines()))


def replaced(text: str, start: str, end: str, inside: str) -> str:
    """`text` with `inside` between `start` and `end`."""
    before, _, rest = text.partition(start)
    return before + start + inside + end + rest.partition(end)[2]


def rewrite() -> None:
    """Writes the current list of modes into each file."""
    for place in PLACES:
        (ROOT / place).write_text(composed(place), encoding="utf-8")
