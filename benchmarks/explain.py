"""The cost of `explain`: its help, and a thousand SparkApplications in one file or as many files."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.table import Table

from benchmarks.goals import Goal

APPLICATIONS = 1000
RUNS = 5
EXAMPLE = Path(__file__).parents[1] / "examples" / "ecs-first" / "before.yaml"


@dataclass(frozen=True)
class Ran:
    """One run of a command: its times, counted by the system, and its output."""

    seconds: float
    processor_seconds: float
    output: str


def explain() -> tuple[Table, list[Goal]]:
    """A table of processor and wall-clock times, medians of several runs, and their goals."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "applications.yaml"
        applications = list(_applications(APPLICATIONS))
        file.write_text("---\n".join(applications), encoding="utf-8")
        files = Path(folder) / "applications"
        for number, text in enumerate(applications):
            team = files / f"team-{number % 20}"
            team.mkdir(parents=True, exist_ok=True)
            (team / f"{number}.yaml").write_text(text, encoding="utf-8")
        runs = {
            "explain --help": [_run("explain", "--help") for _ in range(RUNS)],
            f"explain, {APPLICATIONS} SparkApplications": [_run("explain", "-f", str(file)) for _ in range(RUNS)],
            f"explain --summary, {APPLICATIONS} files": [
                _run("explain", "-f", str(files), "--summary") for _ in range(RUNS)
            ],
        }
    helped, explained, summarised = runs.values()
    told = explained[0].output.splitlines()[-1]
    for ran in (explained, summarised):
        last = ran[0].output.splitlines()[-1]
        assert last.startswith(f"{APPLICATIONS} applications, {2 * APPLICATIONS} pods: "), last
    table = Table("command", "processor, s", "time, s", "last line", title="explain", title_justify="left")
    for name, ran in runs.items():
        says = "" if ran is helped else told
        table.add_row(name, f"{_processor(ran):.2f}", f"{median(one.seconds for one in ran):.2f}", says)
    return table, [
        Goal("explain --help, processor time", _processor(helped), "at most", 0.5, "s"),
        Goal(f"explain of {APPLICATIONS} applications", median(one.seconds for one in explained), "at most", 5, "s"),
        Goal(f"explain of {APPLICATIONS} files", median(one.seconds for one in summarised), "at most", 5, "s"),
    ]


def _processor(runs: list[Ran]) -> float:
    return median(one.processor_seconds for one in runs)


def _applications(number: int) -> Iterator[str]:
    example = EXAMPLE.read_text(encoding="utf-8")
    return (example.replace("name: spark-pi-ecs-first", f"name: etl-{index}") for index in range(number))


def _run(*arguments: str) -> Ran:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "webhook", *arguments], env=os.environ, capture_output=True, text=True, check=True
    )
    seconds, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, used, done.stdout)
