"""What is wrong with a call of a command line, as one sentence with what is accepted in its place."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from typer.exceptions import TyperException

#: The most characters of an argument that a sentence repeats.
_LONGEST: Final = 60
#: The most options that a sentence lists.
_LISTED: Final = 8
# typer has no type of its own for these two, and keeps the words only in the message.
_NO_COMMAND: Final = re.compile(r"No such command (['\"])(.*)\1\.?(?: Did you mean .*)?", re.DOTALL)
_EXTRA: Final = re.compile(r"Got unexpected extra argument\(s\) \((.*)\)", re.DOTALL)


def sentence(error: TyperException, program: str, group: Any, arguments: Sequence[str]) -> str:
    """What is wrong with `arguments`, which `program` cannot use; `group` holds its commands."""
    context = getattr(error, "ctx", None)
    if context is None:
        # An option without its value is reported without the command.
        name = next((one for one in arguments if one in group.commands), "")
        command, path = group.commands.get(name, group), f"{program} {name}".rstrip()
    else:
        command, path = context.command, context.command_path
    return f"{_fault(error, command)} (see {path} --help)"


def _fault(error: Any, command: Any) -> str:
    message = error.message
    # The types are private to typer, their names are those of click.
    match type(error).__name__:
        case "NoSuchOption":
            # For -name typer first looks for a long option of that name, then for the letter n.
            before = error.__context__
            return _unknown_option(getattr(before, "option_name", error.option_name), command)
        case "BadOptionUsage":
            wanted = "takes no value" if "not take a value" in message else "needs a value"
            return f"option {_shown(error.option_name)} {wanted}"
        case "MissingParameter":
            return f"missing {error.param.param_type_name} {_name(error.param)}{_meaning(error.param)}"
        case "BadParameter" if error.param is not None:
            return f"{_name(error.param)}: {_unusable(error)}"
    if unknown := _NO_COMMAND.fullmatch(message):
        names = list(command.commands)
        return f"unknown command {_shown(unknown[2])}{_instead(unknown[2], names, names, len(names))}"
    if extra := _EXTRA.fullmatch(message):
        return f"unexpected argument {_shown(extra[1])}; accepted: {_arguments(command)}"
    plain = error.format_message().rstrip(".")
    return str(plain[:1].lower() + plain[1:])


def _unknown_option(name: str, command: Any) -> str:
    start = f"unknown option {_shown(name)}"
    own = _options(command)
    known = [*own, *_help(command)]
    if not nearest(name, known):
        others = [option for one in getattr(command, "commands", {}).values() for option in _options(one)]
        if other := nearest(name, others):
            return f"{start}; did you mean COMMAND {other}?"
    return start + _instead(name, known, [one for one in own if one.startswith("--")])


def _instead(name: str, known: Sequence[str], accepted: Sequence[str], most: int = _LISTED) -> str:
    """The clause with the nearest of `known`, or else with what is accepted; empty if nothing is."""
    near = nearest(name, known)
    if near:
        return f"; did you mean {near}?"
    if not accepted:
        return ""
    more = len(accepted) - most
    return "; accepted: " + ", ".join(accepted[:most]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that may be meant by `name`, without regard to hyphens before it; empty if none is near."""
    typed = name[:_LONGEST].lstrip("-").lower()
    known = {one.lstrip("-"): one for one in names}
    if typed in known:
        return known[typed]
    begun = [one for one in known if typed and one.startswith(typed)]
    near = begun or get_close_matches(typed, known, 1)
    return known[near[0]] if near else ""


def _options(command: Any) -> list[str]:
    return [name for one in command.params if one.param_type_name == "option" and not one.hidden for name in one.opts]


def _help(command: Any) -> list[str]:
    """The options for help, which typer does not have among the parameters of a command."""
    return [str(one) for one in command.context_settings.get("help_option_names", ["--help"])]


def _arguments(command: Any) -> str:
    if "--file" in _options(command):
        return "-f before each file and folder"
    names = [_name(one) for one in command.params if one.param_type_name == "argument"]
    return ", ".join(names) or "options only"


def _name(parameter: Any) -> str:
    """How a person writes `parameter`."""
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return str(max(parameter.opts, key=len))


def _meaning(parameter: Any) -> str:
    """The first sentence of its help, as a part of a sentence."""
    text = (parameter.help or "").partition(". ")[0].rstrip(".")
    if text[1:2].isupper():
        return f": {text}"
    return f": {text[:1].lower()}{text[1:]}" if text else ""


def _unusable(error: Any) -> str:
    """Why a value cannot be used."""
    faults = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    message = str(error.message).removeprefix("Value error, ").rstrip(".")
    if not faults:
        return message
    _, among, choices = message.partition(" is not one of ")
    if among:
        message = f"accepted: {choices.replace(chr(39), '')}"
    # pydantic checks the values, and its sentences begin like this.
    accepted = message.replace("Input should be", "accepted:").partition(", unable to parse")[0]
    return f'found "{_shown(str(faults[0]["input"]))}"; {accepted}'


def _shown(text: str) -> str:
    """`text` on one line, without what could change a terminal, and not too long."""
    whole = "".join(char if char.isprintable() else "?" for char in text[: _LONGEST + 1])
    return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…"
