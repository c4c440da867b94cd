"""Reading a cluster: plain JSON by path, with every failure told apart. The one module that meets the API client."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import client, config

from webhook.cli.terminal import InputError
from webhook.core.text import cut

JSON = dict[str, Any]

_TIMEOUT: Final = (5, 15)
_PAGE: Final = 500
_UNAUTHORIZED: Final = (401, 403)
_NOT_FOUND: Final = 404
_FIRST_ERROR: Final = 400
#: The longest reason that is repeated: an exec plugin's is all that it wrote.
_REASON: Final = 300


class ClusterError(Exception):
    """The API server could not be asked, or answered with an error; the message is one clause."""


class RefusedError(ClusterError):
    """The user may not do that."""


class MissingError(ClusterError):
    """There is no such object, or no such kind."""


class Cluster:
    """One cluster, asked with the user's rights."""

    def __init__(self, api: Any) -> None:
        """Asks by `api`, a `kubernetes.client.ApiClient`."""
        self.api = api

    @property
    def host(self) -> str:
        """The API server's URL."""
        return str(self.api.configuration.host)

    def get(self, path: str, **query: str) -> JSON:
        """The object at `path`. Raises ClusterError."""
        return self._call("GET", path, query)

    def list(self, path: str, **query: str) -> list[JSON]:
        """All objects of the collection at `path`, page by page. Raises ClusterError."""
        found: list[JSON] = []
        page = {"limit": str(_PAGE), **query}
        while True:
            answer = self._call("GET", path, page)
            found += answer.get("items") or []
            following = answer.get("metadata", {}).get("continue")
            if not following:
                return found
            page["continue"] = following

    def post(self, path: str, body: JSON) -> JSON:
        """The answer to `body`, sent to a path that changes nothing. Raises ClusterError."""
        return self._call("POST", path, {}, body)

    def authorized(self, path: str) -> tuple[str, dict[str, str]]:
        """The URL of `path`, and the headers by which the user is known. Raises ClusterError."""
        with _told():
            _, url, headers, *_ = self.api.param_serialize("GET", path, auth_settings=["BearerToken"])
        return url, headers

    def _call(self, method: str, path: str, query: dict[str, str], body: JSON | None = None) -> JSON:
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        with _told():
            request = self.api.param_serialize(
                method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = self.api.call_api(*request, _request_timeout=_TIMEOUT)
            content = response.read()
        if response.status < _FIRST_ERROR:
            with _told():
                answer: JSON = json.loads(content)
                return answer
        refusal = reason(content, response.reason)
        if response.status in _UNAUTHORIZED:
            raise RefusedError(refusal)
        raise (MissingError if response.status == _NOT_FOUND else ClusterError)(refusal)


def connect(context: str | None) -> Cluster:
    """The cluster of `context` in the user's kubeconfig, or of its current one.

    Raises InputError where there is none or it does not answer.
    """
    settings = client.Configuration()
    settings.retries = False
    try:
        with _raised():
            config.load_kube_config(context=context, client_configuration=settings, persist_config=False)  # type: ignore[no-untyped-call]
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        sentence = cut(" ".join(str(error).split()).rstrip("."), _REASON)
        raise InputError(f"no cluster: {sentence}; name one with --context or KUBECONFIG") from None
    except (TypeError, AttributeError):
        # So the client fails at a kubeconfig of another shape, and where it cannot refresh a token of gcp.
        sentence = "invalid kubeconfig or unsupported auth-provider"
        raise InputError(f"no cluster: {sentence}; accepted: a token, a certificate or an exec plugin") from None
    cluster = Cluster(client.ApiClient(settings))
    try:
        cluster.get("/version")
    except ClusterError as error:
        raise InputError(f"the cluster at {cluster.host} does not answer: {error}") from None
    return cluster


def reason(content: bytes, otherwise: str) -> str:
    """The message in an error's body as a clause; where it has none, its text, or `otherwise`."""
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        message = content.decode(errors="replace").strip()[:200] or otherwise
    return " ".join(message.split()).rstrip(".")


class _Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise config.ConfigException(record.getMessage())


@contextmanager
def _raised() -> Iterator[None]:
    """Raises what the client only logs, and then goes on without: that an exec plugin fails."""
    handler = _Raising(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the client raises into one kind of error."""
    try:
        yield
    except client.ApiException as error:
        raise ClusterError(f"{error.status} {error.reason}") from error
    except urllib3.exceptions.HTTPError as error:
        cause = getattr(error, "reason", None) or error
        raise ClusterError(str(cause).rpartition(": ")[2].rstrip(".")) from error
    except (OSError, ValueError) as error:
        raise ClusterError(str(error)) from error
