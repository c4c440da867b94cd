"""The pods that Kubernetes makes for a StatefulSet.

Source: Kubernetes, pkg/controller/statefulset: stateful_set_utils.go, from 1.28 on.
"""

from typing import Any, Final

from webhook.core import names
from webhook.spark.manifest import JSON

#: Placeholder for the hash of a StatefulSet's revision, which has at most this many characters.
_HASH: Final = "0" * 10
#: Placeholder for the UID of a StatefulSet.
_UID: Final = "00000000-0000-0000-0000-000000000000"


def first_pod(pod: JSON, stateful_set: str, ordinal: int = 0) -> JSON:
    """`pod`, made from the template of `stateful_set`, as the first pod of it, which has `ordinal`."""
    name, metadata = f"{stateful_set}-{ordinal}", pod["metadata"]
    identity = {
        names.STATEFUL_POD_NAME: name,
        names.POD_INDEX: str(ordinal),
        names.REVISION_HASH: f"{stateful_set}-{_HASH}",
    }
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": stateful_set, "uid": _UID}
    changed = {
        "name": name,
        "labels": dict(sorted({**metadata["labels"], **identity}.items())),
        "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
    }
    return {**pod, "metadata": metadata | changed, "spec": {**pod["spec"], "hostname": name}}


def another_pod(first: JSON, ordinal: int) -> JSON:
    """The pod with this `ordinal` of the StatefulSet whose first pod is `first`."""
    metadata = first["metadata"]
    name, start = metadata["name"], metadata["name"].rpartition("-")[0]
    made: JSON = _renamed(first, name, f"{start}-{ordinal}")
    labels = made["metadata"]["labels"] | {names.POD_INDEX: str(ordinal)}
    return made | {"metadata": made["metadata"] | {"labels": labels}}


def _renamed(value: Any, old: str, new: str) -> Any:
    """`value` with the name of a pod replaced, also at the end of the names of its claims."""
    match value:
        case dict():
            return {key: _renamed(one, old, new) for key, one in value.items()}
        case list():
            return [_renamed(one, old, new) for one in value]
        case str() if value == old or value.endswith(f"-{old}"):
            return value.removesuffix(old) + new
    return value
