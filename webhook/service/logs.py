"""Log lines on standard output, through structlog: one for each admission, and those of other libraries."""

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

#: The most characters of a text from a caller that a line repeats.
LIMIT: Final = 253

_encoder: Final = json.Encoder(enc_hook=str)

Logger = structlog.typing.FilteringBoundLogger


class Lines:
    """Writes all lines of one turn of the event loop with one system call."""

    def __init__(self, file: BinaryIO) -> None:
        """Takes the file to write to."""
        self._file = file
        self._waiting: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keeps `line` until the end of this turn; writes it at once if no event loop runs."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.write_out)
            except RuntimeError:
                self.write_out()

    def flush(self) -> None:
        """Does nothing. structlog calls it after every line."""

    def write_out(self) -> None:
        """Writes the lines that wait. Write errors are dropped: logging them would fail too."""
        waiting, self._waiting = self._waiting, []
        with suppress(OSError):
            self._file.write(b"".join(waiting))
            self._file.flush()


def configure(level: LogLevel, form: LogFormat) -> Logger:
    """Sets up logging for the process and returns its logger."""
    terminal = sys.stdout.isatty()
    text = form == "text" or (form == "auto" and terminal)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderers = [structlog.dev.ConsoleRenderer(colors=terminal), _encoded] if text else [_encode]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(Lines(sys.stdout.buffer)),  # type: ignore[arg-type]
    )
    # Bound once, because a lazy logger is assembled again for every line.
    logger: Logger = structlog.get_logger().bind()
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[_StandardRecords(logger)], force=True)
    # uvicorn logs each start, stop and invalid request, as the service does itself. Only its errors are new.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return logger


class _StandardRecords(logging.Handler):
    """Writes the records of the standard library's logging to `logger`."""

    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        self._logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


class AdmissionLog:
    """Writes one line for each admission and each rejected call, with a limit on lines without warnings."""

    def __init__(self, logger: Logger, rate: int, dropped: Callable[[], None]) -> None:
        """Writes at most `rate` ordinary lines a second (0: no limit); calls `dropped` for each line left out."""
        self._logger = logger
        self._rate = rate
        self._dropped = dropped
        self._second = 0
        self._written = 0
        self._missed = 0

    def write(self, admission: Admission, seconds: float) -> None:
        """Writes the line of `admission`, which took `seconds`: no values from the pod's spec, no unbounded text."""
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
        """Writes the line of a rejected call. It counts as an ordinary line, so that no caller can fill the log."""
        if not self._over():
            self._logger.warning("rejected", status=status, error=sentence)

    def _over(self) -> bool:
        """Whether this second has had all its lines. The first line of the next second counts those left out."""
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


def _encode(_: Any, __: str, event: Any) -> bytes:
    return _encoder.encode(event)


def _encoded(_: Any, __: str, text: Any) -> bytes:
    return str(text).encode()
