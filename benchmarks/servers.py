"""The processes that are measured, on a core of their own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.process import Served, apart, free_port, served
from certs.issue import ensure


@dataclass(frozen=True)
class Servers:
    """Starts servers, which share one certificate."""

    folder: Path
    core: int | None

    @property
    def authority(self) -> Path:
        """The file with the CA of their certificate."""
        return self.folder / "tls" / "ca.crt"

    def bare(self) -> AbstractContextManager[Served]:
        """The bare callable on plain uvicorn."""
        port = free_port()
        arguments = ["-m", "benchmarks.bare", str(port), str(self.folder / "tls")]
        return served(arguments, port, None, self.folder / "bare.log", self.core)

    def service(self, policy: Path | None = None, page_port: int | None = None) -> AbstractContextManager[Served]:
        """The service with a policy file, or else with the built-in policy, and with a page if it has a port.

        It logs every review.
        """
        port, operations = free_port(), free_port()
        arguments = ["-m", "webhook", "serve", "--tls-dir", str(self.folder / "tls"), "--port", str(port)]
        arguments += ["--operations-port", str(operations), "--log-rate", "0", "--drain-seconds", "0"]
        if policy is not None:
            arguments += ["--policy", str(policy)]
        if page_port is not None:
            arguments += ["--page-port", str(page_port)]
        ready = f"http://127.0.0.1:{operations}/readyz"
        return served(arguments, port, ready, self.folder / "service.log", self.core)

    def controller(self, kubeconfig: Path) -> AbstractContextManager[Served]:
        """The certificate controller of the cluster that the current context of `kubeconfig` names."""
        port = free_port()
        arguments = ["-m", "certs", "controller", "--namespace=spark", "--ca-secret=webhook-ca"]
        arguments += ["--serving-secret=webhook-tls", "--configuration=webhook", "--service=webhook"]
        arguments += ["--deployment=webhook-certificates", f"--health-port={port}", f"--kubeconfig={kubeconfig}"]
        return served(arguments, port, f"http://127.0.0.1:{port}/healthz", self.folder / "controller.log", self.core)


@contextmanager
def servers() -> Iterator[Servers]:
    """The servers' folder lasts as long as the block; meanwhile this process keeps off their core."""
    with TemporaryDirectory() as name, apart() as core:
        folder = Path(name)
        ensure(folder / "tls", ["localhost"], datetime.now(UTC))
        yield Servers(folder, core)
