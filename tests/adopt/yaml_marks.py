"""Values of YAML with anchors, aliases and merges."""

from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Alias:
    """An alias in the place of a value that has an anchor."""

    name: str
    value: Any


@dataclass(frozen=True)
class Anchor:
    """A value with an anchor."""

    name: str
    value: Any


@dataclass(frozen=True)
class Merge:
    """A map that takes the keys of an anchored one by `<<`, beside its own."""

    name: str
    base: JSON
    own: JSON


def plain(value: Any) -> Any:
    """The value that a reader gets, with aliases and merges resolved."""
    match value:
        case Anchor() | Alias():
            return plain(value.value)
        case Merge():
            return plain(value.base) | plain(value.own)
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
    return value


def holds_marks(value: Any) -> bool:
    """Whether there is one in `value`."""
    match value:
        case Anchor() | Alias() | Merge():
            return True
        case dict():
            return any(map(holds_marks, value.values()))
        case list():
            return any(map(holds_marks, value))
    return False
