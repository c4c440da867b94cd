"""Checks the labels of the namespaces that opted in: the profile, and labels that outrank the placement."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from webhook.cli.doctor.configuration import INSTALL, NO_PROFILE
from webhook.cli.doctor.finding import JSON, LIMIT, Finding, Level, Unknown, known, labels_of, name_of
from webhook.cli.doctor.snapshot import ClusterSnapshot, Installation, applied_profile, profile_label
from webhook.core import names
from webhook.core.namespaces import SYSTEM
from webhook.core.profile import compile_profile
from webhook.core.text import listed
from webhook.core.virtual_node import outranking

_CHECK: Final = "namespaces"
_OUTRANKED: Final = "outranked"


def check_namespaces(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Does each namespace that opted in name an existing profile, and does the webhook select it?

    A namespace may also have opted out, or have no label if there is a default profile.
    """
    if isinstance(snapshot.namespaces, Unknown):
        yield snapshot.namespaces.finding(_CHECK)
        return
    default = snapshot.installation.default if snapshot.installation else None
    labelled, by_default, opted_out = [], [], []
    for namespace in snapshot.namespaces:
        name, label = name_of(namespace), profile_label(namespace)
        if label == names.OPTED_OUT:
            opted_out.append(name)
        elif label is not None:
            labelled.append(namespace)
        elif applied_profile(snapshot.installation, namespace) is not None:
            by_default.append(name)
        elif snapshot.only is not None:
            sentence = f"{name} has no label {names.PROFILE_LABEL}, so its pods are not placed"
            yield Finding(_CHECK, Level.WARNING, sentence, _set_label(snapshot, name))
    yield from _check_labelled(snapshot, labelled)
    if not labelled and default is None and snapshot.only is None:
        fix = f"kubectl label namespace NAMESPACE {names.PROFILE_LABEL}=default"
        yield Finding(_CHECK, Level.WARNING, "no namespace opted in, so no pod is placed", fix)
    if by_default:
        start = f"without the label, and so placed by the default profile {default}: "
        yield Finding(_CHECK, Level.OK, listed(start, by_default, LIMIT))
    if opted_out:
        yield Finding(_CHECK, Level.OK, listed("opted out: ", opted_out, LIMIT))


def _check_labelled(snapshot: ClusterSnapshot, namespaces: list[JSON]) -> Iterator[Finding]:
    """Findings about namespaces whose labels should name profiles."""
    profiles = snapshot.installation.profiles if snapshot.installation else []
    good = []
    for namespace in namespaces:
        name, profile = name_of(namespace), profile_label(namespace)
        if profile not in profiles and not isinstance(snapshot.configurations, Unknown):
            start = f'{name}: unknown profile "{profile}"'
            sentence = listed(f"{start}; accepted: ", profiles, LIMIT) if profiles else f"{start}: {NO_PROFILE}"
            fix = f"{_set_label(snapshot, name)} --overwrite" if profiles else INSTALL
            yield Finding(_CHECK, Level.FAULT, sentence, fix)
        elif name in never_selected(snapshot.installation):
            sentence = f"{name} opted in, but kube-system and the webhook's own namespace are never selected"
            yield Finding(_CHECK, Level.WARNING, sentence, f"kubectl label namespace {name} {names.PROFILE_LABEL}-")
        else:
            good.append(f"{name} ({profile})")
    sentence = listed("opted in: ", good, LIMIT)
    if good and isinstance(snapshot.configurations, Unknown):
        yield replace(snapshot.configurations, what=f"{sentence}; their profiles").finding(_CHECK)
    elif good:
        yield Finding(_CHECK, Level.OK, sentence)


def _set_label(snapshot: ClusterSnapshot, namespace: str) -> str:
    """The command that puts a namespace under a profile."""
    recommended = snapshot.installation.recommended if snapshot.installation else "default"
    return f"kubectl label namespace {namespace} {names.PROFILE_LABEL}={recommended}"


def never_selected(installation: Installation | None) -> set[str]:
    """The namespaces whose pods are never placed, whatever their labels."""
    return {SYSTEM, *([installation.namespace] if installation else ())}


def check_outranked(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Does a label of a namespace that opted in, or of one of its Spark pods, outrank the placement?"""
    keys = snapshot.policy.virtual_node.outranked_by
    findings = []
    for namespace in known(snapshot.namespaces):
        if applied_profile(snapshot.installation, namespace) is None:
            continue
        name, ours = name_of(namespace), _added(snapshot, namespace)
        for key in keys:
            if key in outranking(labels_of(namespace), keys):
                sentence = f"the label {key} of the namespace {name} outranks the placement of all its pods"
                fix = f"kubectl label namespace {name} {key}-"
                findings.append(Finding(_OUTRANKED, Level.WARNING, sentence, fix))
            pods = [name_of(pod) for pod in known(snapshot.pods[name]) if key in _rivals(pod, keys, ours)]
            if pods:
                sentence = listed(f"the label {key} outranks the placement of pods in {name}: ", pods, LIMIT)
                fix = f"kubectl get pods --namespace {name} --selector {key} --show-labels"
                findings.append(Finding(_OUTRANKED, Level.WARNING, sentence, fix))
    if snapshot.pods and not findings:
        sentence = f"no namespace and no Spark pod has a label {' or '.join(keys)} of its own"
        findings.append(Finding(_OUTRANKED, Level.OK, sentence))
    yield from findings


def _added(snapshot: ClusterSnapshot, namespace: JSON) -> set[tuple[str, str]]:
    """The labels that outrank affinity, and that the profile of a namespace adds itself, each with its value."""
    policy, name = snapshot.policy, applied_profile(snapshot.installation, namespace) or ""
    if name not in policy.profiles:
        return set()
    variants = [one for rule in compile_profile(policy, name).rules.values() for one in rule.variants]
    return {label for one in variants for additions in one.additions.values() for label in additions.outranking}


def _rivals(pod: JSON, keys: Iterable[str], added: set[tuple[str, str]]) -> list[str]:
    """The labels of a pod that outrank its placement, but not those that its profile adds."""
    labels = labels_of(pod)
    return [key for key in outranking(labels, keys) if (key, labels[key]) not in added]
