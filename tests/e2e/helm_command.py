"""A `helm` command of a document, run by Helm's own library, because the tests have no `helm`."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import helm_python
import yaml


class _Parser(argparse.ArgumentParser):
    """Knows the flags that documents use, and refuses every other one."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{self.prog}: {message}")


def _parser() -> _Parser:
    parser = _Parser("helm", allow_abbrev=False, add_help=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("install", "upgrade", "rollback", "uninstall", "test"):
        command = commands.add_parser(name, allow_abbrev=False, add_help=False)
        command.add_argument("release")
        command.add_argument("-n", "--namespace", required=True)
        if name in ("install", "upgrade"):
            command.add_argument("chart", type=Path)
            command.add_argument("-f", "--values", type=Path, action="append", default=[])
            command.add_argument("--set", dest="given", action="append", default=[])
            command.add_argument("--create-namespace", action="store_true")
        if name == "upgrade":
            command.add_argument("--install", action="store_true")
            command.add_argument("--reuse-values", action="store_true")
        if name == "rollback":
            command.add_argument("revision", type=int, nargs="?")
        if name != "test":
            command.add_argument("--wait", action="store_true")
    return parser


def run_helm(command: str, kubeconfig: Path, folder: Path = Path()) -> None:
    """Does what `helm …` would do, with paths from `folder`.

    `--wait` waits as Helm 4 does, at most 300 s. Raises ValueError for a flag that is not known here, and
    helm_python.HelmError for what Helm refuses.
    """
    program, *words = shlex.split(command)
    if program != "helm":
        raise ValueError(f"{command!r} does not call helm")
    asked = _parser().parse_args(words)
    name: str = asked.release
    wait: dict[str, Any] = {"wait": "watcher", "timeout": 300} if getattr(asked, "wait", False) else {}
    with helm_python.Config(kubeconfig_path=kubeconfig, namespace=asked.namespace) as helm:
        if getattr(asked, "install", False) and not helm.list(all_states=True):
            asked.command = "install"
        match asked.command:
            case "install":
                values = _values(folder, asked.values, asked.given)
                helm.install(folder / asked.chart, name, values, create_namespace=asked.create_namespace, **wait)
            case "upgrade":
                values = _values(folder, asked.values, asked.given)
                helm.upgrade(folder / asked.chart, name, values, reuse_values=asked.reuse_values, **wait)
            case "rollback":
                helm.rollback(name, version=asked.revision, **wait)
            case "uninstall":
                helm.uninstall(name, **wait)
            case "test":
                helm.test(name, timeout=300)


def _values(folder: Path, files: Sequence[Path], given: Sequence[str]) -> dict[str, Any]:
    """The values of `-f` and `--set`, the last of which win: `--set a.b=c,d=e`, without lists."""
    values: dict[str, Any] = {}
    for file in files:
        _merge(values, yaml.safe_load((folder / file).read_text(encoding="utf-8")) or {})
    for assignment in (one for text in given for one in text.split(",")):
        path, separator, value = assignment.partition("=")
        if not separator or set(path) & set("[]{}\\"):
            raise ValueError(f"--set {assignment}: only KEY.KEY=VALUE is known here")
        *outer, key = path.split(".")
        made: dict[str, Any] = {key: _typed(value)}
        for one in reversed(outer):
            made = {one: made}
        _merge(values, made)
    return values


def _typed(value: str) -> bool | int | str | None:
    """A value of `--set`, as Helm's package strvals reads it."""
    words: dict[str, bool | None] = {"true": True, "false": False, "null": None}
    if value in words:
        return words[value]
    return int(value) if value == "0" or (value.isdecimal() and not value.startswith("0")) else value


def _merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value
