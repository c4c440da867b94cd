"""Checks that running Spark pods have a placement record; if not, says the probable reason."""

from collections.abc import Iterator
from typing import Final

import msgspec

from webhook.cli.doctor.finding import JSON, LIMIT, Finding, Level, Unknown, known, name_of, writes_to
from webhook.cli.doctor.snapshot import ClusterSnapshot, Installation, applied_profile, profile_label
from webhook.cli.live.installation import UNLABELLED
from webhook.core import names
from webhook.core.placement import Mismatch, Verdict
from webhook.core.pod import Pod
from webhook.core.profile import compile_profile
from webhook.core.reasons import Reason
from webhook.core.review import decide_for
from webhook.core.text import listed

_CHECK: Final = "pods"


def check_spark_pods(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Does each running Spark pod of the namespaces that opted in have the record that it should have?"""
    installation = snapshot.installation
    if installation is None:
        return
    recorded = 0
    # Several namespaces may have the same, if the pods of the whole cluster could not be read.
    unknown = dict[Unknown, None]()
    for namespace in known(snapshot.namespaces):
        name, profile = name_of(namespace), applied_profile(installation, namespace)
        pods = snapshot.pods[name]
        if isinstance(pods, Unknown):
            if pods not in unknown:
                yield pods.finding(_CHECK)
            unknown[pods] = None
        elif profile in installation.profiles:
            expected = [pod for pod in pods if _is_expected(pod, name, profile, installation)]
            lacking = [pod for pod in expected if not _has_record(pod)]
            recorded += len(expected) - len(lacking)
            yield from _lacking(installation, namespace, lacking)
    if recorded:
        yield Finding(_CHECK, Level.OK, f"{recorded} running Spark pods have a placement")


def _is_expected(pod: JSON, namespace: str, profile: str, installation: Installation) -> bool:
    """Whether the webhook would have left its record on `pod`."""
    policy = installation.policy
    if policy is None or profile not in policy.profiles:
        return installation.selects(pod)
    decision = decide_for(msgspec.convert(pod, Pod), namespace, compile_profile(policy, profile))
    if isinstance(decision, Mismatch) or decision.placement.reason is Reason.TOO_LARGE:
        return False
    return decision.placement.verdict in (Verdict.PLACE, Verdict.DENY)


def _has_record(pod: JSON) -> bool:
    return names.PLACEMENT_ANNOTATION in (pod["metadata"].get("annotations") or {})


def _lacking(installation: Installation, namespace: JSON, pods: list[JSON]) -> Iterator[Finding]:
    """One finding for each probable reason."""
    name = name_of(namespace)
    since = unchanged_since(installation, namespace)
    older = [name_of(pod) for pod in pods if created(pod) < since]
    younger = [name_of(pod) for pod in pods if created(pod) >= since]
    if older:
        start = f"pods without a placement in {name}, probably older than the opt-in or the policy: "
        # Nothing fixes a running pod; the next one of its application is placed.
        fix = f"kubectl get pods --namespace {name} --selector {names.SPARK_ROLE} --watch"
        yield Finding(_CHECK, Level.WARNING, listed(start, older, LIMIT), fix)
    if younger:
        start = f"pods without a placement in {name}, probably because the webhook was not reached when they were "
        ignored = " (failurePolicy Ignore lets such pods pass)" if installation.lets_pass(namespace) else ""
        start += f"created{ignored}: "
        fix = installation.kubectl(f"logs deployment/{installation.service} --since-time {since}")
        if installation.policy is None:
            start = start.removesuffix(": ") + ", or because their rule observes or has a rollout: "
        level = Level.FAULT if installation.policy else Level.WARNING
        yield Finding(_CHECK, level, listed(start, younger, LIMIT), fix)


def unchanged_since(installation: Installation, namespace: JSON) -> str:
    """Since when the webhook, the opt-in and the deployed policy are as they are; `created` of an older pod is less."""
    since = opted_in(namespace)
    if profile_label(namespace) is None:
        since = default_since(installation.configuration)
    return max(created(installation.configuration), since, installation.policy_written)


def created(stored: JSON) -> str:
    """When an object was created (RFC 3339 in UTC, so that the order of text is the order of time)."""
    return str(stored["metadata"].get("creationTimestamp") or "")


def opted_in(namespace: JSON) -> str:
    """When the profile label was last written, from the namespace's managed fields; empty if they do not say."""
    label = f"f:{names.PROFILE_LABEL}"
    times = (
        time for time, fields in writes_to(namespace) if label in (fields.get("f:metadata") or {}).get("f:labels", {})
    )
    return max(times, default="")


def default_since(configuration: JSON) -> str:
    """When the default profile's entry was last written, from managed fields; empty if they do not say."""
    key = f'k:{{"name":"{UNLABELLED}"}}'
    times = (time for time, fields in writes_to(configuration) if "." in (fields.get("f:webhooks") or {}).get(key, {}))
    return max(times, default="")
