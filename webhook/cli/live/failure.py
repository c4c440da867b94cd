"""The classes of failures because of which nothing is known of a context."""

from enum import StrEnum
from http import HTTPStatus

from certs.cluster_errors import ClusterError, NoJsonError
from certs.errors import LoginError
from webhook.cli.terminal import InputError


class Failure(StrEnum):
    """Why nothing is known of a context."""

    NO_ANSWER = "no-answer"
    NOT_ACCEPTED = "not-accepted"
    """Its cluster answers, but does not know the user."""
    ERROR = "error"
    """Its cluster answers with another error."""
    NO_API = "no-api"
    """Something else than an API server answers."""
    NO_LOGIN = "no-login"
    """The user's program in the kubeconfig fails."""
    NO_USE = "no-use"
    """The kubeconfig has no such context, or the command cannot do anything with its cluster."""


class ContextError(InputError):
    """A cluster that does not answer as it should, with the class of the failure."""

    def __init__(self, failure: Failure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure


def no_version(host: str, error: ClusterError) -> ContextError:
    """The error for a cluster at `host` that does not say its version, because of `error`."""
    if isinstance(error, NoJsonError):
        return ContextError(Failure.NO_API, f"the cluster at {host} is no API server: {error.reason}")
    if error.status is None:
        return ContextError(Failure.NO_ANSWER, f"the cluster at {host} does not answer: {error.reason}")
    if error.status == HTTPStatus.UNAUTHORIZED:
        return ContextError(Failure.NOT_ACCEPTED, f"the cluster at {host} does not accept the user: {error.reason}")
    return ContextError(Failure.ERROR, f"the cluster at {host} answers with error {error.status}: {error.reason}")


def failure_of(error: InputError) -> Failure:
    """The class of an error because of which nothing is known of a context."""
    if isinstance(error, ContextError):
        return error.failure
    return Failure.NO_LOGIN if isinstance(error, LoginError) else Failure.NO_USE
