"""Which placement fields of an application the webhook adds as well, proven by what it does without them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from webhook.adopt.cuts import LeftReason
from webhook.adopt.equivalence import equivalent
from webhook.adopt.lines import Path
from webhook.adopt.placement_fields import PlacementField, is_whole, placement_fields
from webhook.adopt.removal import whole, without
from webhook.adopt.verdict import gets_worse
from webhook.core.distribution import WHOLE
from webhook.core.patch import Change, Kind, Operation
from webhook.core.profile import CompiledRule
from webhook.core.selectors import ALL_ROLES
from webhook.explain.explanation import WorkloadExplanation
from webhook.explain.outcome import Fate, NoProfile, Outcome

#: Explains one document (JSON-like). It raises nothing, and finds nothing in a document without a workload.
Place = Callable[[Any], Sequence[WorkloadExplanation]]
#: The obstacle to removing the value at a path.
Obstacle = Callable[[Path], LeftReason | None]

#: Fields that give a pod the same. They are removed together, or not at all.
Group = tuple[PlacementField, ...]

_T = TypeVar("_T")
#: Spark mounts the executors' template into the driver (PodTemplateConfigMapStep), so without it the driver is not the
#: same. The Spark Operator always gives Spark a template, and Apache's operator only one that the application has.
_KEPT: Final = frozenset({("spec", "executorSpec"), ("spec", "executorSpec", "podTemplateSpec")})
_STANDS: Final = (Fate.PLACED, Fate.NOT_PLACED, Fate.LEFT_ALONE, Fate.OBSERVED)


def most(items: Sequence[_T], holds: Callable[[Sequence[_T]], bool]) -> list[_T]:
    """As many of `items` as possible, in their order, for which `holds` is true, found by halves."""
    if not items or holds(items):
        return list(items)
    if len(items) == 1:
        return []
    middle = len(items) // 2
    first, second = most(items[:middle], holds), most(items[middle:], holds)
    if first and second and not holds([*first, *second]):
        for one in second:
            if holds([*first, one]):
                first.append(one)
        return first
    return [*first, *second]


class Application:
    """One application, what can be removed from it, and what is left."""

    def __init__(self, document: dict[str, Any], place: Place, obstacle: Obstacle) -> None:
        self._document, self._place, self._obstacle = document, place, obstacle
        self._left: dict[Path, LeftReason] = {}
        self._tried: dict[frozenset[Path], WorkloadExplanation | None] = {}
        self.groups: list[Group] = []
        """What can be removed."""
        explained = place(document)
        if len(explained) == 1 and not isinstance(explained[0].profile, NoProfile):
            self._explained, self._profile = explained[0], explained[0].profile
            self._find()

    @property
    def left(self) -> dict[Path, LeftReason]:
        """The paths of what is left although the webhook adds the same or nearly the same, and why."""
        return self._left

    @property
    def removed(self) -> set[Path]:
        """The outermost paths of what can be removed."""
        return self.outermost(self.groups)

    def outermost(self, groups: Iterable[Group]) -> set[Path]:
        """The outermost paths that go if `groups` go."""
        return whole(self._document, _paths(groups))

    def restrict(self, groups: Sequence[Group], why: LeftReason) -> None:
        """Removes nothing but `groups`, which are some of its groups. Leaves all others, because of `why`."""
        dropped = [one for group in self.groups if group not in groups for one in group]
        self.groups = most(groups, self._holds)
        self._left |= {one.path: why for one in dropped}
        self._left |= dict.fromkeys(_paths(groups) - _paths(self.groups), LeftReason.DIFFERS)

    def is_placed_alike(self, document: Any) -> bool:
        """Whether the webhook gives the pods of `document` the same as those of the application."""
        return equivalent([self._explained], self._place(document))

    def _find(self) -> None:
        wanted = _grouped(self._wanted())
        # The text is looked at second: a map goes easily as a whole, even if one of its entries cannot go alone.
        found = _most_by_role(self._clean(_most_by_role(wanted, self._proves)), self._holds)
        for group in wanted:
            if group not in found:
                if self._holds([*found, group]):
                    found.append(group)
                else:
                    self._leave(group, found)
        effective = self._effective(found)
        self.groups = most(effective, self._holds)
        for group in effective:
            if group not in self.groups:
                self._leave(group, self.groups)
        self._tried.clear()

    def _leave(self, group: Group, others: Sequence[Group]) -> None:
        """Leaves `group` if the others go."""
        obstacles = self._obstacles([*others, group])
        stuck = any(one.path in obstacles for one in group)
        otherwise = LeftReason.REPEATED if stuck else self._why([*others, group])
        self._left |= {one.path: obstacles.get(one.path, otherwise) for one in group}

    def _wanted(self) -> list[PlacementField]:
        """The fields that the webhook would add to all pods that have them. Those that are nearly so are left."""
        found = []
        for field in placement_fields(self._document):
            pods = _outcomes(self._explained, field.title)
            if not pods or any(one.decision is None for one in pods):
                continue
            rule = self._profile.rules[ALL_ROLES[field.title]]
            if all(any(map(field.is_wanted_by, _changes(one))) for one in pods):
                why = _standing(rule, self._document)
                if why is None:
                    found.append(field)
                else:
                    self._left[field.path] = why
            elif field.is_near(self._profile, rule):
                self._left[field.path] = LeftReason.ROLLOUT if rule.rollout < WHOLE else LeftReason.DIFFERS
        return found

    def _clean(self, groups: list[Group]) -> list[Group]:
        """Those of `groups` that can be removed from the text."""
        while obstacles := self._obstacles(groups):
            groups = [group for group in groups if not any(one.path in obstacles for one in group)]
        return groups

    def _obstacles(self, groups: Iterable[Group]) -> dict[Path, LeftReason]:
        """The obstacles to removing `groups`, by the path of each field that they stand against."""
        paths = _paths(groups)
        found: dict[Path, LeftReason] = {}
        for outer in whole(self._document, paths):
            if (why := self._obstacle(outer)) is not None:
                found |= {path: why for path in paths if path[: len(outer)] == outer}
        return found

    def _holds(self, groups: Iterable[Group]) -> bool:
        """Whether `groups` can be removed from the text, and it is proven that they may."""
        groups = list(groups)
        return not self._obstacles(groups) and self._proves(groups)

    def _proves(self, groups: Iterable[Group]) -> bool:
        """Whether, without `groups`, the webhook adds all of them, the pods are the same, and no verdict is worse."""
        groups = list(groups)
        after = self._without(_paths(groups))
        return (
            after is not None
            and all(_adds(after, group[0]) for group in groups)
            and equivalent([self._explained], [after])
            and not gets_worse(self._explained, after)
        )

    def _why(self, groups: Sequence[Group]) -> LeftReason:
        """Why the last one of `groups` is left if the others go."""
        after = self._without(_paths(groups))
        if after is None or set(after.workload.refused) != set(self._explained.workload.refused):
            return LeftReason.NEEDED
        if not equivalent([self._explained], [after]):
            return LeftReason.DIFFERS
        return LeftReason.INCOMPLETE if gets_worse(self._explained, after) else LeftReason.REPEATED

    def _effective(self, groups: list[Group]) -> list[Group]:
        """`groups` without fields that have no effect: beside one of them, the webhook adds the same."""
        paths, found = _paths(groups), []
        for group in groups:
            kept = tuple(one for one in group if len(group) == 1 or not self._adds_beside(one, paths))
            self._left |= {one.path: LeftReason.REPEATED for one in group if one not in kept}
            found.append(kept)
        return found

    def _adds_beside(self, field: PlacementField, paths: set[Path]) -> bool:
        """Whether the webhook adds `field` even if it stays while the others of `paths` go."""
        after = self._without(paths - {field.path})
        return after is not None and _adds(after, field)

    def _without(self, paths: set[Path]) -> WorkloadExplanation | None:
        """The explanation of the application without `paths`; None if it has to keep one of them."""
        key = frozenset(paths)
        if key not in self._tried:
            outermost = whole(self._document, paths)
            explained = [] if outermost & _KEPT else self._place(without(self._document, outermost))
            self._tried[key] = explained[0] if len(explained) == 1 else None
        return self._tried[key]


def _most_by_role(groups: Sequence[Group], holds: Callable[[Sequence[Group]], bool]) -> list[Group]:
    """As many of `groups` as possible. What is left of one role is no reason to leave something of another one."""
    found: list[Group] = []
    for title in dict.fromkeys(group[0].title for group in groups):
        of_role = [group for group in groups if group[0].title == title]
        found += most(of_role, partial(_hold_beside, holds, tuple(found)))
    return found


def _hold_beside(holds: Callable[[Sequence[Group]], bool], beside: Sequence[Group], groups: Sequence[Group]) -> bool:
    return holds([*beside, *groups])


def _grouped(fields: Iterable[PlacementField]) -> list[Group]:
    groups: dict[Any, list[PlacementField]] = {}
    for one in fields:
        # Requirements of two terms are two things, because terms are ORed.
        same = one.path if one.kind is Kind.REQUIRED else (one.title, one.kind, one.key, repr(one.value))
        groups.setdefault(same, []).append(one)
    return [tuple(group) for group in groups.values()]


def _paths(groups: Iterable[Group]) -> set[Path]:
    return {one.path for group in groups for one in group}


def _outcomes(explained: WorkloadExplanation, title: str) -> list[Outcome]:
    """The outcomes of the pods with this `title`, if all of them are made."""
    found = [one for one in explained.pods if one.pod.title == title]
    return [one.outcome for one in found] if all(one.fate in _STANDS for one in found) else []


def _changes(outcome: Outcome) -> list[Change]:
    """What the webhook would add to a pod, but that the pod has already."""
    changes = outcome.decision.changes if outcome.decision else []
    return [one for one in changes if one.operation is Operation.KEEP]


def _adds(explained: WorkloadExplanation, field: PlacementField) -> bool:
    """Whether the webhook adds `field` to all pods that had it."""
    pods = _outcomes(explained, field.title)
    return bool(pods) and all(any(map(field.is_wanted_by, one.added)) for one in pods)


def _standing(rule: CompiledRule, document: dict[str, Any]) -> LeftReason | None:
    """Why nothing is removed for pods of `rule`, whatever it is."""
    if any(one.observe for one in rule.variants):
        return LeftReason.OBSERVED
    if any(one.rollout < WHOLE for one in rule.variants):
        return LeftReason.ROLLOUT
    if "status" in document:
        return LeftReason.STORED
    return None if is_whole(document) else LeftReason.PARTIAL
