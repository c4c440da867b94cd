"""What `explain` and `adopt` read: files, or one cluster after the other, each with the policy that holds there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webhook.cli.inputs import Inputs, read_inputs
from webhook.cli.terminal import InputError
from webhook.core.policy import Policy
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
    policy: Policy | None,
    clusters: Clusters | None = None,
) -> Sources:
    """The files, or the clusters. Without `policy` the built-in one holds for files, and the deployed one in a cluster.

    `namespace` is the one of objects that name none, or the only one to read in a cluster.

    Raises InputError if there is nothing to read, or both.
    """
    if clusters is None:
        inputs = read_inputs(files, namespace or "default", versions, ignore)
        return Sources((Source(inputs, policy or Policy()),))
    if files or ignore:
        raise InputError(f"--cluster and {'-f' if files else '--ignore'} exclude each other: leave out one")
    raise NotImplementedError
