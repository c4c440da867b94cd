"""Controllers as processes of their own, each behind its own proxy."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx

from tests.e2e.component import Component
from tests.e2e.control_plane import ControlPlane
from tests.e2e.overflow.api_proxy import ApiProxy, Call, Dropped
from tests.e2e.overflow.waiting_pods import POLICY

ROOT = Path(__file__).parents[3]
#: The namespace of the Leases.
HOME = "default"
_numbers = count(1)
#: The URL of its probes and metrics in the log, in text or JSON.
_ANSWERS = re.compile(r"operations\W+(http://[\d.]+:\d+)")
#: For probes and metrics. Each connection is used once, because its controller may be killed.
_http = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


class Replica:
    """One controller, which opens the pods of some namespaces. It runs while the context is open, or until it ends."""

    def __init__(
        self,
        control_plane: ControlPlane,
        folder: Path,
        lease: str,
        namespaces: Sequence[str] = (),
        *,
        ready: bool = True,
    ) -> None:
        number = next(_numbers)
        self.lease = lease
        self._control_plane = control_plane
        self.proxy = ApiProxy(control_plane, folder)
        self._ready = ready
        policy = folder / "policy.yaml"
        policy.write_text(POLICY)
        options = {
            "policy": policy,
            "kubeconfig": self.proxy.kubeconfig,
            "namespace": HOME,
            "lease": lease,
            "host": "127.0.0.1",
            "port": 0,
        }
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        watched = [word for one in namespaces for word in ("--watch-namespace", one)]
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COVERAGE"))}
        self.log = folder / f"replica-{number}.log"
        self._component = Component(
            [sys.executable, "-m", "webhook", "overflow", *words, *watched],
            self.log,
            {**kept, "PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        # One that need not be ready may be killed by a fault at once.
        self._component.start(lambda: not self._ready or self.ready, may_end=not self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self.kill()
        self.proxy.__exit__()

    @property
    def _url(self) -> str:
        """Where it answers, by the last line of its log that says so; nothing if none does."""
        return str((["", *_ANSWERS.findall(self.log.read_text(errors="replace"))])[-1])

    @property
    def ready(self) -> bool:
        """Whether `/readyz` says so."""
        url = self._url
        with suppress(httpx.HTTPError):
            return bool(url) and _http.get(f"{url}/readyz").is_success
        return False

    @property
    def running(self) -> bool:
        return self._component.running

    def metrics(self) -> dict[str, float]:
        """The metrics by name and labels."""
        lines = _http.get(f"{self._url}/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    @property
    def identity(self) -> str:
        """Its name as the holder of the Lease; nothing before it tried to get it."""
        written = [call for call in list(self.proxy.calls) if call.step in ("create lease", "update lease")]
        return str(json.loads(written[0].body)["spec"]["holderIdentity"]) if written else ""

    @property
    def leads(self) -> bool:
        """Whether it has the Lease by its own account."""
        return self.metrics()["spark_eci_overflow_leader"] == 1

    def kill(self) -> None:
        """Ends it at once, if it still runs."""
        if self.running:
            os.kill(self._component.pid, signal.SIGKILL)
            self._component.stop()

    def restart(self) -> None:
        """Kills it, and starts another one in its place, which does not wait for the Lease of the first."""
        self.kill()
        holders = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/{self.lease}"
        self._control_plane.http.delete(holders)
        self._component.start(lambda: self.ready)

    def terminate(self) -> None:
        """Ends it as a kubelet does."""
        self._component.stop()

    def die(self, _: Call) -> None:
        """A fault: SIGKILL in the middle of a call, which gets no answer."""
        os.kill(self._component.pid, signal.SIGKILL)
        raise Dropped

    def stop(self) -> None:
        """Stops it, until `go_on`."""
        os.kill(self._component.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it go on."""
        if self.running:
            os.kill(self._component.pid, signal.SIGCONT)


def lease(control_plane: ControlPlane, name: str) -> dict[str, Any]:
    """A Lease as it is stored; nothing if there is none."""
    found = control_plane.http.get(f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/{name}")
    return dict(found.json()) if found.is_success else {}


def holder(control_plane: ControlPlane, name: str) -> str:
    """Who has a Lease; nothing if nobody."""
    return str(lease(control_plane, name).get("spec", {}).get("holderIdentity") or "")


@contextmanager
def running(*replicas: Replica) -> Iterator[None]:
    """Runs replicas, started at the same time, for the block."""
    with ExitStack() as ends, ThreadPoolExecutor() as starts:
        for one in replicas:
            ends.push(one)
        list(starts.map(Replica.__enter__, replicas))
        yield


def at_once(*scenarios: Callable[[], None]) -> None:
    """Plays scenarios at the same time, because they mostly wait; raises their failures after the end of all."""
    with ThreadPoolExecutor(len(scenarios)) as players:
        played = [players.submit(one) for one in scenarios]
    failures = [fault for one in played if (fault := one.exception()) is not None]
    if failures:
        raise failures[0] if len(failures) == 1 else BaseExceptionGroup("scenarios failed", failures)
