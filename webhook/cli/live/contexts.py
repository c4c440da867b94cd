"""The contexts of a kubeconfig, each asked by a thread of its own."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Generic, TypeVar

from certs.cluster import Cluster, connect
from certs.cluster_errors import ClusterError
from certs.kubeconfig import current_context
from webhook.cli.live.failure import Failure, failure_of, no_version
from webhook.cli.terminal import InputError

T = TypeVar("T")

#: How many contexts are asked at the same time. Each may run a program for its credentials.
_AT_ONCE: Final = 16
#: Seconds for the login and the first answer. A silent cluster takes 10: then its own fault is known, which says more.
_OPEN_SECONDS: Final = 12
#: Seconds for the next answer afterwards.
_QUIET_SECONDS: Final = 120
_POLL_SECONDS: Final = 0.1


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

    The fault of one that cannot be used, or does not answer in time, or for which `ask` raises InputError, is its
    answer. Threads that still wait for something then are left behind, and do not keep the process from its end.
    Raises InputError if there is no current context and none is named.
    """
    names = list(dict.fromkeys(contexts)) or [current_context(kubeconfig)]
    attempts = [_Attempt(name, kubeconfig, ask) for name in names]
    later, asked = attempts[::-1], list[_Attempt[T]]()
    try:
        while later or asked:
            while later and len(asked) < _AT_ONCE:
                asked.append(later.pop())
                asked[-1].start()
            asked[-1].ended.wait(_POLL_SECONDS)
            asked = [one for one in asked if not one.over()]
    finally:
        for one in asked:
            one.give_up()
    return [one.answer() for one in attempts]


def open_cluster(name: str, cluster: Cluster) -> Context:
    """The context `name` of `cluster`. Raises InputError if the cluster does not answer."""
    try:
        return Context(name, cluster, str(cluster.get("/version").get("gitVersion", "")))
    except ClusterError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return Context(name, cluster, "")
        raise no_version(cluster.host, error) from None


class _Attempt(Generic[T]):
    """One context, asked by a thread.

    That is a daemon, because nothing ends a thread that waits for a program or for an answer, and because
    `concurrent.futures` would wait for it at exit.
    """

    def __init__(self, context: str, kubeconfig: Path | None, ask: Callable[[Context], T]) -> None:
        self._thread = threading.Thread(target=self._run, name=f"context {context}", daemon=True)
        self.ended = threading.Event()
        """Set once there is an answer or an error."""
        self._context = context
        self._kubeconfig = kubeconfig
        self._ask = ask
        self._cluster: Cluster | None = None
        self._opened: Context | None = None
        self._result: Answer[T] | Exception = Answer(context)
        self._given_up: Answer[T] | None = None
        self._heard = 0
        self._since = 0.0
        """When the attempt began, the context was opened, or the last answer was seen."""

    def start(self) -> None:
        """Begins."""
        self._since = time.monotonic()
        self._thread.start()

    def over(self) -> bool:
        """Whether there is an answer; gives up if it is late."""
        if self.ended.is_set():
            return True
        opened, cluster = self._opened, self._cluster
        heard = cluster.answers if opened and cluster else 0
        if heard > self._heard:
            self._heard, self._since = heard, time.monotonic()
        if time.monotonic() - self._since < (_QUIET_SECONDS if opened else _OPEN_SECONDS):
            return False
        if opened:
            late = f"the cluster at {opened.cluster.host} no longer answers: nothing new for {_QUIET_SECONDS} seconds"
        elif cluster:
            late = f"the cluster at {cluster.host} does not answer: no whole answer within {_OPEN_SECONDS} seconds"
        else:
            late = f"no cluster: the login took more than {_OPEN_SECONDS} seconds"
            late += "; if it needs you, log in with kubectl first"
        failure = Failure.NO_ANSWER if cluster else Failure.NO_LOGIN
        self._given_up = Answer(self._context, sentences=(late,), failure=failure)
        self.give_up()
        return True

    def give_up(self) -> None:
        """Ends the program that may still run for the credentials, where the system tells which one it is."""
        if not self.ended.is_set():
            for process in [*_descendants(Path(f"/proc/self/task/{self._thread.native_id}"))]:
                with suppress(OSError):
                    os.kill(process, signal.SIGTERM)

    def answer(self) -> Answer[T]:
        """The answer, once the attempt is over. Raises what `ask` raised."""
        found = self._given_up or self._result
        if isinstance(found, Exception):
            raise found
        return found

    def _run(self) -> None:
        try:
            self._result = Answer(self._context, self._found())
        except InputError as error:
            self._result = Answer(self._context, sentences=error.sentences, failure=failure_of(error))
        except Exception as error:  # noqa: BLE001, the main thread raises it
            self._result = error
        finally:
            self.ended.set()

    def _found(self) -> T:
        self._cluster = connect(self._kubeconfig, self._context)
        self._opened = open_cluster(self._context, self._cluster)
        return self._ask(self._opened)


def _descendants(task: Path) -> Iterator[int]:
    """The processes that a thread started and that still run, and those below them; none if the system is not Linux."""
    with suppress(OSError):
        for process in (task / "children").read_text().split():
            for other in Path(f"/proc/{process}/task").iterdir():
                yield from _descendants(other)
            yield int(process)
