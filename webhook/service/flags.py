"""The flags of `serve` and its variables: a mistake in one is a sentence that names the nearest."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from webhook.core.text import cut, listed, one_line

PROGRAM: Final = "spark-eci-webhook serve"
#: The beginning of the variables.
PREFIX: Final = "ECI_WEBHOOK_"
#: The most characters of an argument that a sentence repeats.
_LONGEST: Final = 60
#: How alike a variable is to the one that may be meant. Variables of other programs may begin with the same words.
_ALIKE: Final = 0.85
#: Kubernetes sets these for a Service whose name begins with eci-webhook.
_OF_A_SERVICE: Final = re.compile(r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_[0-9]+_.*)")


class FlagError(Exception):
    """The arguments cannot be used; the message is one sentence."""


def checked(arguments: Sequence[str], settings: Iterable[str]) -> list[str]:
    """The flags of `settings` in `arguments`, each as `--name=value`, or only `--help` if it is asked for.

    Raises FlagError: argparse would print the names of all flags before its own sentence, and take a part of a name.
    """
    flags = ["--" + name.replace("_", "-") for name in settings]
    found = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-h", "--help"):
            return ["--help"]
        flag, equals, value = argument.partition("=")
        if flag not in flags:
            raise FlagError(f"{_unknown(argument, flag, flags)} (see {PROGRAM} --help)")
        if not equals:
            value = next(rest, "--")
            if value.startswith("--"):
                raise FlagError(f"option {flag} needs a value (see {PROGRAM} --help)")
        found.append(f"{flag}={value}")
    return found


def _unknown(argument: str, flag: str, flags: Collection[str]) -> str:
    if not flag.startswith("-"):
        return f"unexpected argument {shown(argument)}; accepted: options only"
    start = f"unknown option {shown(flag)}; "
    typed = "--" + flag[:_LONGEST].lstrip("-").lower()
    known = [*flags, "--help"]
    begun = [one for one in known if one.startswith(typed) and typed != "--"]
    near = begun[0] if begun else _nearest(typed[2:], [one[2:] for one in known], 0.6, "--")
    return f"{start}did you mean {near}?" if near else listed(f"{start}accepted: ", flags, 200)


def misspelt(variables: Iterable[str], settings: Iterable[str]) -> Iterator[str]:
    """Yields a sentence for each of the environment's `variables` that is no setting but looks like one."""
    known = [name.upper() for name in settings]
    for variable in variables:
        name = variable.removeprefix(PREFIX)
        if name in (variable, *known) or _OF_A_SERVICE.fullmatch(name):
            continue
        if near := _nearest(name[:_LONGEST], known, _ALIKE, PREFIX):
            yield f"{shown(variable)} is no setting; did you mean {near}?"


def _nearest(name: str, names: Collection[str], alike: float, prefix: str) -> str:
    # Few processes need it, and to import it takes time at start.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(name, names, 1, alike)
    return prefix + near[0] if near else ""


def shown(text: str) -> str:
    """`text` as a sentence repeats it: on one line, and not too long."""
    return cut(one_line(text[: _LONGEST + 1]), _LONGEST)
