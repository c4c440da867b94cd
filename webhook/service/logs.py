"""Log lines through structlog: one for each admission, and uvicorn's own, all in one form on standard output."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, BinaryIO, Final

import structlog
from msgspec import json

from webhook.core.review import Admission
from webhook.core.text import cut, one_line
from webhook.service.settings import LogFormat, LogLevel

#: Longest text of a caller that a line repeats, in characters.
LIMIT: Final = 253

_encoder: Final = json.Encoder(enc_hook=str)

Logger = structlog.typing.FilteringBoundLogger

_SHARED: Final = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


class Lines:
    """A file for whole lines, which writes what one turn of the event loop produced in one call of the system."""

    def __init__(self, file: BinaryIO) -> None:
        """Writes to `file`."""
        self._file = file
        self._waiting: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keeps `line` until the end of this turn; writes it at once where no event loop runs."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.write_out)
            except RuntimeError:
                self.write_out()

    def flush(self) -> None:
        """Nothing: structlog asks for it after every line."""

    def write_out(self) -> None:
        """Writes all that waits; drops it where that fails, for a line about it would be the next to fail."""
        waiting, self._waiting = self._waiting, []
        with suppress(OSError):
            self._file.write(b"".join(waiting))
            self._file.flush()


def configure(level: LogLevel, form: LogFormat) -> Logger:
    """Sets up logging for the process and returns the logger that the service writes to."""
    text = form == "text" or (form == "auto" and sys.stdout.isatty())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    lines = Lines(sys.stdout.buffer)
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty()) if text else structlog.processors.JSONRenderer(_dumps)
    )
    structlog.configure(
        processors=[*_SHARED, renderer, _encoded] if text else [*_SHARED, structlog.processors.JSONRenderer(_encode)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(lines),  # type: ignore[arg-type]
    )
    handler = _Foreign(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=_SHARED,
        ),
    )
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[handler], force=True)
    # A line of uvicorn's for each start, stop and broken call says nothing that ours do not; its errors do.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # Bound once: the lazy logger would assemble itself anew for every line.
    logger: Logger = structlog.get_logger().bind()
    return logger


class _Foreign(logging.Handler):
    """Hands lines of the standard library's logging to the same file, in order with ours."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.write(f"{self.format(record)}\n".encode())


class AdmissionLog:
    """Writes one line for each admission and each rejected call; but for warnings at most so many a second."""

    def __init__(self, logger: Logger, rate: int, dropped: Callable[[], None]) -> None:
        """At most `rate` ordinary lines a second (0: all); `dropped` is called for each that is not written."""
        self._logger = logger
        self._rate = rate
        self._dropped = dropped
        self._second = 0
        self._written = 0
        self._missed = 0

    def write(self, admission: Admission, seconds: float) -> None:
        """The line of `admission`, which took `seconds`: never a pod's own values, never unbounded text."""
        if not (admission.cautions or admission.outcome == "denied") and self._over():
            return
        fields: dict[str, Any] = {
            "uid": _bounded(admission.uid),
            "namespace": _bounded(admission.namespace),
            "pod": _bounded(admission.name),
            "outcome": admission.outcome,
            "profile": admission.profile,
            "duration_us": round(seconds * 1e6),
        }
        if admission.mode:
            fields["application"] = _bounded(admission.application)
            fields["role"] = admission.role
            fields["mode"] = admission.mode
            fields["operations"] = admission.operations
        if admission.reason:
            fields["reason"] = admission.reason
        if admission.cautions:
            fields["warnings"] = [caution.sentence for caution in admission.cautions]
            self._logger.warning("admission", **fields)
        else:
            self._logger.info("admission", **fields)

    def write_rejection(self, status: int, sentence: str) -> None:
        """The line of a call that got `status` and `sentence`; bounded too, for nobody is to fill the log at will."""
        if not self._over():
            self._logger.warning("rejected", status=status, error=sentence)

    def _over(self) -> bool:
        """Whether this second has had its lines; tells of those it dropped when the next one begins."""
        if not self._rate:
            return False
        second = int(monotonic())
        if second != self._second:
            if self._missed:
                self._logger.info("lines left out", count=self._missed)
            self._second, self._written, self._missed = second, 0, 0
        self._written += 1
        if self._written <= self._rate:
            return False
        self._missed += 1
        self._dropped()
        return True


def _bounded(text: str) -> str:
    return one_line(cut(text, LIMIT))


def _encode(event: dict[str, Any], **_: Any) -> bytes:
    return _encoder.encode(event)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return _encode(event).decode()


def _encoded(_: Any, __: str, event: Any) -> bytes:
    return str(event).encode()
