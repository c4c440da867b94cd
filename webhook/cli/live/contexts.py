"""The contexts of a kubeconfig, each asked by a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Generic, TypeVar

from certs.cluster import Cluster, ClusterError, connect
from certs.kubeconfig import current_context
from webhook.cli.live.failure import Failure, failure_of, no_version
from webhook.cli.terminal import InputError

T = TypeVar("T")

#: How many contexts are asked at the same time.
_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig whose cluster answers."""

    name: str
    cluster: Cluster
    kubernetes: str
    """The version of its API server, such as v1.31.4; empty if the user may not know it."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What became of one context."""

    context: str
    found: T | None = None
    sentences: tuple[str, ...] = ()
    """Why nothing is found; empty if something is."""
    failure: Failure | None = None
    """The class of what the sentences say; None if something is found."""


def ask_each(contexts: Sequence[str], kubeconfig: Path | None, ask: Callable[[Context], T]) -> list[Answer[T]]:
    """What `ask` returns for each of `contexts` of the kubeconfig, or for its current context, in their order.

    The fault of one that cannot be used, or does not answer, or for which `ask` raises InputError, is its answer.
    Raises InputError if there is no current context and none is named.
    """
    names = list(dict.fromkeys(contexts)) or [current_context(kubeconfig)]
    # The library keeps the files of certificates without a lock, so contexts are read one after the other.
    connected = [_connected(name, kubeconfig) for name in names]
    threads = ThreadPoolExecutor(min(len(names), _AT_ONCE))
    try:
        begun = [_begin(threads, name, one, ask) for name, one in zip(names, connected, strict=True)]
        return [_answer(name, one) for name, one in zip(names, begun, strict=True)]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def open_cluster(name: str, cluster: Cluster) -> Context:
    """The context `name` of `cluster`. Raises InputError if the cluster does not answer."""
    try:
        return Context(name, cluster, str(cluster.get("/version").get("gitVersion", "")))
    except ClusterError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return Context(name, cluster, "")
        raise no_version(cluster.host, error) from None


def _connected(name: str, kubeconfig: Path | None) -> Cluster | InputError:
    try:
        return connect(kubeconfig, name)
    except InputError as error:
        return error


def _begin(
    threads: ThreadPoolExecutor, name: str, connected: Cluster | InputError, ask: Callable[[Context], T]
) -> "Future[T] | InputError":
    if isinstance(connected, InputError):
        return connected
    return threads.submit(lambda: ask(open_cluster(name, connected)))


def _answer(name: str, begun: "Future[T] | InputError") -> Answer[T]:
    if isinstance(begun, InputError):
        return Answer(name, sentences=begun.sentences, failure=failure_of(begun))
    try:
        return Answer(name, begun.result())
    except InputError as error:
        return Answer(name, sentences=error.sentences, failure=failure_of(error))
