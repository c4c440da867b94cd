"""Goals, and whether the measured figures reach them."""

from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """A goal for a measured figure. `bound` is `at least` or `at most`."""

    name: str
    measured: float
    bound: str
    figure: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the measured figure is within the bound."""
        return self.measured >= self.figure if self.bound == "at least" else self.measured <= self.figure


def judged(goals: list[Goal]) -> Table:
    """A table of the goals."""
    table = Table("goal", "measured", "bound", "reached", title="Goals", title_justify="left")
    for goal in goals:
        figures = f"{goal.measured:.2f} {goal.unit}", f"{goal.bound} {goal.figure:.2f} {goal.unit}"
        table.add_row(goal.name, *figures, "yes" if goal.reached else "NO")
    return table
