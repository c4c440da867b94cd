"""What `explain --summary` prints: a line for each application, and how many pods of each mode have which fate."""

from collections import Counter
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from webhook.cli.explain import words
from webhook.cli.explain.documents import frame, heading, rest
from webhook.cli.explain.text import total
from webhook.cli.styled_lines import StyledLines
from webhook.cli.terminal import console
from webhook.core.modes import SchedulingMode
from webhook.core.placement import Mismatch
from webhook.core.selectors import ALL_ROLES, Role
from webhook.core.text import cut, one_line
from webhook.explain.explanation import Explanation, PodExplanation, WorkloadExplanation
from webhook.explain.outcome import Fate

_HEADINGS: Final = ("kind", "application", "profile", "driver", "executors", "count", "verdict")
#: The most characters of a reason in a line.
_REASON: Final = 140
#: The most characters of a cell. All lines are as wide as the widest.
_CELL: Final = 200
_WARNED: Final = "warned"
_NO_MODE: Final = "no mode"
_STYLES: Final = {Fate.NEVER_RUNS.value: "red", _WARNED: "yellow"}
#: The columns of the counts that are always shown.
_ALWAYS: Final = (Fate.PLACED.value, _WARNED, Fate.NEVER_RUNS.value)


def print_text(explained: Explanation) -> None:
    """Prints the lines, the counts and the total as text; nothing if nothing can be explained."""
    if not explained.workloads:
        return
    rows = [_cells(one) for one in explained.workloads]
    widths = [max(len(row[at]) for row in [_HEADINGS, *rows]) for at in range(len(_HEADINGS) - 1)]
    told = StyledLines()
    told.line(_aligned(_HEADINGS, widths), "bold")
    for one, row in zip(explained.workloads, rows, strict=True):
        told.line(_aligned(row, widths), _STYLES.get(_verdict(one), ""))
    told.line()
    told.print()
    console.print(_table(explained))
    told = StyledLines()
    operators = dict.fromkeys(one.workload.operator for one in explained.workloads if one.workload.operator)
    spark = [f"Spark {explained.versions.spark}"] if explained.versions.spark else []
    versions = ", ".join([*operators, *spark])
    told.line(f"{total(explained)}{f'; {versions}' if versions else ''}", "bold")
    told.print()


def document(explained: Explanation) -> dict[str, Any]:
    """The summary, JSON-like."""
    applications = [
        heading(one)
        | {
            "driver": _modes(one, executors=False),
            "executors": _modes(one, executors=True),
            "count": _count(one),
            "verdict": _verdict(one),
            "reason": _reason(one),
        }
        for one in explained.workloads
    ]
    return frame(explained) | {"applications": applications, "pods": _counts(explained)} | rest(explained)


def _cells(one: WorkloadExplanation) -> tuple[str, ...]:
    reason = cut(_reason(one), _REASON)
    role = f" ({one.workload.refused[0].role})" if one.workload.refused and one.workload.refused[0].role else ""
    cells = (
        words.kind(one.workload),
        f"{one.workload.namespace}/{one.workload.name}",
        f"{one.profile_name or 'none'}{' (assumed)' if one.assumed else ''}",
        _modes(one, executors=False),
        _modes(one, executors=True),
        _count(one),
        f"{_verdict(one)}{role}" + (f": {reason}" if reason else ""),
    )
    return tuple(cut(one_line(cell), _CELL) for cell in cells)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    *others, last = cells
    return "  ".join([*(cell.ljust(width) for cell, width in zip(others, widths, strict=True)), last]).rstrip()


def _is_executor(one: PodExplanation) -> bool:
    decision = one.outcome.decision
    role = decision.placement.role if decision is not None else ALL_ROLES.get(one.pod.title)
    return role is Role.EXECUTOR


def _modes(one: WorkloadExplanation, *, executors: bool) -> str:
    """The mode of the driver or of the executors, with the number of each share if a mix divides them."""
    pods = [pod for pod in one.pods if _is_executor(pod) is executors]
    states = [_state(pod) for pod in pods]
    if len(set(states)) <= 1:
        return states[0] if states else ""
    return ", ".join(f"{state} ({pod.pod.count})" for pod, state in zip(pods, states, strict=True))


def _state(one: PodExplanation) -> str:
    """The mode of a pod that is placed or observed, and for others what happens to them."""
    decision = one.outcome.decision
    if decision is None or one.fate in (Fate.LEFT_ALONE, Fate.DENIED, Fate.NEVER_RUNS):
        return one.fate.value
    return f"{decision.placement.mode}{'' if one.fate is Fate.PLACED else f', {one.fate}'}"


def _count(one: WorkloadExplanation) -> str:
    """The number of executors in words, as the application gives it."""
    return next((pod.count for pod in one.workload.pods if ALL_ROLES.get(pod.title) is Role.EXECUTOR), "")


def _verdict(one: WorkloadExplanation) -> str:
    """What is wrong with an application, or how its pods are in general."""
    if one.workload.refused:
        return Fate.NEVER_RUNS.value
    if any(pod.outcome.warnings for pod in one.pods):
        return _WARNED
    fates = {pod.fate for pod in one.pods}
    return next((fate.value for fate in reversed(Fate) if fate in fates), "")


def _reason(one: WorkloadExplanation) -> str:
    """The first reason why pods never run, the first warning, or why the first pod is not selected; empty if none."""
    if one.workload.refused:
        return one.workload.refused[0].sentence
    warnings = [warning for pod in one.pods for warning in pod.outcome.warnings]
    unselected = [words.hinted(pod.outcome) for pod in one.pods if isinstance(pod.outcome.skipped, Mismatch)]
    return next(iter([*warnings, *unselected]), "")


def _counts(explained: Explanation) -> dict[str, dict[str, int]]:
    """For each mode, how many pods have which fate, and how many of them are warned of."""
    found: dict[str, Counter[str]] = {}
    for one in explained.pods:
        decision = one.outcome.decision
        mode = str(decision.placement.mode) if decision is not None else _NO_MODE
        counts = found.setdefault(mode if mode in list(SchedulingMode) else _NO_MODE, Counter())
        counts[one.fate.value] += 1
        counts[_WARNED] += bool(one.outcome.warnings)
    total = sum(found.values(), Counter[str]())
    columns = [name for name in (*Fate, _WARNED) if total[name] or name in _ALWAYS]
    modes = [str(name) for name in (*SchedulingMode, _NO_MODE) if name in found]
    return {mode: {str(name): found[mode][name] for name in columns} for mode in modes}


def _table(explained: Explanation) -> Table:
    counts = _counts(explained)
    table = Table("pods of the mode")
    for name in next(iter(counts.values()), dict.fromkeys(_ALWAYS, 0)):
        table.add_column(name, justify="right")
    for mode, numbers in counts.items():
        table.add_row(Text(mode), *map(str, numbers.values()))
    return table
