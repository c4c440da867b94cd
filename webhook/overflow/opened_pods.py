"""How many pods are opened and have not finished, and whether a limit allows one more."""

from collections import Counter
from collections.abc import Iterable, Sequence
from sys import intern
from typing import Final

from webhook.core.distribution import application
from webhook.core.profile import Limits
from webhook.overflow.pods import Named

#: The limits, as metrics and messages name them.
PER_APPLICATION: Final = "application"
PER_NAMESPACE: Final = "namespace"


class OpenedPods:
    """The pods that were opened, counted by namespace and by application."""

    def __init__(self, application_labels: Sequence[str]) -> None:
        """`application_labels` name the application of a pod; the first one that a pod has counts."""
        self._application_labels = application_labels
        self._pods: dict[str, tuple[str, str]] = {}
        self._namespaces: Counter[str] = Counter()
        self._applications: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return len(self._pods)

    def add(self, pod: Named) -> None:
        """Counts a pod; one that is counted already is counted anew."""
        metadata = pod.metadata
        self.remove(metadata.uid)
        name = application(metadata.labels or {}, self._application_labels)
        self.count(metadata.uid, metadata.namespace or "", name)

    def count(self, uid: str, namespace: str, name: str) -> None:
        """Counts the pod with the id `uid` of the application `name`."""
        key = (intern(namespace), intern(name))
        self._pods[uid] = key
        self._namespaces[namespace] += 1
        self._applications[key] += 1

    def remove(self, uid: str) -> str | None:
        """Counts a pod no longer; returns its namespace, or None if it was not counted."""
        key = self._pods.pop(uid, None)
        if key is None:
            return None
        self._namespaces[key[0]] -= 1
        self._applications[key] -= 1
        # A counter keeps what is zero.
        if not self._namespaces[key[0]]:
            del self._namespaces[key[0]]
        if not self._applications[key]:
            del self._applications[key]
        return key[0]

    def keep(self, uids: Iterable[str], namespace: str | None) -> list[str]:
        """Counts only the pods with the ids `uids` of a namespace, or of all; returns that of each other."""
        wanted = set(uids)
        gone = [uid for uid, key in self._pods.items() if uid not in wanted and namespace in (None, key[0])]
        return [found for uid in gone if (found := self.remove(uid)) is not None]

    def reached(self, limits: Limits, namespace: str, name: str) -> str | None:
        """Which limit forbids to open one more pod of the application `name`; None if none does."""
        most = limits.per_application
        if most is not None and self._applications[namespace, name] >= most:
            return PER_APPLICATION
        most = limits.per_namespace
        return PER_NAMESPACE if most is not None and self._namespaces[namespace] >= most else None
