"""Runs `adopt` on the files of a fleet: the real command, before, with --write, and once more."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.adopt import policies
from tests.adopt.fleet import Drawn, Fleet

JSON = dict[str, Any]
Key = tuple[str, str, str, str]

_ROOT: Final = Path(__file__).parents[2]
#: Files as they are checked out: not of today, and some of them not for everybody.
_MODIFIED: Final = 1_600_000_000


@dataclass(frozen=True)
class Run:
    """One call of the command."""

    code: int
    report: JSON

    @property
    def applications(self) -> dict[Key, JSON]:
        """What is told of each application."""
        found = {(one["group"], one["kind"], one["namespace"], one["name"]): one for one in self.report["applications"]}
        assert len(found) == len(self.report["applications"])
        return found

    def cuts(self, file: str) -> list[tuple[int, int]]:
        """The lines that are cut from a file, each time from the first to the last."""
        return [
            (cut["lines"][0], cut["lines"][1])
            for one in self.report["applications"]
            if one["file"].endswith(f"/{file}")
            for cut in one["cuts"]
        ]


Call = Callable[[Sequence[str]], Run]


@dataclass(frozen=True)
class State:
    """A file."""

    content: bytes
    identity: tuple[int, int]
    """Its inode, and when it was changed."""
    rights: tuple[int, int, int]
    """Its mode and its owners."""


@dataclass(frozen=True)
class Adoption:
    """What became of the files of one policy."""

    policy: str
    old: dict[str, bytes]
    """The files by their paths."""
    tried: Run
    """Without --write."""
    written: Run
    again: Run
    """Without --write, on the slimmed files."""
    rewritten: Run
    before: dict[str, State]
    after_try: dict[str, State]
    after_write: dict[str, State]
    after_rewrite: dict[str, State]

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs, in their order."""
        return self.tried, self.written, self.again, self.rewritten

    def new(self, file: str) -> bytes:
        """A file after the cuts."""
        return self.after_write[file].content

    def slimmed(self, drawn: Drawn) -> JSON:
        """An application after the cuts, as PyYAML reads it."""
        return next(
            one
            for one in read(self.new(drawn.file))
            if one["metadata"]["name"] == drawn.name and one["kind"] == drawn.kind
        )


def read(content: bytes) -> list[JSON]:
    """The objects in a file, those in a List too."""
    found: list[JSON] = []
    for document in yaml.safe_load_all(content):
        if document is not None:
            found += document["items"] if document["kind"] == "List" else [document]
    return found


def adopt(fleet: Fleet, folder: Path, call: Call | None = None) -> dict[str, Adoption]:
    """Writes the fleet into the empty `folder`, and adopts it under its policies. `call` runs the command, if not a process of its own."""
    fleet.write(folder)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda policy: _adopt(policy, fleet.files[policy], folder, call or command), fleet.files))
    return {one.policy: one for one in found}


def _adopt(policy: str, old: dict[str, bytes], folder: Path, call: Call) -> Adoption:
    files = folder / policy
    for number, name in enumerate(sorted(old)):
        os.utime(files / name, (_MODIFIED, _MODIFIED))
        (files / name).chmod(0o640 if number % 5 == 0 else 0o644)
    arguments = ["adopt", "-f", str(files), "-o", "json"]
    if policies.POLICIES[policy]:
        written = folder / f"{policy}.policy"
        written.write_text(policies.text(policy))
        arguments += ["--policy", str(written)]
    before = _states(files)
    tried, after_try = call(arguments), _states(files)
    wrote, after_write = call([*arguments, "--write"]), _states(files)
    again = call(arguments)
    rewrote, after_rewrite = call([*arguments, "--write"]), _states(files)
    return Adoption(policy, old, tried, wrote, again, rewrote, before, after_try, after_write, after_rewrite)


def command(arguments: Sequence[str]) -> Run:
    """Calls the real command line in a process of its own."""
    called = [sys.executable, "-m", "webhook", *arguments]
    ran = subprocess.run(called, capture_output=True, text=True, check=False, cwd=_ROOT)
    assert ran.stdout.startswith("{"), ran.stderr[-3000:]
    return Run(ran.returncode, json.loads(ran.stdout))


def _states(folder: Path) -> dict[str, State]:
    """Each file below `folder`, hidden ones too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            told = path.stat()
            rights = stat.S_IMODE(told.st_mode), told.st_uid, told.st_gid
            found[str(path.relative_to(folder))] = State(path.read_bytes(), (told.st_ino, told.st_mtime_ns), rights)
    return found
