"""What is wrong with a kubeconfig, as one sentence in place of the library's."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from kubernetes import config
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger

#: How many characters of names are listed.
_LIMIT: Final = 300
#: How the library says that a name is not in a list of the file, and that there is no current context.
_ABSENT: Final = re.compile(r"Expected object with name (.*) in .*/(contexts|clusters) list", re.DOTALL)
_NO_CURRENT: Final = "Expected key current-context"


def absent_name(error: Exception, path: str | None) -> str:
    """That a context or its cluster is not in the kubeconfig at `path`, and which are; empty if `error` is another."""
    message = str(error)
    found = _ABSENT.search(message)
    if found is None and _NO_CURRENT not in message:
        return ""
    name, kind = (found[1], found[2]) if found else ("", "contexts")
    if kind == "clusters":
        start = f'the context names the cluster "{name}", which the kubeconfig does not have'
    else:
        start = f'found no context "{name}"' if name else "found no current context"
    return f"{start}; {_instead(name, _names(kind, path))}"


def _names(kind: str, path: str | None) -> list[str]:
    merged = KubeConfigMerger(path or KUBE_CONFIG_DEFAULT_LOCATION).config  # type: ignore[no-untyped-call]
    try:
        return [str(one["name"]) for one in merged.value.get(kind) or ()]
    except (config.ConfigException, TypeError, KeyError, AttributeError):
        return []


def _instead(name: str, names: Sequence[str]) -> str:
    if near := get_close_matches(name, names, 1):
        return f"did you mean {near[0]}?"
    listed = names[:1]
    for one in names[1:]:
        if len(", ".join((*listed, one))) > _LIMIT:
            break
        listed = [*listed, one]
    more = len(names) - len(listed)
    return "accepted: " + (", ".join(listed) or "a kubeconfig with one") + (f", and {more} more" if more else "")
