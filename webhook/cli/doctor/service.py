"""Do the Service's endpoints answer a review?"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from certs.cluster import Cluster, ClusterError, ForbiddenError
from certs.server import Handshake
from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.route import Route
from webhook.cli.probe import ProbeError, check_answer, probe_review, send, unverified
from webhook.core.policy import Policy

_CHECK: Final = "service"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered to a review."""

    review: JSON
    content: JSON
    seen: str
    """How it was reached, for a sentence."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What the running service presents and answers."""

    seen: str
    """How its certificate was seen, for a sentence."""
    handshake: Handshake | Unknown
    answer: Answer | Unknown | str | None
    """A string says why there is no answer; None if no review was sent."""


def ask(cluster: Cluster, installation: Installation, route: Route | Unknown) -> Answer | Unknown | str | None:
    """Sends a review through the API server's proxy, or else by `route`."""
    if not installation.ready or not installation.profiles:
        return None
    path, review = f"/mutate/{installation.profiles[0]}", probe_review(installation.selector)
    proxy = f"/api/v1/namespaces/{installation.namespace}/services/https:{installation.service}:443/proxy{path}"
    seen = "through the API server's proxy"
    try:
        return Answer(review, cluster.post(proxy, review), seen)
    except ClusterError as error:
        reason = error.reason
        if isinstance(route, Unknown) and isinstance(error, ForbiddenError):
            permission = f"kubectl auth can-i create services/proxy --namespace {installation.namespace}"
            return Unknown("the service's answer", reason, permission)
    if isinstance(route, Unknown):
        return f"{seen}: {reason}"
    try:
        # The certificate has a check of its own, so every certificate will do here.
        url = f"https://{route.address}{path}"
        content = send(url, json.dumps(review).encode(), unverified(), host=installation.host)
    except ProbeError as error:
        return f"{seen}: {reason}, nor {route.seen}: {error}"
    return Answer(review, content, route.seen)


def check_service(installation: Installation, contact: Contact) -> Iterator[Finding]:
    """Are there ready endpoints, and is the answer one of this webhook with the installed policy?"""
    answer, describe = contact.answer, installation.kubectl("describe pods")
    if isinstance(installation.ready, Unknown):
        yield installation.ready.finding(_CHECK)
    elif not installation.ready:
        sentence = f"the Service {installation.namespace}/{installation.service} has no ready endpoint"
        yield Finding(_CHECK, Level.FAULT, sentence, describe)
    if isinstance(answer, str):
        yield Finding(_CHECK, Level.FAULT, f"the service does not answer a review {answer}", describe)
    elif isinstance(answer, Unknown):
        yield answer.finding(_CHECK)
    elif answer is not None:
        yield _judged(installation, answer)


def _judged(installation: Installation, answer: Answer) -> Finding:
    try:
        record = check_answer(answer.review, answer.content)
    except ProbeError:
        record = ""
    if not record:
        sentence = f"something answers {answer.seen}, but it is not this webhook"
        return Finding(_CHECK, Level.FAULT, sentence, installation.kubectl("describe pods"))
    in_force = dict(part.partition("=")[::2] for part in record.split(",")).get("policy", "")
    if isinstance(installation.policy, Policy) and installation.policy.digest != in_force:
        sentence = f"the service answers {answer.seen} with policy {in_force}, "
        sentence += f"but the ConfigMap holds {installation.policy.digest}"
        fix = installation.kubectl(f"rollout status deployment/{installation.service}")
        return Finding(_CHECK, Level.WARNING, sentence, fix)
    number = "" if isinstance(installation.ready, Unknown) else f"{len(installation.ready)} ready; "
    return Finding(_CHECK, Level.OK, f"{number}answered a review {answer.seen}: {record}")
