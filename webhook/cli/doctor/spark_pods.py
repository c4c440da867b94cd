"""Which running Spark pods should carry our record and do not, and why probably?"""

from collections.abc import Iterator
from typing import Final

import msgspec

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, known, labels_of, name_of
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.snapshot import Snapshot, profile_label
from webhook.core import names
from webhook.core.placement import Mismatch, Verdict
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.core.review import decide_for
from webhook.core.text import listed

_CHECK: Final = "pods"
_SHOWN: Final = 300


def check_spark_pods(snapshot: Snapshot) -> Iterator[Finding]:
    """Looks at every Spark pod of the namespaces that opted in."""
    installation = snapshot.installation
    if installation is None:
        return
    carrying = 0
    for namespace in known(snapshot.namespaces):
        name, profile = name_of(namespace), profile_label(namespace) or ""
        pods = snapshot.pods[name]
        if isinstance(pods, Unknown):
            yield pods.finding(_CHECK)
        elif profile in installation.profiles:
            expected = [pod for pod in pods if _expected(pod, name, profile, installation)]
            lacking = [pod for pod in expected if not _carries(pod)]
            carrying += len(expected) - len(lacking)
            yield from _lacking(installation, namespace, lacking)
    if carrying:
        yield Finding(_CHECK, Level.OK, f"{carrying} running Spark pods have a placement")


def _lacking(installation: Installation, namespace: JSON, pods: list[JSON]) -> Iterator[Finding]:
    """One finding for each probable reason."""
    name = name_of(namespace)
    begun = max(filter(None, (_time(installation.configuration), _labelled(namespace))), default="")
    older = [name_of(pod) for pod in pods if _time(pod) < begun]
    younger = [name_of(pod) for pod in pods if _time(pod) >= begun]
    if older:
        start = f"pods without a placement in {name}, probably older than the opt-in: "
        # Nothing fixes a running pod; the next one of its application is placed.
        fix = f"kubectl get pods --namespace {name} --selector {names.SPARK_ROLE} --watch"
        yield Finding(_CHECK, Level.WARNING, listed(start, older, _SHOWN), fix)
    if younger:
        policies = {entry.get("failurePolicy") for entry in installation.entries}
        cause = "the webhook was not reached when they were created"
        cause += " (failurePolicy Ignore lets such pods pass)" if "Ignore" in policies else ""
        start = f"pods without a placement in {name}, probably because {cause}: "
        fix = installation.kubectl(f"logs deployment/{installation.service} --since-time {begun}")
        yield Finding(_CHECK, Level.FAULT, listed(start, younger, _SHOWN), fix)


def _expected(pod: JSON, namespace: str, profile: str, installation: Installation) -> bool:
    """Whether the webhook would have left its record on `pod`."""
    compiled = _compiled(installation.policy, profile)
    if compiled is None:
        return installation.selector.items() <= labels_of(pod).items()
    view = msgspec.convert(pod, Pod)
    decision = decide_for(view, namespace, compiled)
    return not isinstance(decision, Mismatch) and decision.placement.verdict in (Verdict.PLACE, Verdict.DENY)


def _compiled(policy: Policy | Unknown, profile: str) -> CompiledProfile | None:
    return None if isinstance(policy, Unknown) or profile not in policy.profiles else compile_profile(policy, profile)


def _carries(pod: JSON) -> bool:
    return names.PLACEMENT_ANNOTATION in (pod["metadata"].get("annotations") or {})


def _time(created: JSON) -> str:
    """When it was created (RFC 3339 in UTC, so that order of text is order of time)."""
    return str(created["metadata"].get("creationTimestamp") or "")


def _labelled(namespace: JSON) -> str:
    """When the namespace got its label, as far as its managed fields tell; else an empty string."""
    times = [
        str(entry.get("time") or "")
        for entry in namespace["metadata"].get("managedFields") or ()
        if f"f:{names.PROFILE_LABEL}" in ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels", {})
    ]
    return max(times, default="")
