"""One process of the control plane: started, waited for, ended by its id."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path


class Component:
    """A program that runs beside the tests.

    Its output goes to a log file. It is told to end when the test run itself is killed, so that nothing stays behind.
    """

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        follow = shutil.which("setpriv")
        self.name = Path(command[0]).name
        self.log = log
        self._command = [follow, "--pdeathsig", "KILL", *command] if follow else command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._process.pid

    def start(self, ready: Callable[[], bool], timeout: float = 90) -> None:
        """Start the program and return once `ready` says so.

        Raises:
            RuntimeError: it ended, or was not ready in time; with the end of its log.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )
        deadline = time.monotonic() + timeout
        while not (ready() and self.running):
            if not self.running or time.monotonic() > deadline:
                outcome = "was not ready in time" if self.running else f"ended with code {self._process.returncode}"
                self.stop()
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"{self.name} {outcome}; the end of {self.log}:\n{end}")
            time.sleep(0.1)

    def stop(self, patience: float = 15) -> None:
        """End the program, gently first; does nothing where it has ended by itself."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
