"""The examples of the playground."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from webhook.cli.pod_text import yaml_text
from webhook.core.modes import SchedulingMode

_FOLDER: Final = Path(__file__).parent / "examples"
#: The application of the examples that are about the policy only.
_PLAIN: Final = "spark-pi"


@dataclass(frozen=True, slots=True)
class Example:
    """An application and a policy to look at."""

    name: str
    title: str
    sentence: str
    documents: str
    policy: str
    """The text of the policy; empty for that of the service."""
    profile: str
    """The profile for all pods; empty for those of the namespaces."""

    def told(self) -> dict[str, str]:
        """The example, JSON-like."""
        return asdict(self)


#: The examples beside those of the modes: their names, titles and sentences. Each has a file of its policy, too; those
#: without a file of documents have the plain application.
_OTHERS: Final = (
    (
        "driver-on-ecs",
        "Driver on ECS, executors on ECI",
        "The driver, which must not be lost, runs on ECS, and its executors run on ECI.",
    ),
    ("mix", "Executors in a mix", "Of ten executors four run on ECS and six on ECI, by their numbers."),
    ("first", "The first executors on ECS", "The first two executors run on ECS, and all others on ECI."),
    (
        "own-affinity",
        "A pod with its own affinity",
        "The application has its own rules for nodes; the webhook adds to them and removes nothing.",
    ),
    (
        "unsupported",
        "A pod that ECI cannot run",
        "The executors mount a folder of their node, which virtual nodes do not have, so they stay on ECS.",
    ),
    (
        "never-runs",
        "An application that never runs",
        "It has nodeSelector in two places, which the operator refuses, so no pod is made, whatever the policy says.",
    ),
    ("apache", "An application of Apache's operator", "The policy selects the pods of both operators."),
)


def _all() -> Iterator[Example]:
    """Yields the examples in the order in which they are shown."""
    plain = _text(_PLAIN)
    # The first one is what people see first, and what they came for.
    first, *others = [_written(*one) for one in _OTHERS]
    yield first
    for mode in SchedulingMode:
        yield Example(mode.value, f"Mode {mode}", mode.sentence, plain, _policy_of(mode), "")
    yield from others


def _written(name: str, title: str, sentence: str) -> Example:
    """The example whose texts are in the folder."""
    own = (_FOLDER / f"{name}.yaml").exists()
    return Example(name, title, sentence, _text(name if own else _PLAIN), _text(f"{name}.policy"), "")


def _policy_of(mode: SchedulingMode) -> str:
    """A policy in which all pods have `mode`."""
    overflow: dict[str, Any] = {"overflow": {}} if mode.waits else {}
    rule = {"mode": mode.value}
    return yaml_text({**overflow, "profiles": {"default": {"driver": rule, "executor": dict(rule)}}})


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


EXAMPLES: Final = tuple(_all())
