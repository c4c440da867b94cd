"""A shell in which the documents' commands find this checkout's programs by the names that they have when installed."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from kubernetes.config import kube_config

from tests.cli.programs import CERTS, WEBHOOK, call
from tests.live_service import ROOT

#: Each program, and the module that it runs. tests/test_packaging.py judges the scripts of an installed wheel.
PROGRAMS: Final = {WEBHOOK: "webhook", "kubectl-spark_eci": "webhook", CERTS: "certs"}


class Shell:
    """Runs commands with bash, as a reader does who has installed the project."""

    def __init__(self, programs: Path, folder: Path, **variables: str) -> None:
        """Writes the programs to `programs`, which must exist; commands run in `folder`."""
        self._folder, self._variables = folder, variables
        for name, module in PROGRAMS.items():
            _program(programs / name, f'exec "{sys.executable}" -m {module} "$@"')
        _program(programs / "python", f'exec "{sys.executable}" "$@"')
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environment: Mapping[str, str] = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | variables

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What a command prints, and how it ends. A pipe fails if one of its commands does.

        If the command is nothing but a call of one of the programs, it is called in this process, which takes less time.
        """
        if called := _called(command):
            program, arguments = called
            with pytest.MonkeyPatch.context() as patched:
                for name, value in self._variables.items():
                    patched.setenv(name, value)
                # The client reads this variable when it is imported.
                patched.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", self._variables.get("KUBECONFIG", ""))
                return subprocess.CompletedProcess(command, *call(program, *arguments, folder=self._folder))
        line = ["bash", "-o", "pipefail", "-c", command]
        return subprocess.run(
            line, cwd=self._folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )


def _called(command: str) -> tuple[str, list[str]] | None:
    """The program that is called and its arguments; None if a shell has more to do than to split the words."""
    words = shlex.split(command, comments=True)
    if set("<>|$`;&*~") & set(command):
        return None
    if words[:2] == ["python", "-m"]:
        return {"webhook": WEBHOOK, "certs": CERTS}[words[2]], words[3:]
    return (words[0], words[1:]) if words[0] in (WEBHOOK, CERTS) else None


def _program(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    file.chmod(0o755)
