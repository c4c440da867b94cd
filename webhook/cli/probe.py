"""`probe`: sends the service one review for each profile, and checks the answers.

`try` and `doctor` send their reviews by the same functions.
"""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from webhook.cli.terminal import InputError, console, errors
from webhook.core import names
from webhook.core.review import API_VERSION, KIND

JSON = dict[str, Any]

#: Seconds for one call, and between two calls to a service that does not answer yet.
_TIMEOUT: Final = 10
_PAUSE: Final = 0.5


class ProbeError(Exception):
    """The service gave no answer, or a wrong one; the message is one clause."""


def probe_service(
    url: str, profiles: Sequence[str], labels: Sequence[str], ca_file: Path | None, ca: str | None, wait: float
) -> bool:
    """Prints what the service at `url` answers to a review for each profile; returns whether all answers are right.

    `labels` are those of the pod, as KEY=VALUE; the CA certificates are a file or PEM text, or else this machine's; a
    service that does not answer yet is given `wait` seconds. Raises InputError.
    """
    if not url.startswith("https://"):
        raise InputError(f'--url: found "{url}"; accepted: https://HOST:PORT')
    pod_labels = {}
    for label in labels:
        key, separator, value = label.partition("=")
        if not key or not separator:
            raise InputError(f'--label: found "{label}"; accepted: KEY=VALUE')
        pod_labels[key] = value
    try:
        context = ssl.create_default_context(cafile=ca_file, cadata=ca)
    except OSError as error:
        where, reason = f"--ca-file {ca_file}" if ca_file else "--ca", error.strerror or str(error)
        raise InputError(f"{where}: {reason}; accepted: CA certificates in PEM") from None
    deadline = time.monotonic() + wait
    for name in profiles:
        review, target = probe_review(pod_labels), f"{url}/mutate/{name}?timeout={_TIMEOUT}s"
        try:
            answer = send(target, json.dumps(review).encode(), context, deadline=deadline)
        except ProbeError as error:
            errors.print(f"profile {name}: {target} did not answer a review: {error}")
            return False
        try:
            placement = check_answer(review, answer)
        except ProbeError as error:
            errors.print(f"profile {name}: {error}")
            return False
        console.print(f"profile {name}: {placement or 'left as it is'}")
    return True


def probe_review(labels: Mapping[str, str]) -> JSON:
    """An AdmissionReview of a pod with `labels` that is about to be created, as a dry run: an executor by default."""
    container = {"name": names.EXECUTOR_CONTAINER, "image": "example.org/spark:3.5.2"}
    executor = {names.SPARK_ROLE: "executor", names.SPARK_EXEC_ID: "1", **labels}
    pods, kind = {"group": "", "version": "v1", "resource": "pods"}, {"group": "", "version": "v1", "kind": "Pod"}
    request = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": pods,
        "requestKind": kind,
        "requestResource": pods,
        "namespace": "probe",
        "operation": "CREATE",
        "userInfo": {"username": "probe"},
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "probe-", "labels": executor},
            "spec": {"containers": [container]},
        },
        "oldObject": None,
        "dryRun": True,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "request": request}


def send(url: str, body: bytes, context: ssl.SSLContext, *, host: str = "", deadline: float = 0) -> JSON:
    """The answer to the AdmissionReview `body`, sent to `url` with `context` for TLS.

    `host` is the Host header if not that of `url`. Until `deadline` (time.monotonic) a service that cannot be reached
    is tried again. Raises ProbeError if there is no answer, an error, or an answer that is not JSON.
    """
    headers = {"Content-Type": "application/json"} | ({"Host": host} if host else {})
    call = urllib.request.Request(url, body, headers)  # noqa: S310, the callers' URLs are https
    while True:
        try:
            with urllib.request.urlopen(call, timeout=_TIMEOUT, context=context) as response:  # noqa: S310
                answer: JSON = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise ProbeError(_refusal(error)) from None
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() + _PAUSE > deadline:
                raise ProbeError(str(getattr(error, "reason", None) or error) or type(error).__name__) from None
            time.sleep(_PAUSE)
        except ValueError as error:
            raise ProbeError(f"the answer is not JSON: {error}") from None


def check_answer(review: JSON, answer: JSON) -> str:
    """The placement that an answer records; empty if the pod is left as it is.

    Raises ProbeError if it does not answer `review`, or does not allow the pod.
    """
    with suppress(KeyError, TypeError):  # something else may answer any JSON
        response = answer["response"]
        if response["uid"] == review["request"]["uid"] and response["allowed"] is True:
            return str((response.get("auditAnnotations") or {}).get(names.AUDIT_KEY, ""))
    raise ProbeError(f"the pod should have been allowed, but the service answered {answer}")


def _refusal(error: urllib.error.HTTPError) -> str:
    """The service's own sentence, or else the status."""
    with error:
        try:
            return str(json.load(error)["error"])
        except (ValueError, KeyError, TypeError):
            return f"{error.code} {error.reason}"
