"""The certificate controller at rest: all certificates are in order, and it waits for changes.

Its API server is the tests' stand-in, so that this needs no control plane. The controller talks to it without TLS.
"""

from time import monotonic, sleep

from rich.table import Table

from benchmarks.process import Served
from benchmarks.servers import Servers
from tests.certs.stand_in import StandIn

#: Two of its regular checks, which are 15 seconds and a moment apart.
SECONDS = 30.2


def controller(servers: Servers) -> Table:
    """A table of its processor time and memory."""
    with StandIn(servers.folder) as cluster:
        cluster.configuration("webhook")
        with servers.controller(cluster.kubeconfig) as started:
            _settle(cluster)
            calls, before, began = len(cluster.calls), started.used, monotonic()
            sleep(SECONDS)
            used, seconds = started.used - before, monotonic() - began
            done = [method for method, _ in cluster.calls[calls:]]
            assert set(done) == {"GET"}, f"the controller was not at rest: {done}"
            return _table(used.processor / seconds, len(done), started)


def _table(share: float, calls: int, started: Served) -> Table:
    title = f"The certificate controller at rest for {SECONDS:.0f} s, with the tests' stand-in for the API server"
    columns = "processor, ms a minute", "calls of the API server", "resident memory, MiB", "start, processor, s"
    table = Table(*columns, title=title, title_justify="left")
    start = f"{started.used_to_ready.processor:.2f}"
    table.add_row(f"{share * 60_000:.0f}", str(calls), f"{started.resident_mib:.1f}", start)
    return table


def _settle(cluster: StandIn) -> None:
    """Returns when the certificates are issued, all three objects are watched, and no call came for three seconds."""
    last = -1
    until = monotonic() + 60
    while last != len(cluster.calls) or [method for method, _ in cluster.calls].count("WATCH") < 3:
        assert monotonic() < until, f"the controller did not come to rest: {cluster.calls}"
        last = len(cluster.calls)
        sleep(3)
