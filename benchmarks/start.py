"""The start of a process until it is ready."""

from statistics import median

from rich.table import Table

from benchmarks.bare import YARDSTICK
from benchmarks.goals import Goal
from benchmarks.process import Served
from benchmarks.profiles import policy
from benchmarks.servers import Servers
from webhook.core.policy import MOST_PROFILES

RUNS = 5


def start(servers: Servers) -> tuple[Table, list[Goal]]:
    """A table of starts, with a policy of one profile and with as many as the chart accepts, and their goal."""
    one, many = servers.folder / "one.yaml", servers.folder / "many.yaml"
    one.write_text(policy(1), encoding="utf-8")
    many.write_text(policy(MOST_PROFILES), encoding="utf-8")
    runs: dict[str, list[Served]] = {}
    for _ in range(RUNS):
        for name, server in (
            (YARDSTICK, servers.bare()),
            ("the service, 1 profile", servers.service(one)),
            (f"the service, {MOST_PROFILES} profiles", servers.service(many)),
        ):
            with server as started:
                runs.setdefault(name, []).append(started)
    title = f"Start to ready, medians of {RUNS} interleaved starts"
    table = Table("server", "processor, s", "time, s", "resident memory, MiB", title=title, title_justify="left")
    for name, ran in runs.items():
        processor = median(run.used_to_ready.processor for run in ran)
        memory = median(run.resident_mib_when_ready for run in ran)
        table.add_row(name, f"{processor:.2f}", f"{_seconds(ran):.2f}", f"{memory:.1f}")
    _, first, last = runs.values()
    return table, [
        Goal("start to ready, 1 profile", _seconds(first), "at most", 1, "s"),
        Goal(f"start to ready, {MOST_PROFILES} profiles", _seconds(last), "at most", 1, "s"),
    ]


def _seconds(runs: list[Served]) -> float:
    return median(run.seconds_to_ready for run in runs)
