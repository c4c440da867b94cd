"""Commands whose modules are imported when they run, so that one command does not wait for what another needs."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """Stands for the function `name` of a module; until it is called, only its one line of help is known."""

    def __init__(self, name: str, place: str, help: str) -> None:  # noqa: A002, typer's name for it
        """`place` is `MODULE:FUNCTION`."""
        super().__init__(name, help=help, rich_markup_mode="markdown")
        self._place = place

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the real command, which is imported for it (typer runs, and completes, what that names)."""
        module, function = self._place.split(":")
        alone = typer.Typer(rich_markup_mode="markdown", add_completion=False)
        alone.command(self.name)(getattr(import_module(module), function))
        return typer.main.get_command(alone).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """A group that has `lazy` commands beside its own: name → `MODULE:FUNCTION` and one line of help."""

    lazy: Mapping[str, tuple[str, str]] = {}

    def __init__(self, **options: Any) -> None:
        """`options` are those of TyperGroup."""
        super().__init__(**options)
        for name, (place, line) in self.lazy.items():
            self.add_command(LazyCommand(name, place, line))
