"""Runs commands as a user does, in this process and from the project's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from webhook.cli.process import run_command

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)

    def call(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run_command([str(one) for one in arguments])
        return Ran(code, *capsys.readouterr())

    return call
