"""Opening a pod that waits: the JSON Patch by which the overflow controller adds what the virtual node asks for."""

from msgspec.structs import replace

from webhook.core import names
from webhook.core.patch import Change, Kind, Operation, PatchOperation, changes, patch
from webhook.core.placement import Placement
from webhook.core.pod import Pod
from webhook.core.reasons import ChangeReason


def opening(pod: Pod, resource_version: str, placement: Placement) -> list[PatchOperation]:
    """The operations that open `pod`, whose `placement` says that it waits.

    The first one replaces the resource version by itself, so the API server refuses the patch if the pod has changed
    since. The others add the tolerations that the pod lacks, set the label to `opened`, and end the record with it.
    Raises ValueError if the pod does not wait.
    """
    if placement.wait is None:
        raise ValueError("the pod does not wait to be opened")
    opened = replace(
        placement,
        record=f"{placement.record},{names.OPENED}",
        tolerations=placement.wait.tolerations,
        requirement=None,
        preference=None,
        labels=(),
        annotations=(),
        withheld=(),
        image_cache=None,
        own_image_cache="",
        wait=None,
    )
    why = ChangeReason.OPENS_VIRTUAL_NODE
    label = Change(Kind.LABEL, names.OVERFLOW_LABEL, names.OPENED, Operation.ADD, why)
    version = PatchOperation("replace", "/metadata/resourceVersion", resource_version)
    return [version, *patch(pod, [*changes(pod, opened), label])]
