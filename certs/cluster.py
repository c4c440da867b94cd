"""The API server: the one module that meets the untyped client.

Objects are plain JSON, because the client's models refuse some that an API server accepts.
"""

import base64
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import client, config, watch
from kubernetes.stream.ws_client import create_websocket
from websocket import WebSocketBadStatusException, WebSocketException

from certs.errors import InputError
from certs.state import CONTROLLER, MANAGED_BY, Configuration, PatchBundle, Secret, WriteSecret

_TIMEOUT = (5, 10)
_WATCH_SECONDS = 240
_PAGE = "500"
#: The longest fault of a kubeconfig that is repeated: that of an exec plugin is all that it wrote.
_FAULT_LIMIT = 300
#: The longest message of an Event (Kubernetes API: Event v1 core).
_MESSAGE_LIMIT = 1024


class ClusterError(Exception):
    """The API server could not be reached, or refused; the message is one clause."""

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0, reason: str = "") -> None:
        """`status` is None if no answer came, `retry_after` the seconds that the API server asked to wait.

        `reason` is the API server's or the client's own, one clause.
        """
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


_KINDS = {401: ForbiddenError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError}


class Cluster:
    """The objects of one cluster that have to do with certificates."""

    def __init__(self, api: Any) -> None:
        """Take a ``kubernetes.client.ApiClient``."""
        self._api = api
        self._core = client.CoreV1Api(api)
        self._admission = client.AdmissionregistrationV1Api(api)

    def secret(self, namespace: str, name: str) -> Secret | None:
        """A Secret; None if there is none. Raises ClusterError."""
        found = _find(f"get the Secret {namespace}/{name}", self._core.read_namespaced_secret, name, namespace)
        return None if found is None else _secret(found)

    def configuration(self, name: str) -> Configuration | None:
        """A MutatingWebhookConfiguration; None if there is none. Raises ClusterError."""
        read = self._admission.read_mutating_webhook_configuration
        found = _find(f"get the MutatingWebhookConfiguration {name}", read, name)
        if found is None:
            return None
        bundles = {
            webhook["name"]: base64.b64decode(webhook["clientConfig"].get("caBundle") or "")
            for webhook in found.get("webhooks") or ()
        }
        return Configuration(bundles, found["metadata"]["resourceVersion"])

    def write(self, namespace: str, action: WriteSecret) -> Secret:
        """Creates or replaces a Secret; returns it as written. Raises ConflictError and ClusterError."""
        what = f"{'update' if action.replaces else 'create'} the Secret {namespace}/{action.name}"
        data = {key: base64.b64encode(content).decode() for key, content in action.data.items()}
        if action.replaces:
            body = {**action.replaces.raw, "data": data}
            written = _call(what, self._core.replace_namespaced_secret, action.name, namespace, body)
        else:
            metadata = {"name": action.name, "namespace": namespace, "labels": {MANAGED_BY: CONTROLLER}}
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": action.type, "data": data}
            written = _call(what, self._core.create_namespaced_secret, namespace, body)
        return _secret(written)

    def patch(self, name: str, action: PatchBundle) -> None:
        """Sets the caBundle of the action's webhooks, and nothing else. Raises ConflictError and ClusterError."""
        bundle = base64.b64encode(action.bundle).decode()
        body = {  # a strategic merge: the API server merges webhooks by name, and the resourceVersion must match
            "metadata": {"resourceVersion": action.resource_version},
            "webhooks": [{"name": webhook, "clientConfig": {"caBundle": bundle}} for webhook in action.webhooks],
        }
        _call(
            f"patch the MutatingWebhookConfiguration {name}",
            self._admission.patch_mutating_webhook_configuration,
            name,
            body,
            _content_type="application/strategic-merge-patch+json",
        )

    def record(self, about: Mapping[str, str], kind: str, reason: str, message: str, now: datetime) -> None:
        """Creates an Event of the type `kind`, with a reason in UpperCamelCase. Raises ClusterError.

        `about` is the involved object: apiVersion, kind, namespace, name and, if known, uid. A message of more than
        1,024 characters is cut.
        """
        time = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{CONTROLLER}-", "namespace": about["namespace"]},
            "involvedObject": dict(about),
            "type": kind,
            "reason": reason,
            "message": message[:_MESSAGE_LIMIT],
            "source": {"component": CONTROLLER},
            "reportingComponent": CONTROLLER,
            "reportingInstance": socket.gethostname(),
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        }
        _call("create an Event", self._core.create_namespaced_event, about["namespace"], body)

    def secret_changes(self, namespace: str, name: str) -> Iterator[None]:
        """Yields at once and then for each change of a Secret, until the watch ends. Raises ClusterError."""
        return _changes(f"watch the Secret {namespace}/{name}", self._core.list_namespaced_secret, namespace, name=name)

    def configuration_changes(self, name: str) -> Iterator[None]:
        """Yields as `secret_changes` does, for a MutatingWebhookConfiguration. Raises ClusterError."""
        listing = self._admission.list_mutating_webhook_configuration
        return _changes(f"watch the MutatingWebhookConfiguration {name}", listing, name=name)

    @property
    def host(self) -> str:
        """The API server's URL."""
        return str(self._api.configuration.host)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The object at a path of the API. Raises ClusterError."""
        return self._request("GET", path, query)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All objects of the collection at a path, read page by page. Raises ClusterError."""
        found: list[dict[str, Any]] = []
        page = {"limit": _PAGE, **query}
        while True:
            answer = self._request("GET", path, page)
            found += answer.get("items") or []
            following = answer.get("metadata", {}).get("continue")
            if not following:
                return found
            page["continue"] = following

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a body that is sent to a path. Raises ClusterError."""
        return self._request("POST", path, {}, body)

    def websocket(self, path: str) -> Any:
        """A `websocket.WebSocket` that is connected to a path. Raises ClusterError."""
        with _faults(f"connect to {path}"):
            _, url, headers, *_ = self._api.param_serialize("GET", path, auth_settings=["BearerToken"])
            try:
                return create_websocket(self._api.configuration, url.replace("http", "ws", 1), headers)  # type: ignore[no-untyped-call]
            except WebSocketBadStatusException as error:
                body = (error.resp_body or b"").decode(errors="replace")
                raise client.ApiException(error.status_code, str(error.status_code), body=body) from error
            except WebSocketException as error:
                raise ValueError(str(error)) from error

    def _request(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        with _faults(f"{method} {path}"):
            target = f"{path}?{urlencode(query)}" if query else path
            request = self._api.param_serialize(
                method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            content = response.read()
            if response.status >= HTTPStatus.BAD_REQUEST:
                text = content.decode(errors="replace")
                raise client.ApiException(response.status, response.reason, body=text)
            answer: dict[str, Any] = json.loads(content)
        return answer


def connect(kubeconfig: Path | None = None, context: str | None = None, *, in_cluster: bool = False) -> Cluster:
    """The cluster of a context in a kubeconfig, by default the current one in `$KUBECONFIG` or the user's own file.

    With `in_cluster` and no kubeconfig: the cluster of this pod, by its ServiceAccount. Raises InputError.
    """
    accepted = "a kubeconfig, or in a pod its ServiceAccount" if in_cluster and kubeconfig is None else "a kubeconfig"
    settings = client.Configuration()
    settings.retries = False  # the controller backs off by itself; urllib3 would wait here unseen
    settings.keep_alive = True
    try:
        if in_cluster and kubeconfig is None:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            path = str(kubeconfig) if kubeconfig else None
            with _logged_errors():
                config.load_kube_config(path, context, settings, persist_config=False)  # type: ignore[no-untyped-call]
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        fault = " ".join(str(error).split()).rstrip(".")[:_FAULT_LIMIT]
        raise InputError(f"no cluster: {fault}; accepted: {accepted}") from None
    except (TypeError, AttributeError):
        # The client fails so at YAML that is no kubeconfig, and if it cannot refresh a token of gcp.
        fault = "not a kubeconfig, or one with an auth-provider that is not supported"
        raise InputError(f"no cluster: {fault}; accepted: {accepted}") from None
    return Cluster(client.ApiClient(settings))


def _secret(found: Mapping[str, Any]) -> Secret:
    data = {key: base64.b64decode(content or "") for key, content in (found.get("data") or {}).items()}
    labels = found["metadata"].get("labels") or {}
    return Secret(data, labels.get(MANAGED_BY) == CONTROLLER, found)


def _call(what: str, function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Calls the API server; returns the object that it answers. Raises ClusterError."""
    with _faults(what):
        response = function(*arguments, _preload_content=False, _request_timeout=_TIMEOUT, **options)
        answer = json.loads(response.data)
        if not isinstance(answer, dict) or "resourceVersion" not in answer.get("metadata", {}):
            raise ValueError("the answer is not a Kubernetes object")
    return answer


