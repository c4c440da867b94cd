"""The certificate controller at rest: all certificates are in order, and it waits for changes.

Its API server is the tests' stand-in, so that this needs no control plane. The controller talks to it without TLS.
"""

from time import monotonic, sleep

from rich.table import Table

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
            title = f"The certificate controller at rest for {SECONDS:.0f} s, with the tests' API server"
            table = Table("figure", "value", title=title, title_justify="left")
            table.add_row("processor time, ms a minute", f"{used.processor / seconds * 60_000:.0f}")
            table.add_row("processor time, % of a core", f"{used.processor / seconds * 100:.2f}")
            table.add_row("calls of the API server", str(len(done)))
            table.add_row("resident memory, MiB", f"{started.resident_mib:.1f}")
            table.add_row("start to ready, processor, s", f"{started.used_to_ready.processor:.2f}")
            return table


def _settle(cluster: StandIn) -> None:
    """Returns when the certificates are issued, all three objects are watched, and no call came for three seconds."""
    last = -1
    until = monotonic() + 60
    while last != len(cluster.calls) or [method for method, _ in cluster.calls].count("WATCH") < 3:
        assert monotonic() < until, f"the controller did not come to rest: {cluster.calls}"
        last = len(cluster.calls)
        sleep(3)
