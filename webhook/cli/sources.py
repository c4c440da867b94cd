"""What `explain` and `adopt` read: files, or one cluster after the other, each with the policy that holds there."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from webhook.chart.release import Release
from webhook.cli.inputs import Inputs, read_inputs
from webhook.cli.terminal import InputError, errors, working
from webhook.core.policy import Policy
from webhook.core.text import one_line
from webhook.spark.versions import Versions


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters that --cluster, --context and --kubeconfig name."""

    contexts: tuple[str, ...] = ()
    """Contexts of the kubeconfig; its current context if empty."""
    kubeconfig: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Applications and namespaces that are read together, and the policy that holds for them."""

    inputs: Inputs
    policy: Policy
    context: str = ""
    """The context of the cluster; empty if they come from files."""
    default: str | None = None
    """The profile for namespaces without the label; None if there is none, or it is not known."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is read."""

    sources: tuple[Source, ...]
    faults: tuple[str, ...] = ()
    """A sentence for each cluster that cannot be read at all."""


def clusters(*, asked: bool, contexts: Sequence[str] | None, kubeconfig: Path | None) -> Clusters | None:
    """The clusters that the options name; None without --cluster. Raises InputError if they contradict it."""
    if asked:
        return Clusters(tuple(contexts or ()), kubeconfig)
    if contexts or kubeconfig:
        raise InputError(f"--{'context' if contexts else 'kubeconfig'} needs --cluster")
    return None


def read_sources(
    files: Sequence[str],
    ignore: Sequence[str],
    namespace: str | None,
    versions: Versions,
    policy: Policy | Release | None,
    clusters: Clusters | None = None,
) -> Sources:
    """The files, or the clusters. Without `policy` the built-in one holds for files, and the deployed one in a cluster.

    The default profile is that of `policy` if it is a Release, or else for files none, and in a cluster the deployed
    one.

    `namespace` is the one of objects that name none, or the only one to read in a cluster.

    A cluster that cannot be read is a fault, and the others are read nevertheless. Raises InputError if there is
    nothing to read, or both files and clusters.
    """
    if clusters is None:
        inputs = read_inputs(files, namespace or "default", versions, ignore)
        release = policy if isinstance(policy, Release) else Release(policy or Policy())
        return Sources((Source(inputs, release.policy, default=release.default),))
    if files or ignore:
        raise InputError(f"--cluster and {'-f' if files else '--ignore'} exclude each other: leave out one")
    return _read_clusters(clusters, namespace, versions, policy)


def _read_clusters(
    clusters: Clusters, namespace: str | None, versions: Versions, policy: Policy | Release | None
) -> Sources:
    """Reads each cluster, and tells on standard error what is no fault but should be known."""
    # The client of the cluster takes long to import, and files do not need it.
    from webhook.cli.live.contents import Wanted, read_contents  # noqa: PLC0415
    from webhook.cli.live.contexts import ask_each  # noqa: PLC0415

    sources, faults = [], []
    with working("asking the cluster") as tell:
        wanted = Wanted(namespace, versions, policy, _Progress(tell).told)
        answers = ask_each(clusters.contexts, clusters.kubeconfig, lambda context: read_contents(context, wanted))
    for answer in answers:
        if answer.found is None:
            faults += [one_line(f"context {answer.context}: {one}") for one in answer.sentences]
            continue
        for note in answer.found.notes:
            errors.print(one_line(f"context {answer.context}: {note}"))
        sources.append(Source(answer.found.inputs, answer.found.policy, answer.context, answer.found.default))
    return Sources(tuple(sources), tuple(faults))


class _Progress:
    """Shows how many applications have been read from each context, by one of its threads."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._read: dict[str, int] = {}

    def told(self, context: str, number: int) -> None:
        """That `number` applications have been read from a context."""
        with self._lock:
            self._read[context] = number
            read = ", ".join(f"{one_line(name)}: {of}" for name, of in self._read.items())
            self._tell(f"reading applications from {read}")