def _find(what: str, function: Any, *arguments: Any) -> dict[str, Any] | None:
    """The object that a call returns; None if there is none."""
    try:
        return _call(what, function, *arguments)
    except NotFoundError:
        return None


def _changes(what: str, listing: Any, *arguments: Any, name: str) -> Iterator[None]:
    selector = f"metadata.name={name}"
    found = _call(what, listing, *arguments, field_selector=selector)
    yield
    follower = watch.Watch(return_type="object")  # type: ignore[no-untyped-call]
    with _faults(what):
        for _ in follower.stream(  # type: ignore[no-untyped-call]
            listing,
            *arguments,
            field_selector=selector,
            resource_version=found["metadata"]["resourceVersion"],
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=(_TIMEOUT[0], _WATCH_SECONDS + _TIMEOUT[1]),
        ):
            yield


class _Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise config.ConfigException(record.getMessage())


@contextmanager
def _logged_errors() -> Iterator[None]:
    """Raises what the client only logs: that an exec plugin of the kubeconfig fails."""
    handler = _Raising(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turns whatever the client raises into a ClusterError."""
    try:
        yield
    except client.ApiException as error:
        wait = (error.headers or {}).get("Retry-After", "")
        kind = _KINDS.get(error.status, ClusterError)
        seconds, reason = float(wait) if wait.isdecimal() else 0, _reason(error)
        raise kind(f"could not {what}: {error.status}, {reason}", error.status, seconds, reason) from error
    except urllib3.exceptions.HTTPError as error:
        # A message of urllib3 names its own objects before the cause.
        reason = str(getattr(error, "reason", None) or error).rpartition(": ")[2].rstrip(".")
        raise ClusterError(f"could not {what}: {error}", reason=reason) from error
    except (OSError, ValueError, KeyError) as error:
        raise ClusterError(f"could not {what}: {error}", reason=" ".join(str(error).split())) from error


def _reason(error: client.ApiException) -> str:
    """The message of the Status that the API server answered, or else the HTTP reason."""
    try:
        message = json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        message = (error.body or "").strip()[:200] or error.reason
    return " ".join(str(message).split()).rstrip(".")
