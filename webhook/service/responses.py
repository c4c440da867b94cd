"""The answer to a call that is rejected: one JSON body. Every such call is counted and logged."""

from msgspec import json

from webhook.service.logs import AdmissionLog
from webhook.service.metrics import Measured


class RejectedError(Exception):
    """The call is rejected; `reason` is one of metrics.REJECTIONS, and the message is one sentence."""

    def __init__(self, status: int, reason: str, sentence: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.sentence = sentence
        self.headers = headers


class Rejections:
    """Counts and logs the rejected calls of one server."""

    def __init__(self, metrics: Measured | None = None, log: AdmissionLog | None = None) -> None:
        """Counts in `metrics` and logs to `log`, if given."""
        self._metrics = metrics
        self._log = log

    def record(self, status: int, reason: str, sentence: str) -> bytes:
        """Counts and logs one rejected call; returns the body of its answer, `{"error": sentence}`."""
        if self._metrics is not None:
            self._metrics.rejected(reason)
        if self._log is not None:
            self._log.write_rejection(status, sentence)
        return json.encode({"error": sentence})
