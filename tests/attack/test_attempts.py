"""What counts if an attack runs more than once, because other processes lengthen its turns."""

from tests.attack.judge import TURN_MS, Figures, least

LONG = TURN_MS + 20


def run(*figures: Figures) -> tuple[list[Figures], int]:
    """What counts of an attack that does `figures` in turn, and how often it ran."""
    left = list(figures)
    counted = least(lambda: [left.pop(0)], len(figures))
    return counted, len(figures) - len(left)


def test_a_turn_that_is_always_too_long_is_a_fault() -> None:
    counted, runs = run(*(Figures("x", turn_ms=LONG + more) for more in (2, 0, 1)))
    assert [one.faults for one in counted] == [["a turn of 70 ms"]]
    assert runs == 3


def test_a_turn_that_is_too_long_once_is_none() -> None:
    counted, runs = run(Figures("x", turn_ms=LONG), Figures("x", turn_ms=TURN_MS), Figures("x", turn_ms=LONG))
    assert [one.faults for one in counted] == [[]]
    assert runs == 2


def test_all_else_counts_whenever_it_happens() -> None:
    first = Figures("x", turn_ms=LONG, peak_mib=300, held_mib=200, rest_mib=100, told=["this"])
    counted, _ = run(first, Figures("x", peak_mib=30, rest_mib=20, told=["that"]))
    assert counted == [Figures("x", peak_mib=300, held_mib=200, rest_mib=100, told=["this", "that"])]
    assert counted[0].faults == ["this", "that", "a peak of 300 MiB", "100 MiB 10 seconds later"]
