"""The errors of calls to a cluster, made from those of the libraries."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from kubernetes import client

from certs.reasons import cause

_NO_JSON = "the answer is no JSON"


class ClusterError(Exception):
    """The API server could not be reached, or refused; the message is one clause.

    `status` is None if no answer came. `retry_after` is the number of seconds that the API server asked to wait.
    `reason` is the part of the message that the API server or the library wrote.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.reason = reason or message


class ConflictError(ClusterError):
    """Another client wrote the object since it was read."""


class ForbiddenError(ClusterError):
    """The user may not do that, or is not known."""


class NotFoundError(ClusterError):
    """There is no such object, or no such kind."""


class NoJsonError(ClusterError):
    """Something answered that is no API server, such as a page on which to log in."""


_KINDS = {401: ForbiddenError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError}


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Turns the errors of the library into ClusterErrors."""
    try:
        yield
    except client.ApiException as error:
        wait = (error.headers or {}).get("Retry-After", "")
        kind = _KINDS.get(error.status, ClusterError)
        seconds, reason = float(wait) if wait.isdecimal() else 0, _reason(error)
        if not error.status:
            # The library says so of TLS, if a certificate is not trusted.
            reason = cause(reason)
            raise ClusterError(f"could not {what}: {reason}", reason=reason) from error
        raise kind(f"could not {what}: {error.status}, {reason}", error.status, seconds, reason) from error
    except urllib3.exceptions.HTTPError as error:
        # A message of urllib3 names Python objects before the cause, and may be a pair with it.
        reason = cause(str(getattr(error, "reason", None) or error.args[-1]))
        raise ClusterError(f"could not {what}: {error}", reason=reason) from error
    except RecursionError as error:
        # Users write managed fields, as deep as they like.
        raise ClusterError(f"could not {what}: the answer is nested too deeply") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NoJsonError(f"could not {what}: {_NO_JSON}", reason=_NO_JSON) from error
    except (OSError, ValueError, KeyError) as error:
        raise ClusterError(f"could not {what}: {error}", reason=" ".join(str(error).split())) from error


def _reason(error: client.ApiException) -> str:
    """The message of the Status that the API server answered; otherwise the start of the body or the HTTP reason."""
    try:
        message = json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        message = (error.body or "").strip()[:200] or error.reason
    return " ".join(str(message).split()).rstrip(".")
