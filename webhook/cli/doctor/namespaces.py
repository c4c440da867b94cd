"""Which namespaces opted in, to a profile that exists, and does a label on one outrank us?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from webhook.cli.doctor.configuration import INSTALL
from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, known, labels_of, name_of
from webhook.cli.doctor.snapshot import Snapshot, profile_label
from webhook.core import names
from webhook.core.text import listed

_CHECK: Final = "namespaces"
_OUTRANKED: Final = "outranked"
_SHOWN: Final = 400


def check_namespaces(snapshot: Snapshot) -> Iterator[Finding]:
    """Does each namespace that opted in name a profile, and can pods in it be placed at all?"""
    if isinstance(snapshot.namespaces, Unknown):
        yield snapshot.namespaces.finding(_CHECK)
        return
    profiles = snapshot.installation.profiles if snapshot.installation else []
    good = []
    for namespace in snapshot.namespaces:
        name, profile = name_of(namespace), profile_label(namespace)
        set_label = f"kubectl label namespace {name} {names.PROFILE_LABEL}={profiles[0] if profiles else 'default'}"
        if profile is None:
            sentence = f"{name} has no label {names.PROFILE_LABEL}, so its pods are not placed"
            yield Finding(_CHECK, Level.WARNING, sentence, set_label)
        elif profile not in profiles and not isinstance(snapshot.configurations, Unknown):
            start = f'{name}: unknown profile "{profile}"; accepted: '
            fix = f"{set_label} --overwrite" if profiles else INSTALL
            yield Finding(_CHECK, Level.FAULT, listed(start, profiles, _SHOWN), fix)
        elif name == "kube-system" or (snapshot.installation and name == snapshot.installation.namespace):
            sentence = f"{name} opted in, but kube-system and the webhook's own namespace are never selected"
            yield Finding(_CHECK, Level.WARNING, sentence, f"kubectl label namespace {name} {names.PROFILE_LABEL}-")
        else:
            good.append(f"{name} ({profile})")
    if good and isinstance(snapshot.configurations, Unknown):
        what = listed("opted in: ", good, _SHOWN) + "; their profiles"
        yield replace(snapshot.configurations, what=what).finding(_CHECK)
    elif good:
        yield Finding(_CHECK, Level.OK, listed("opted in: ", good, _SHOWN))
    elif not snapshot.namespaces:
        fix = f"kubectl label namespace NAMESPACE {names.PROFILE_LABEL}=default"
        yield Finding(_CHECK, Level.WARNING, "no namespace opted in, so no pod is placed", fix)


def check_outranked(snapshot: Snapshot) -> Iterator[Finding]:
    """Does a label on a namespace that opted in, or on one of its Spark pods, win over the placement?"""
    keys = snapshot.policy.virtual_node.outranked_by
    found = False
    for namespace in known(snapshot.namespaces):
        name = name_of(namespace)
        for key in _set(namespace, keys):
            found = True
            sentence = f"the label {key} of the namespace {name} outranks the placement of all its pods"
            yield Finding(_OUTRANKED, Level.WARNING, sentence, f"kubectl label namespace {name} {key}-")
        pods = snapshot.pods.get(name, [])
        for key in keys:
            labelled = [name_of(pod) for pod in known(pods) if key in _set(pod, keys)]
            if labelled:
                found = True
                sentence = listed(f"the label {key} outranks the placement of pods in {name}: ", labelled, _SHOWN)
                fix = f"kubectl get pods --namespace {name} --selector {key} --show-labels"
                yield Finding(_OUTRANKED, Level.WARNING, sentence, fix)
    if not found and snapshot.pods:
        yield Finding(_OUTRANKED, Level.OK, f"no namespace and no Spark pod has the label {' or '.join(keys)}")


def _set(labelled: JSON, keys: tuple[str, ...]) -> list[str]:
    labels = labels_of(labelled)
    return [key for key in keys if labels.get(key, "false") != "false"]
