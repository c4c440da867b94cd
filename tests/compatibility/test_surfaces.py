"""A change of what users depend on is noticed: it differs from the committed description."""

import re

import pytest

from tests.compatibility import surfaces
from tests.compatibility.shape import lines_of
from tests.compatibility.surfaces import SURFACES, described, file_of
from tests.live_service import ROOT
from webhook.core import names
from webhook.service.metrics import Metrics

PROMISES = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
BREAK = "removed or changed, a break of docs/compatibility.md (needs a major version or a deprecation)"
NEW = "new (run `make golden`)"


def changes(before: str, now: str) -> list[str]:
    """What was removed or changed, then what is new, one sentence each; empty if nothing differs."""
    old, new = before.splitlines(), now.splitlines()
    return [f"{BREAK}: {line}" for line in old if line not in new] + [
        f"{NEW}: {line}" for line in new if line not in old
    ]


def changes_of(surface: str) -> list[str]:
    """How the code differs from the description of a surface."""
    return changes(file_of(surface).read_text(encoding="utf-8"), described(surface))


@pytest.mark.parametrize("surface", SURFACES)
def test_the_code_is_as_described(surface: str) -> None:
    found = changes_of(surface)
    assert not found, "\n".join(found)


def test_a_metric_that_is_removed_is_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutConnections(Metrics):
        def __init__(self, digest: str) -> None:
            super().__init__(digest)
            self.registry.unregister(self.connections)

    monkeypatch.setattr(surfaces, "Metrics", WithoutConnections)
    assert changes_of("metrics") == [
        f"{BREAK}: spark_eci_webhook_connections: gauge",
        f"{BREAK}: spark_eci_webhook_connections{{}}",
    ]


def test_a_label_that_is_renamed_is_a_break_and_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PROFILE_LABEL", "spark-eci-webhook/rules")
    assert changes_of("labels") == [
        f"{BREAK}: label of a namespace: spark-eci-webhook/profile: a profile, or none",
        f"{NEW}: label of a namespace: spark-eci-webhook/rules: a profile, or none",
    ]


def test_a_key_that_may_be_absent_another_type_and_another_word_are_seen() -> None:
    now = {"level": "ok", "pods": {"ecs-only": {"placed": 1}}, "before": {"spec": {}}, "lines": [1]}

    def shape(*documents: object) -> str:
        found = lines_of(documents, maps=[".pods"], others=[".before"], words=[".level"])
        return "\n".join(sorted(found))

    assert shape(now).splitlines() == [
        ".: object",
        ".before: object",
        ".level: string",
        ".level: string ok",
        ".lines: array",
        ".lines[]: number",
        ".pods.*.placed: number",
        ".pods.*: object",
        ".pods: object",
    ]
    without = {key: value for key, value in now.items() if key != "level"}
    assert changes(shape(now), shape(now, without)) == [f"{BREAK}: .level: string", f"{NEW}: .level?: string"]
    assert changes(shape(now), shape(now | {"level": "fault"})) == [
        f"{BREAK}: .level: string ok",
        f"{NEW}: .level: string fault",
    ]
    assert changes(shape(now), shape(now | {"lines": ["1"]})) == [
        f"{BREAK}: .lines[]: number",
        f"{NEW}: .lines[]: string",
    ]


def test_every_description_is_among_the_promises() -> None:
    named = re.findall(r"\[(\w+)\]\(\.\./tests/compatibility/(\w+)\.txt\)", PROMISES)
    assert named == [(surface, surface) for _, surface in named]
    assert sorted(surface for surface, _ in named) == sorted(SURFACES)
    assert {file.stem for file in surfaces.FOLDER.glob("*.txt")} == set(SURFACES)
