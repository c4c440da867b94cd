"""Log lines on standard output, through structlog: one for each admission, and those of other libraries."""

import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import UNSET, Struct, UnsetType, json, structs

from webhook.core.review import Admission
from webhook.service.log_fields import bounded
from webhook.service.log_limits import ADMISSION, KIND, RECORD, LineKind, LineLimits
from webhook.service.log_output import Output, standard_output
from webhook.service.settings import LogFormat, LogLevel

_encoder: Final = json.Encoder(enc_hook=str)

Logger = structlog.typing.FilteringBoundLogger


def configure(
    level: LogLevel, form: LogFormat, output: Output | None = None, limits: LineLimits | None = None
) -> Logger:
    """Sets up logging for the process and returns its logger.

    The default for `output` is standard output, and for `limits` no limit of lines a second.
    """
    output = output or Output(_ignore, standard_output())
    limits = limits or LineLimits(0, _ignore)
    text = not is_json(form, output)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    console = structlog.dev.ConsoleRenderer(colors=output.terminal, exception_formatter=structlog.dev.plain_traceback)
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    structlog.configure(
        processors=[structlog.processors.add_log_level, limits, *([stamp, console, _encoded] if text else [_encode])],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda: output,
    )
    # Bound once, because a lazy logger is assembled again for every line.
    logger: Logger = structlog.get_logger().bind()
    limits.attach(logger)
    output.report = lambda count: logger.error("log lines lost", count=count)
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[_StandardRecords(logger)], force=True)
    # uvicorn logs each start, stop and invalid request, as the service does itself. Only its errors are new.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return logger


def is_json(form: LogFormat, output: Output) -> bool:
    """Whether lines in the format `form` are JSON on `output`."""
    return form == "json" or (form == "auto" and not output.terminal)


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
        """Writes one line. Raises nothing, because the caller does not expect it."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001, the arguments may be anything
            message = f"{record.msg!r} with arguments that do not fit"
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        write = getattr(self._logger, _method(record.levelno))
        write(message, exc_info=error, **{KIND: RECORD})


def _method(level: int) -> str:
    """The name of the highest of structlog's levels that is not above `level`."""
    for least, name in (
        (logging.CRITICAL, "critical"),
        (logging.ERROR, "error"),
        (logging.WARNING, "warning"),
        (logging.INFO, "info"),
    ):
        if level >= least:
            return name
    return "debug"


class _Line(Struct):
    """The line of an admission. structlog adds the last three fields itself."""

    uid: str
    namespace: str
    pod: str
    outcome: str
    profile: str
    duration_us: int
    application: str | UnsetType
    role: str | UnsetType
    mode: str | UnsetType
    operations: int | UnsetType
    reason: str | UnsetType
    event: str | UnsetType = UNSET
    level: str | UnsetType = UNSET
    timestamp: datetime | UnsetType = UNSET


class AdmissionLog:
    """Writes the lines of admissions and of rejected calls, with a limit on those of admissions without warnings.

    The other lines have limits of their own; see LineLimits.
    """

    def __init__(self, logger: Logger, rate: int, dropped: Callable[[], None], output: Output | None = None) -> None:
        """Writes at most `rate` ordinary lines a second (0: no limit); calls `dropped` for each line left out.

        They go to `output` as JSON, encoded in one step, or to `logger` if it is None: structlog takes three times as
        long. All other lines go to `logger`.
        """
        self._logger = logger
        self._output = output
        self._ordinary = LineKind(ADMISSION, rate, dropped, logger)
        self._is_written = logger.is_enabled_for(logging.INFO)

    def write(self, admission: Admission, seconds: float) -> None:
        """Writes the line of `admission`, which took `seconds`: no values from the pod's spec, no unbounded text."""
        warned = bool(admission.cautions) or admission.outcome == "denied"
        if not warned and (not self._is_written or self._ordinary.over()):
            return
        mode = admission.mode
        line = _Line(
            bounded(admission.uid),
            bounded(admission.namespace),
            bounded(admission.name),
            admission.outcome,
            admission.profile,
            round(seconds * 1e6),
            bounded(admission.application) if mode else UNSET,
            admission.role if mode else UNSET,
            mode or UNSET,
            admission.operations if mode else UNSET,
            admission.reason or UNSET,
        )
        if self._output is not None and not warned:
            line.event, line.level, line.timestamp = ADMISSION, "info", datetime.now(UTC)
            self._output.write(_encoder.encode(line) + b"\n")
            return
        fields = {name: value for name, value in structs.asdict(line).items() if value is not UNSET}
        if warned:
            fields["warnings"] = [caution.sentence for caution in admission.cautions]
            self._logger.warning(ADMISSION, **fields)
        else:
            self._logger.info(ADMISSION, **fields)

    def write_rejection(self, status: int, sentence: str) -> None:
        """Writes the line of a rejected call."""
        self._logger.warning("rejected", status=status, error=bounded(sentence))

    def settle(self) -> None:
        """Writes how many ordinary lines were left out so far in this second."""
        self._ordinary.settle()


def _encode(_: Any, __: str, event: Any) -> bytes:
    # The encoder writes a time as structlog's TimeStamper does, in a quarter of the time.
    event["timestamp"] = datetime.now(UTC)
    return _encoder.encode(event) + b"\n"


def _encoded(_: Any, __: str, text: Any) -> bytes:
    return f"{text}\n".encode()


def _ignore(_: int = 1) -> None:
    """Counts no line."""
