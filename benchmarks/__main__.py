"""`make bench`: measures, prints the tables, and compares the figures with their goals."""

import sys

from rich.console import Console

from benchmarks.controller import controller
from benchmarks.explain import explain
from benchmarks.goals import judged
from benchmarks.servers import servers
from benchmarks.service import large_pod, new_connections, open_connections
from benchmarks.start import start
from benchmarks.steps import steps


def main() -> int:
    """Prints all tables; returns the exit code, 1 if a goal is missed."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(steps())
    with servers() as measured:
        table, goals = open_connections(measured)
        console.print(table, new_connections(measured), large_pod(measured))
        started, more = start(measured)
        goals += more
        console.print(started, controller(measured))
    explained, more = explain()
    console.print(explained)
    goals += more
    console.print(judged(goals))
    return 0 if all(goal.reached for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
