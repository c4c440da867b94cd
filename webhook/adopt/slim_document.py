"""One YAML document of a file: what can be cut from it, so that all that stays is read as before."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from webhook.adopt.cuts import LeftReason
from webhook.adopt.lines import ObstacleError, Path, Text, entry_of, line_of
from webhook.adopt.proof import Application, Group, Place, most
from webhook.adopt.removal import without
from webhook.adopt.yaml_tree import Node
from webhook.service.yaml_loader import YAMLFaultError, documents
from webhook.spark.documents import OPERATOR_KINDS


class SlimDocument:
    """A document, the applications in it, and what can be cut.

    `root` is where its values stand, in the lines `first` to `last` of `text`; `obstacle` is why no line can be cut.
    """

    def __init__(
        self,
        document: Any,
        place: Place,
        root: Node | None,
        text: Text | None,
        lines: range,
        obstacle: LeftReason | None,
    ) -> None:
        self._document, self._root, self._text, self._lines, self._obstacle = document, root, text, lines, obstacle
        self._applications = [
            (path, Application(found, place, partial(self._obstacle_to, path))) for path, found in _objects(document)
        ]
        self._settle()

    @property
    def empty(self) -> bool:
        """Whether there is no value at all."""
        return self._document is None

    @property
    def removed(self) -> list[Path]:
        """The outermost paths of what is cut."""
        return [(*path, *inner) for path, one in self._applications for inner in one.removed]

    @property
    def left(self) -> Iterator[tuple[Path, int, LeftReason]]:
        """Yields the path of each thing that is left, its line, from 0, and why."""
        for path, one in self._applications:
            for inner, why in one.left.items():
                outer = *path, *inner
                yield outer, line_of(self._root, outer) if self._root else 0, why

    def lines_of(self, path: Path) -> list[int]:
        """The lines, from 0, that are cut with the value at `path`."""
        if self._root is None or self._text is None:
            return []
        return self._text.own_lines(entry_of(self._root, path))

    def is_placed_alike(self, document: Any) -> bool:
        """Whether the webhook gives the pods of `document`, this one after the cuts, the same as before."""
        if document != without(self._document, self.removed):
            return False
        found = dict(_objects(document))
        return all(not one.groups or one.is_placed_alike(found[path]) for path, one in self._applications)

    def leave(self) -> None:
        """Cuts nothing."""
        for _, one in self._applications:
            one.restrict([], LeftReason.READ_OTHERWISE)

    def _obstacle_to(self, outer: Path, path: Path) -> LeftReason | None:
        """Why the lines of the value at `path` of the object at `outer` cannot be cut."""
        if self._obstacle is not None:
            return self._obstacle
        try:
            self.lines_of((*outer, *path))
        except ObstacleError as error:
            return error.why
        return None

    def _settle(self) -> None:
        """Leaves whatever cannot go because the other lines would be read otherwise."""
        groups = self._groups()
        if not groups or self._reads(groups):
            return
        kept = self._by_application(most(groups, self._reads))
        for index, (_, one) in enumerate(self._applications):
            one.restrict(kept[index], LeftReason.READ_OTHERWISE)
        if not self._reads(self._groups()):
            self.leave()

    def _groups(self) -> list[tuple[int, Group]]:
        """What goes from each application, with the index of the application."""
        return [(index, group) for index, (_, one) in enumerate(self._applications) for group in one.groups]

    def _by_application(self, groups: Sequence[tuple[int, Group]]) -> list[list[Group]]:
        found: list[list[Group]] = [[] for _ in self._applications]
        for index, group in groups:
            found[index].append(group)
        return found

    def _reads(self, groups: Sequence[tuple[int, Group]]) -> bool:
        """Whether the lines of the document without `groups` are read as the document without them."""
        paths = [
            (*path, *inner)
            for (path, one), own in zip(self._applications, self._by_application(groups), strict=True)
            for inner in one.outermost(own)
        ]
        try:
            gone = {line for path in paths for line in self.lines_of(path)}
            found = documents(self._text.without(gone, self._lines)) if self._text else []
        except (ObstacleError, YAMLFaultError):
            return False
        return found == [without(self._document, paths)]


def _objects(document: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields each object of a kind of the operators in `document`, in lists too, and where it stands."""
    # No recursion: JSON may nest deeper than Python's stack.
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, found = waiting.pop()
        if not isinstance(found, dict):
            continue
        kind, items = found.get("kind"), found.get("items")
        if kind in OPERATOR_KINDS:
            yield path, found
        elif isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
            # The API server sends the items of a typed list without apiVersion and kind.
            kind = kind.removesuffix("List")
            missing = {"apiVersion": found.get("apiVersion"), "kind": kind} if kind else {}
            inner = (
                ((*path, "items", index), missing | item if isinstance(item, dict) else item)
                for index, item in enumerate(items)
            )
            waiting += reversed(list(inner))
