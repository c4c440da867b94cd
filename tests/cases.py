"""The cases in tests/cases: how a policy changes a Spark pod. CONTRIBUTING.md says how to add one.

The folder `tests/cases/pods` has one base pod for each role. Each file next to that folder has cases by name:

- `role`: the role of the base pod, `executor` if it is not given;
- `rule`: the rule of both roles in the profile `default`, or only its mode;
- `policy`: the rest of the policy file;
- `pod`: an overlay (tests/overlays.py) that changes the base pod into the pod under review;
- `expected`: an overlay that changes the pod under review into the expected pod, which is compared as a whole;
- `warnings`: all expected warnings.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.overlays import overlaid
from webhook.core.policy import Policy
from webhook.service.policy_file import parse_policy
from webhook.service.yaml_loader import documents

ROOT = Path(__file__).parent / "cases"
FILES = sorted(ROOT.glob("*.yaml"))


@dataclass(frozen=True)
class Case:
    """A pod under review, the policy file, the expected pod and the expected warnings."""

    name: str
    pod: Any
    policy_document: dict[str, Any]
    expected: Any
    warnings: list[str]

    @cached_property
    def policy(self) -> Policy:
        return parse_policy(json.dumps(self.policy_document).encode(), self.name)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Writes the pod and the policy into `folder` and returns the two files."""
        pod, policy = folder / "pod.yaml", folder / "policy.yaml"
        pod.write_text(yaml.safe_dump(self.pod), encoding="utf-8")
        policy.write_text(yaml.safe_dump(self.policy_document, sort_keys=False), encoding="utf-8")
        return pod, policy


def entries(file: Path) -> dict[str, dict[str, Any]]:
    """The entries of a file, by name. Raises YAMLFaultError, also if a name is used twice."""
    (found,) = documents(file.read_bytes())
    return dict(found)


def case_of(
    name: str,
    *,
    role: str = "executor",
    rule: str | dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    pod: dict[str, Any] | None = None,
    expected: dict[str, Any] | None = None,
    warnings: list[str] | None = None,
) -> Case:
    """The case that an entry of a file describes."""
    (base,) = documents((ROOT / "pods" / f"{role}.yaml").read_bytes())
    before = overlaid(base, pod or {})
    document = dict(policy or {})
    if rule is not None:
        both = {"mode": rule} if isinstance(rule, str) else rule
        document["profiles"] = {"default": {"driver": both, "executor": both}}
    return Case(name, before, document, overlaid(before, expected or {}), warnings or [])


CASES = sorted(
    (case_of(name, **entry) for file in FILES for name, entry in entries(file).items()), key=lambda case: case.name
)
