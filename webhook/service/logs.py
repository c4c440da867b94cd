"""Log lines on standard output, through structlog: one for each admission, and those of other libraries."""

import logging
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import structlog
from msgspec import json

from webhook.core.review import Admission
from webhook.core.text import cut, one_line
from webhook.service.log_output import Output, standard_output
from webhook.service.settings import LogFormat, LogLevel

#: The most characters of a text from a caller that a line repeats.
LIMIT: Final = 253

_encoder: Final = json.Encoder(enc_hook=str)

Logger = structlog.typing.FilteringBoundLogger


def configure(level: LogLevel, form: LogFormat, output: Output | None = None) -> Logger:
    """Sets up logging for the process and returns its logger. The default for `output` is standard output."""
    output = output or Output(_ignore, standard_output())
    text = form == "text" or (form == "auto" and output.terminal)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    console = structlog.dev.ConsoleRenderer(colors=output.terminal, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([console, _encoded] if text else [_encode]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda: output,
    )
    # Bound once, because a lazy logger is assembled again for every line.
    logger: Logger = structlog.get_logger().bind()
    output.report = lambda count: logger.error("log lines lost", count=count)
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[_StandardRecords(logger)], force=True)
    # uvicorn logs each start, stop and invalid request, as the service does itself. Only its errors are new.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return logger


def capture_faults() -> None:
    """Logs warnings and unhandled errors. Python prints them on standard error, where a write can wait for ever."""
    logging.captureWarnings(True)  # noqa: FBT003, the name says it
    fault = logging.getLogger("python").error
    sys.excepthook = lambda *error: fault("unhandled error", exc_info=error)
    threading.excepthook = lambda found: fault("unhandled error in a thread", exc_info=_error(found))
    sys.unraisablehook = lambda found: fault(
        "%s: %r", found.err_msg or "Exception ignored in", found.object, exc_info=_error(found)
    )


def _error(found: Any) -> tuple[Any, Any, Any]:
    return found.exc_type, found.exc_value, found.exc_traceback


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
    return _encoder.encode(event) + b"\n"


def _encoded(_: Any, __: str, text: Any) -> bytes:
    return f"{text}\n".encode()


def _ignore(_: int) -> None:
    """Counts no line."""
