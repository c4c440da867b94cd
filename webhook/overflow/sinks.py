"""Where the followers' news goes: into the ClusterState."""

from webhook.overflow.pods import Named, StoredPod
from webhook.overflow.profiles import Profiles
from webhook.overflow.state import ClusterState


class WaitingSink:
    """Tells a ClusterState of the pods that wait, of one namespace or of all."""

    def __init__(self, state: ClusterState, namespace: str | None) -> None:
        self._state = state
        self._namespace = namespace

    def listed(self, found: StoredPod, *, gap: bool) -> None:
        """A pod waits."""
        self._state.see(found, gap=gap)

    def kept(self, uids: set[str]) -> None:
        """Only these pods wait."""
        with self._state.lock():
            self._state.schedule.keep(uids, self._namespace)

    def changed(self, found: StoredPod, *, heard: float | None) -> None:
        """A pod waits, or still waits."""
        self._state.see(found, heard=heard)

    def removed(self, found: StoredPod) -> None:
        """A pod waits no longer."""
        with self._state.lock():
            self._state.schedule.forget(found.metadata.uid)


class OpenedSink:
    """Tells a ClusterState of the pods that were opened and have not finished, of one namespace or of all."""

    def __init__(self, state: ClusterState, namespace: str | None) -> None:
        self._state = state
        self._namespace = namespace

    def listed(self, found: Named, *, gap: bool = False) -> None:  # noqa: ARG002, a Sink has it
        """A pod was opened."""
        with self._state.lock():
            self._state.opened.add(found)

    def kept(self, uids: set[str]) -> None:
        """Only these pods were opened and have not finished."""
        with self._state.lock():
            gone = self._state.opened.keep(uids, self._namespace)
        self._state.free(gone)

    def changed(self, found: Named, *, heard: float | None) -> None:  # noqa: ARG002, a Sink has it
        """A pod was opened, or changed since."""
        self.listed(found)

    def removed(self, found: Named) -> None:
        """A pod finished, or is gone."""
        with self._state.lock():
            namespace = self._state.opened.remove(found.metadata.uid)
        if namespace is not None:
            self._state.free([namespace])


class NamespaceSink:
    """Tells a ClusterState of the namespaces that opted in, or of all if there is a default profile."""

    def __init__(self, state: ClusterState, profiles: Profiles) -> None:
        self._state = state
        self._profiles = profiles
        self._names: dict[str, str] = {}

    def listed(self, found: Named, *, gap: bool = False) -> None:  # noqa: ARG002, a Sink has it
        """A namespace is there. Its label says whether it opted in or out."""
        metadata = found.metadata
        name = self._names[metadata.uid] = metadata.name or ""
        self._state.enrol(name, self._profiles.of(name, metadata.labels or {}))

    def kept(self, uids: set[str]) -> None:
        """Only these namespaces are there."""
        for uid in self._names.keys() - uids:
            gone = self._names.pop(uid)
            # It may have been created anew under its old name.
            if gone not in self._names.values():
                self._state.enrol(gone, None)

    def changed(self, found: Named, *, heard: float | None) -> None:  # noqa: ARG002, a Sink has it
        """A namespace came, or its label changed."""
        self.listed(found)

    def removed(self, found: Named) -> None:
        """A namespace has no label any more, or is gone."""
        self._names.pop(found.metadata.uid, None)
        self._state.enrol(found.metadata.name or "", None)
