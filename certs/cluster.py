"""The client of the API server.

Objects are plain JSON, because the library's models refuse some that an API server accepts.
"""

import base64
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.stream.ws_client import create_websocket
from websocket import WebSocketBadStatusException, WebSocketException

from certs.cluster_errors import ClusterError, NotFoundError, faults
from certs.kubeconfig import api_client
from certs.state import CONTROLLER, MANAGED_BY, Configuration, PatchBundle, Secret, WriteSecret

_CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_CONNECT_SECONDS = 5
_READ_SECONDS = 10
_TIMEOUT = (_CONNECT_SECONDS, _READ_SECONDS)
_WATCH_SECONDS = 240
_PAGE = "500"
#: The media type that is asked for and sent, unless a call says otherwise.
JSON = "application/json"
#: The longest message of an Event (Kubernetes API: Event v1 core).
_MESSAGE_LIMIT = 1024


#: Seconds for a whole call, or for the connection and for each part of the answer.
Timeout = float | tuple[float, float]
_Query = Mapping[str, str] | None


class Cluster:
    """One cluster. Every method that calls the API server raises ClusterError."""

    def __init__(self, api: Any) -> None:
        """`api` is a `kubernetes.client.ApiClient`."""
        self._api = api
        self.answers = 0
        """How many calls the API server has begun to answer."""

    def secret(self, namespace: str, name: str) -> Secret | None:
        """A Secret; None if there is none."""
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        with suppress(NotFoundError):
            return _secret(self._object(f"get the Secret {namespace}/{name}", "GET", path))
        return None

    def configuration(self, name: str) -> Configuration | None:
        """A MutatingWebhookConfiguration; None if there is none."""
        what, path = f"get the MutatingWebhookConfiguration {name}", f"{_CONFIGURATIONS}/{name}"
        try:
            found = self._object(what, "GET", path)
        except NotFoundError:
            return None
        bundles = {
            webhook["name"]: base64.b64decode(webhook["clientConfig"].get("caBundle") or "")
            for webhook in found.get("webhooks") or ()
        }
        return Configuration(bundles, found["metadata"]["resourceVersion"])

    def write(self, namespace: str, action: WriteSecret) -> Secret:
        """Creates or replaces a Secret; returns it as written. Raises ConflictError if it was written since."""
        data = {key: base64.b64encode(content).decode() for key, content in action.data.items()}
        path, title = f"/api/v1/namespaces/{namespace}/secrets", f"the Secret {namespace}/{action.name}"
        if action.replaces:
            body = {**action.replaces.raw, "data": data}
            return _secret(self._object(f"update {title}", "PUT", f"{path}/{action.name}", body))
        metadata = {"name": action.name, "namespace": namespace, "labels": {MANAGED_BY: CONTROLLER}}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": action.type, "data": data}
        return _secret(self._object(f"create {title}", "POST", path, body))

    def patch(self, name: str, action: PatchBundle) -> None:
        """Sets the caBundle of the action's webhooks, and nothing else. Raises ConflictError as `write` does."""
        bundle = base64.b64encode(action.bundle).decode()
        body = {  # a strategic merge: the API server merges webhooks by name, and the resourceVersion must match
            "metadata": {"resourceVersion": action.resource_version},
            "webhooks": [{"name": webhook, "clientConfig": {"caBundle": bundle}} for webhook in action.webhooks],
        }
        self._object(f"patch the MutatingWebhookConfiguration {name}", "PATCH", f"{_CONFIGURATIONS}/{name}", body)

    def record(self, about: Mapping[str, str], kind: str, reason: str, message: str, now: datetime) -> None:
        """Creates an Event of the type `kind`, with a reason in UpperCamelCase; cuts a message that is too long.

        `about` is the involved object: apiVersion, kind, namespace, name and, if known, uid.
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
        self._object("create an Event", "POST", f"/api/v1/namespaces/{about['namespace']}/events", body)

    def secret_changes(self, namespace: str, name: str) -> Iterator[None]:
        """Yields at once and then for each change of a Secret, until the watch ends."""
        return self._changes(f"watch the Secret {namespace}/{name}", f"/api/v1/namespaces/{namespace}/secrets", name)

    def configuration_changes(self, name: str) -> Iterator[None]:
        """Yields as `secret_changes` does, for a MutatingWebhookConfiguration."""
        return self._changes(f"watch the MutatingWebhookConfiguration {name}", _CONFIGURATIONS, name)

    @property
    def host(self) -> str:
        """The API server's URL, without a password that it may contain."""
        return re.sub(r"(?<=://)[^/]*@", "", str(self._api.configuration.host))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The object at a path of the API."""
        return self._request("GET", path, query)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All objects of the collection at a path, read page by page."""
        found: list[dict[str, Any]] = []
        page = {"limit": _PAGE, **query}
        while True:
            answer = self.get(path, **page)
            found += answer.get("items") or []
            following = answer.get("metadata", {}).get("continue")
            if not following:
                return found
            page["continue"] = following

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a body that is sent to a path."""
        return self._request("POST", path, {}, body)

    def dry_run(self, what: str, path: str, body: Mapping[str, Any]) -> list[str]:
        """The warnings that come with the creation of `body` at a path, which is not stored; errors say `what` failed.

        Each is the value of an HTTP header: `299 - "…"` (Kubernetes API Concepts: dry-run; RFC 7234, 5.5).
        """
        with self.opened(what, "POST", path, {"dryRun": "All"}, body) as answer:
            answer.read()
            return list(answer.headers.getlist("Warning"))

    def websocket(self, path: str) -> Any:
        """A `websocket.WebSocket` that is connected to a path."""
        with faults(f"connect to {path}"):
            _, url, headers, *_ = self._api.param_serialize("GET", path, auth_settings=["BearerToken"])
            try:
                return create_websocket(self._api.configuration, url.replace("http", "ws", 1), headers)  # type: ignore[no-untyped-call]
            except WebSocketBadStatusException as error:
                body = (error.resp_body or b"").decode(errors="replace")
                raise client.ApiException(error.status_code, str(error.status_code), body=body) from error
            except WebSocketException as error:
                raise ValueError(str(error)) from error

    def _object(self, what: str, method: str, path: str, body: Any = None, query: _Query = None) -> dict[str, Any]:
        """The answer of `_request`, which must be an object with a resourceVersion."""
        answer = self._request(method, path, query, body, what)
        if "resourceVersion" not in answer.get("metadata", {}):
            raise ClusterError(f"could not {what}: the answer is not a Kubernetes object")
        return answer

    def _changes(self, what: str, path: str, name: str) -> Iterator[None]:
        query = {"fieldSelector": f"metadata.name={name}"}
        with faults(what):
            version = self._object(what, "GET", path, query=query)["metadata"]["resourceVersion"]
            yield
            query |= {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
            answer = self._open("GET", path, query, seconds=(_CONNECT_SECONDS, _WATCH_SECONDS + _READ_SECONDS))
            with closing(answer.response) as lines:
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise client.ApiException(event["object"]["code"], body=json.dumps(event["object"]))
                    yield

    def _request(self, method: str, path: str, query: _Query, body: Any = None, what: str = "") -> dict[str, Any]:
        """The JSON object that answers a call; an error says that it could not do `what`."""
        with faults(what or f"{method} {path}"):
            answer = json.loads(self._open(method, path, query, body).read())
            if not isinstance(answer, dict):
                raise ValueError("the answer is not a JSON object")  # noqa: TRY004, it becomes a ClusterError
            return answer

    @contextmanager
    def opened(
        self,
        what: str,
        method: str,
        path: str,
        query: _Query = None,
        body: Any = None,
        *,
        accept: str = JSON,
        seconds: Timeout = _TIMEOUT,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a call, whose content is not read yet, while the context is open; errors say `what` failed.

        A list as the body of a PATCH is a JSON Patch. `seconds` is the time for all of it, or for the connection and
        for each part of the answer.
        """
        with faults(what), closing(self._open(method, path, query, body, seconds, accept).response) as response:
            yield response

    def _open(
        self,
        method: str,
        path: str,
        query: _Query,
        body: Any = None,
        seconds: Timeout = _TIMEOUT,
        accept: str = JSON,
    ) -> Any:
        """The answer to a call before its content is read."""
        headers = {"Accept": accept}
        if body:
            kind = "json-patch+json" if isinstance(body, list) else "strategic-merge-patch+json"
            headers["Content-Type"] = f"application/{kind}" if method == "PATCH" else JSON
        request = self._api.param_serialize(
            method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self._api.call_api(*request, _request_timeout=seconds)
        self.answers += 1
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise client.ApiException(http_resp=answer, body=answer.read().decode(errors="replace"))
        return answer


def connect(kubeconfig: Path | None = None, context: str | None = None, *, in_cluster: bool = False) -> Cluster:
    """The cluster that `kubeconfig.api_client` finds. Raises InputError."""
    return Cluster(api_client(kubeconfig, context, in_cluster=in_cluster))


def _secret(found: Mapping[str, Any]) -> Secret:
    data = {key: base64.b64decode(content or "") for key, content in (found.get("data") or {}).items()}
    labels = found["metadata"].get("labels") or {}
    return Secret(data, labels.get(MANAGED_BY) == CONTROLLER, found)
