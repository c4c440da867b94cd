"""Runs commands as a user does, in this process and from the project's folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from webhook.cli.process import run_command

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def in_namespaces(*described: tuple[str, str | None], others: Sequence[str] = ()) -> str:
    """A file with an application in each namespace; those that are `described` have this label, or none if None."""
    application = yaml.safe_load((ROOT / "examples/ecs-first/before.yaml").read_text())
    documents = []
    for name, label in described:
        labels = {} if label is None else {"spark-eci-webhook/profile": label}
        documents.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    applications = [
        application | {"metadata": {"name": "app", "namespace": name}} for name in (*dict(described), *others)
    ]
    return yaml.safe_dump_all([*documents, *applications])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)

    def call(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run_command([str(one) for one in arguments])
        return Ran(code, *capsys.readouterr())

    return call
