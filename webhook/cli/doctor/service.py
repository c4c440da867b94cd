"""Do the Service's endpoints answer a review?"""

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.cluster import Cluster, ClusterError, RefusedError
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Installed
from webhook.cli.doctor.route import Route
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.review import API_VERSION, KIND

JSON = dict[str, Any]

_CHECK: Final = "service"
_TIMEOUT: Final = 10


def check_service(cluster: Cluster, installed: Installed, route: Route | Unknown) -> Iterator[Finding]:
    """Sends one review of an executor that is never created, through the API server's proxy or else by `route`."""
    if isinstance(installed.ready, Unknown):
        fix = f"kubectl auth can-i get endpoints --namespace {installed.namespace}"
        yield installed.ready.finding(_CHECK, fix)
    elif not installed.ready:
        sentence = f"the Service {installed.namespace}/{installed.service} has no ready endpoint"
        yield Finding(_CHECK, Level.FAULT, sentence, _describe(installed))
        return
    if not installed.profiles:
        return
    try:
        response, seen = _ask(cluster, installed, route)
        yield _judged(installed, response, seen)
    except RefusedError as error:
        fix = f"kubectl auth can-i create services/proxy --namespace {installed.namespace}"
        yield Unknown("the service's answer", str(error)).finding(_CHECK, fix)
    except ClusterError as error:
        sentence = f"the service does not answer a review {error}"
        yield Finding(_CHECK, Level.FAULT, sentence, _describe(installed))


def _ask(cluster: Cluster, installed: Installed, route: Route | Unknown) -> tuple[JSON, str]:
    """The response to a review, and how it was asked for."""
    path = f"/mutate/{installed.profiles[0]}"
    proxy = f"/api/v1/namespaces/{installed.namespace}/services/https:{installed.service}:443/proxy{path}"
    seen = "through the API server's proxy"
    try:
        return cluster.post(proxy, _review(installed)), seen
    except ClusterError as error:
        # Without the right to use the proxy, or where it cannot reach the pods, the other way will do.
        if isinstance(route, Route):
            return _send(route, installed, path, f"{seen}: {error}"), route.seen
        if isinstance(error, RefusedError):
            raise
        raise ClusterError(f"{seen}: {error}") from error


def _send(route: Route, installed: Installed, path: str, before: str) -> JSON:
    # The certificate is judged by its own check; here anyone who answers will do.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(route.address.host, route.address.port, timeout=_TIMEOUT, context=context)
    try:
        body = json.dumps(_review(installed))
        connection.request("POST", path, body, {"Host": installed.host, "Content-Type": "application/json"})
        answer: JSON = json.load(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ClusterError(f"{before}, nor {route.seen}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    return answer


def _judged(installed: Installed, answer: JSON, seen: str) -> Finding:
    response = answer.get("response") or {}
    record = (response.get("auditAnnotations") or {}).get(names.AUDIT_KEY, "")
    if not response.get("allowed") or not record:
        sentence = f"something answers {seen}, but it is not this webhook"
        return Finding(_CHECK, Level.FAULT, sentence, _describe(installed))
    in_force = dict(part.partition("=")[::2] for part in record.split(",")).get("policy", "")
    if isinstance(installed.policy, Policy) and installed.policy.digest != in_force:
        sentence = (
            f"the service answers {seen} with policy {in_force}, but the ConfigMap holds {installed.policy.digest}"
        )
        fix = f"kubectl rollout status deployment/{installed.service} --namespace {installed.namespace}"
        return Finding(_CHECK, Level.WARNING, sentence, fix)
    number = "" if isinstance(installed.ready, Unknown) else f"{len(installed.ready)} ready; "
    return Finding(_CHECK, Level.OK, f"{number}answered a review {seen}: {record}")


def _review(installed: Installed) -> JSON:
    selector = installed.entries[0].get("objectSelector") or {}
    labels = {**(selector.get("matchLabels") or {}), names.SPARK_ROLE: "executor", names.SPARK_EXEC_ID: "1"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "doctor", "labels": labels},
        "spec": {"containers": [{"name": names.EXECUTOR_CONTAINER, "image": "doctor"}]},
    }
    request = {
        "uid": "doctor",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": "doctor",
        "object": pod,
        "dryRun": True,
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "request": request}


def _describe(installed: Installed) -> str:
    return f"kubectl describe pods --namespace {installed.namespace}"
