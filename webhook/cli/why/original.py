"""A stored pod as it was before the webhook, as far as its record tells."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from webhook.cli.doctor.finding import JSON
from webhook.cli.why.record import Record
from webhook.core import names
from webhook.core.modes import NONE, SchedulingMode
from webhook.core.pod import Toleration
from webhook.core.reasons import Reason
from webhook.core.virtual_node import NodeLabel, Taint

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def original(
    pod: JSON, record: Record | None, label: NodeLabel, tolerations: Iterable[tuple[Taint, Toleration]]
) -> JSON:
    """`pod` without its record and without what the mode of its record adds, and without the node that it was bound to.

    `label` and `tolerations` are those of the virtual node. What the pod had itself and is just like it goes, too.
    """
    metadata, spec = dict(pod["metadata"]), dict(pod["spec"])
    for field, key in (("annotations", names.PLACEMENT_ANNOTATION), ("labels", names.OVERFLOW_LABEL)):
        metadata[field] = {name: value for name, value in (metadata.get(field) or {}).items() if name != key}
    if record is None or record.reason is not Reason.NODE_NAME_SET:
        spec.pop("nodeName", None)
    mode = None if record is None or record.mode == NONE else SchedulingMode(record.mode)
    if record is not None and mode is not None:
        if record.opened or (mode.opens_eci and not mode.waits):
            added = [msgspec.to_builtins(toleration) for _, toleration in tolerations]
            spec["tolerations"] = [one for one in spec.get("tolerations") or () if one not in added]
        spec["affinity"] = _own_affinity(spec.get("affinity") or {}, mode, label)
    kind = {"apiVersion": "v1", "kind": "Pod"}
    return kind | {"metadata": metadata, "spec": spec}


def _own_affinity(affinity: JSON, mode: SchedulingMode, label: NodeLabel) -> JSON:
    """The affinity without what `mode` adds to that for nodes."""
    found = dict(affinity.get("nodeAffinity") or {})
    if mode.requires is not None and found.get(_REQUIRED):
        added = _requirement(label, mode.requires.operator)
        terms = [_without(term, added) for term in found[_REQUIRED].get("nodeSelectorTerms") or ()]
        # A term that held nothing else was the webhook's: an empty one matches no node, and gets nothing.
        terms = [term for term in terms if term is not None]
        found[_REQUIRED] = {"nodeSelectorTerms": terms}
        if not terms:
            del found[_REQUIRED]
    if mode.prefers is not None and found.get(_PREFERRED):
        added = {"matchExpressions": [_requirement(label, mode.prefers.operator)]}
        found[_PREFERRED] = [one for one in found[_PREFERRED] if one.get("preference") != added]
    return affinity | {"nodeAffinity": found}


def _without(term: JSON, added: JSON) -> JSON | None:
    """`term` without a requirement; None if it has no other."""
    expressions = term.get("matchExpressions") or []
    if added not in expressions:
        return term
    rest: list[Any] = [one for one in expressions if one != added]
    return term | {"matchExpressions": rest} if rest or term.get("matchFields") else None


def _requirement(label: NodeLabel, operator: str) -> JSON:
    return {"key": label.key, "operator": operator, "values": [label.value]}
