"""The cases in tests/cases: a folder is a case. The profile is always `default`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from webhook.core.policy import Policy
from webhook.service.policy_file import load_policy

ROOT = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """A pod as it comes, the policy in force, the pod as it has to become, and the warnings that go with it."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def policy(self) -> Policy:
        return load_policy(self.folder / "policy.yaml")

    @property
    def pod(self) -> Any:
        return yaml.safe_load((self.folder / "pod.yaml").read_text(encoding="utf-8"))

    @property
    def expected(self) -> Any:
        return yaml.safe_load(self.expected_file.read_text(encoding="utf-8"))

    @property
    def warnings(self) -> list[str]:
        return self.warnings_file.read_text(encoding="utf-8").splitlines() if self.warnings_file.exists() else []

    @property
    def expected_file(self) -> Path:
        return self.folder / "expected.yaml"

    @property
    def warnings_file(self) -> Path:
        return self.folder / "warnings.txt"


CASES = [Case(folder) for folder in sorted(ROOT.iterdir()) if folder.is_dir()]
