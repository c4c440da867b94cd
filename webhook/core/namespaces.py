"""Which profile applies to a namespace: the one that its label names, or else the default profile, if there is one."""

from collections.abc import Mapping
from typing import Final

from webhook.core import names

#: The webhook is never called for pods of this namespace, nor for those of its own.
SYSTEM: Final = "kube-system"
#: The default profile does not apply to these namespaces, nor to the webhook's own.
NEVER_BY_DEFAULT: Final = ("kube-node-lease", "kube-public", SYSTEM)


def profile_of(namespace: str, labels: Mapping[str, str], default: str | None) -> str | None:
    """The name of the profile for the pods of `namespace`, which may not exist; None if it opted out or never opted in.

    `default` is the profile for namespaces without the label. The webhook's own namespace is not known here.
    """
    label = labels.get(names.PROFILE_LABEL)
    if label is None:
        return None if namespace in NEVER_BY_DEFAULT else default
    return None if label == names.OPTED_OUT else label
