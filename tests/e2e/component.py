"""One process of the control plane: started, awaited, and ended by its id."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path


class Component:
    """A program that runs during the tests.

    Its output goes to a log file. It gets a signal to end if the test run is killed, so that no process stays behind.
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

    @property
    def code(self) -> int | None:
        """The code with which the program has ended, negative for a signal; None before."""
        return self._process.poll() if self._process is not None else None

    def start(self, ready: Callable[[], bool], timeout: float = 300, *, may_end: bool = False) -> None:
        """Starts the program and returns once `ready` returns true. If it `may_end`, it may have ended by then.

        Raises RuntimeError, with the end of the log, if the program ended or was not ready in time.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )
        deadline = time.monotonic() + timeout
        while not (ready() and (self.running or may_end)):
            if not self.running or time.monotonic() > deadline:
                outcome = "was not ready in time" if self.running else f"ended with code {self._process.returncode}"
                self.stop()
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"{self.name} {outcome}; the end of {self.log}:\n{end}")
            time.sleep(0.1)

    def stop(self, patience: float = 15) -> None:
        """Ends the program, first with SIGTERM; does nothing if it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
