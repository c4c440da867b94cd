"""The commands by which docs/upgrading.md prepares an upgrade, with values of 0.1.0."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documents.commands import claimed
from tests.e2e.upgrades import former
from tests.live_service import ROOT

(VALIDATE,), (DIFF,) = (claimed("docs/upgrading.md", f"spark-eci-webhook {one}") for one in ("validate", "diff"))


def test_the_new_version_accepts_the_values_and_names_what_a_change_moves(tmp_path: Path) -> None:
    values = former.VALUES_FILE.read_text(encoding="utf-8")
    (tmp_path / "values.yaml").write_text(values, encoding="utf-8")
    changed = values.replace("    strict:\n", "    default:\n      executor: {mode: eci-only}\n    strict:\n")
    (tmp_path / "changed.yaml").write_text(changed, encoding="utf-8")
    (tmp_path / "apps").mkdir()
    shutil.copy(ROOT / "examples/ecs-first/before.yaml", tmp_path / "apps/spark-pi.yaml")

    code, output = _ran(VALIDATE, tmp_path)
    profiles = former.VALUES["policy"]["profiles"]
    assert code == 0
    assert {name for name in profiles if f"\n│ {name} " in output} == {name for name, one in profiles.items() if one}
    code, output = _ran(DIFF, tmp_path)
    assert (code, "spark-pi" in output, "eci-only" in output) == (1, True, True)


def _ran(command: str, folder: Path) -> tuple[int, str]:
    program, *arguments = shlex.split(command)
    assert program == "spark-eci-webhook"
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-m", "webhook", *arguments]
    ran = subprocess.run(call, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr
