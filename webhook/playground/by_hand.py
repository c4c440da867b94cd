"""The command lines that do the same as the page."""

import shlex
from dataclasses import dataclass
from typing import Final

from webhook.cli.explain import words
from webhook.explain.explanation import PodExplanation, WorkloadExplanation
from webhook.explain.outcome import NoProfile
from webhook.playground import application_text, policy_text

#: The file for the AdmissionReview of a pod.
_REVIEW: Final = "review.json"


@dataclass(frozen=True, slots=True)
class RunningService:
    """The service beside the page."""

    url: str
    """Such as `https://127.0.0.1:8443`."""
    ca: str
    """The file with its CA certificates."""
    in_cluster: bool
    policy: str
    """The digest of its policy; empty if it is not known."""


def explain_line(policy: str, profile: str) -> str:
    """The command that explains the same texts; `policy` and `profile` are those of the request."""
    line = ["python", "-m", "webhook", "explain", "-f", application_text.FILE]
    if policy:
        line += ["--policy", policy_text.FILE]
    if profile:
        line += ["--profile", profile]
    return shlex.join(line)


def curl_line(one: WorkloadExplanation, service: RunningService) -> str:
    """The command that sends the review of a pod of `one` to the service; empty if the API server sends none."""
    if isinstance(one.profile, NoProfile):
        return ""
    url = f"{service.url}/mutate/{one.profile_name}"
    return shlex.join(["curl", "--cacert", service.ca, "-d", f"@{_REVIEW}", url])


def curl_note(one: WorkloadExplanation, pod: PodExplanation, policy: str, service: RunningService) -> str:
    """What one has to know of the answer, or how to reach the service; `policy` is the digest of the request's."""
    if pod.outcome.skipped is not None and isinstance(one.profile, NoProfile):
        return f"No review of this pod is sent: {words.skipped(pod.outcome)}."
    notes = []
    if service.in_cluster:
        notes.append(
            "The service runs in a cluster: forward its port, take the CA certificate from its Secret, and let curl "
            "call it by a name that its certificate has (--connect-to)."
        )
    if not service.policy:
        notes.append("The service may have another policy, and then answers by that one.")
    elif policy != service.policy:
        notes.append(f"The service has another policy, {service.policy}, and answers by that one.")
    if pod.refused:
        notes.append("The pod is never made, so nobody sends this review; the service would answer it all the same.")
    return " ".join(notes)
