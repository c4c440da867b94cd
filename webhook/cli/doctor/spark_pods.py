"""Which running Spark pods should carry our record and do not, and why probably?"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Installed, Observed, profile_label
from webhook.core import names
from webhook.core.placement import Mismatch, Verdict
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_profile
from webhook.core.review import decide_for
from webhook.core.text import listed

JSON = dict[str, Any]

_CHECK: Final = "pods"
_SHOWN: Final = 300


def check_spark_pods(observed: Observed) -> Iterator[Finding]:
    """Looks at every Spark pod of the namespaces that opted in."""
    installed = observed.installed
    if installed is None or isinstance(observed.namespaces, Unknown):
        return
    carrying = 0
    for namespace in observed.namespaces:
        name, profile = namespace["metadata"]["name"], profile_label(namespace) or ""
        pods = observed.pods[name]
        if isinstance(pods, Unknown):
            yield pods.finding(_CHECK, f"kubectl auth can-i list pods --namespace {name}")
        elif profile in installed.profiles:
            expected = [pod for pod in pods if _expected(pod, name, profile, installed)]
            lacking = [pod for pod in expected if not _carries(pod)]
            carrying += len(expected) - len(lacking)
            yield from _lacking(installed, namespace, lacking)
    if carrying:
        yield Finding(_CHECK, Level.OK, f"{carrying} running Spark pods have a placement")


def _lacking(installed: Installed, namespace: JSON, pods: list[JSON]) -> Iterator[Finding]:
    """One finding for each probable reason."""
    name = namespace["metadata"]["name"]
    begun = max(filter(None, (_time(installed.configuration), _labelled(namespace))), default="")
    older = [pod["metadata"]["name"] for pod in pods if _time(pod) < begun]
    younger = [pod["metadata"]["name"] for pod in pods if _time(pod) >= begun]
    if older:
        start = f"pods without a placement in {name}, probably older than the opt-in: "
        # Nothing fixes a running pod; the next one of its application is placed.
        fix = f"kubectl get pods --namespace {name} --selector {names.SPARK_ROLE} --watch"
        yield Finding(_CHECK, Level.WARNING, listed(start, older, _SHOWN), fix)
    if younger:
        policies = {entry.get("failurePolicy") for entry in installed.entries}
        cause = "the webhook was not reached when they were created"
        cause += " (failurePolicy Ignore lets such pods pass)" if "Ignore" in policies else ""
        start = f"pods without a placement in {name}, probably because {cause}: "
        fix = f"kubectl logs deployment/{installed.service} --namespace {installed.namespace} --since-time {begun}"
        yield Finding(_CHECK, Level.FAULT, listed(start, younger, _SHOWN), fix)


def _expected(pod: JSON, namespace: str, profile: str, installed: Installed) -> bool:
    """Whether the webhook would have left its record on `pod`."""
    compiled = _compiled(installed.policy, profile)
    if compiled is None:
        labels = pod["metadata"].get("labels") or {}
        selector = (installed.entries[0].get("objectSelector") or {}).get("matchLabels") or {}
        return selector.items() <= labels.items()
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
