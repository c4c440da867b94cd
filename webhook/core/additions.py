"""What a rule adds to the metadata of its pods, made ready for each mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webhook.core.modes import SchedulingMode, Side
from webhook.core.pod_metadata import Additions
from webhook.core.reasons import ChangeReason
from webhook.core.virtual_node import VirtualNode

#: A label or annotation that is added to a pod which has none of that key: the key, the value, and why.
Addition = tuple[str, str, ChangeReason]


@dataclass(frozen=True, slots=True)
class CompiledAdditions:
    """What a rule adds to the metadata of the pods of one mode."""

    labels: tuple[Addition, ...] = ()
    annotations: tuple[Addition, ...] = ()
    outranking: tuple[tuple[str, str], ...] = ()
    """Those of the labels that outrank affinity, each with its value."""
    withheld: tuple[tuple[str, str], ...] = ()
    """The labels that outrank affinity, and that pods of this mode do not get."""


_NO_ADDITIONS: Final = CompiledAdditions()


def compile_additions(
    given: Additions, node: VirtualNode
) -> tuple[Mapping[SchedulingMode, CompiledAdditions], CompiledAdditions]:
    """What is added in each mode, and to pods that cannot be placed."""
    if not (given.labels or given.annotations or given.always.labels or given.always.annotations):
        return dict.fromkeys(SchedulingMode, _NO_ADDITIONS), _NO_ADDITIONS
    always = _added(given.always.labels, ChangeReason.ALWAYS), _added(given.always.annotations, ChangeReason.ALWAYS)
    labels = (*_added(given.labels, ChangeReason.POLICY), *always[0])
    annotations = (*_added(given.annotations, ChangeReason.POLICY), *always[1])
    keys = node.outranking({**given.labels, **given.always.labels})
    virtual_only = CompiledAdditions(
        labels, annotations, tuple((key, value) for key, value, _ in labels if key in keys)
    )
    opened, closed = _without(keys, labels, annotations), _without(keys, *always)
    by_mode = {
        mode: virtual_only if mode.requires is Side.VIRTUAL else opened if mode.opens_eci else closed
        for mode in SchedulingMode
    }
    return by_mode, closed


def _added(entries: Mapping[str, str], why: ChangeReason) -> tuple[Addition, ...]:
    return tuple((key, value, why) for key, value in entries.items())


def _without(keys: list[str], labels: tuple[Addition, ...], annotations: tuple[Addition, ...]) -> CompiledAdditions:
    """What is added if the labels `keys` are withheld."""
    kept = tuple(one for one in labels if one[0] not in keys)
    return CompiledAdditions(kept, annotations, withheld=tuple((one[0], one[1]) for one in labels if one[0] in keys))
