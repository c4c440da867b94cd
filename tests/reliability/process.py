"""The quantities of a process that must not grow, from /proc."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """The process `pid` of this machine."""

    pid: int

    @property
    def resident_mib(self) -> float:
        """Resident memory now."""
        return int(self._status("VmRSS")) / 1024

    @property
    def peak_mib(self) -> float:
        """The peak of resident memory since the start, or since it was reset."""
        return int(self._status("VmHWM")) / 1024

    @property
    def threads(self) -> int:
        """Threads now."""
        return int(self._status("Threads"))

    @property
    def descriptors(self) -> int:
        """Open files and sockets now."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def _status(self, field: str) -> str:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return status.split(f"{field}:")[1].split()[0]
