"""Which namespaces opted in, to a profile that exists, and does a label on one outrank us?"""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.configuration import INSTALL
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Observed, profile_label
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.text import listed

JSON = dict[str, Any]

_CHECK: Final = "namespaces"
_OUTRANKED: Final = "outranked"
_SHOWN: Final = 400


def check_namespaces(observed: Observed) -> Iterator[Finding]:
    """Does each namespace that opted in name a profile, and can pods in it be placed at all?"""
    if isinstance(observed.namespaces, Unknown):
        yield observed.namespaces.finding(_CHECK, "kubectl auth can-i list namespaces")
        return
    profiles = observed.installed.profiles if observed.installed else []
    good = []
    for namespace in observed.namespaces:
        name, profile = namespace["metadata"]["name"], profile_label(namespace)
        set_label = f"kubectl label namespace {name} {names.PROFILE_LABEL}={profiles[0] if profiles else 'default'}"
        if profile is None:
            sentence = f"{name} has no label {names.PROFILE_LABEL}, so its pods are not placed"
            yield Finding(_CHECK, Level.WARNING, sentence, set_label)
        elif profile not in profiles and not isinstance(observed.configurations, Unknown):
            start = f'{name}: unknown profile "{profile}"; accepted: '
            fix = f"{set_label} --overwrite" if profiles else INSTALL
            yield Finding(_CHECK, Level.FAULT, listed(start, profiles, _SHOWN), fix)
        elif name == "kube-system" or (observed.installed and name == observed.installed.namespace):
            sentence = f"{name} opted in, but kube-system and the webhook's own namespace are never selected"
            yield Finding(_CHECK, Level.WARNING, sentence, f"kubectl label namespace {name} {names.PROFILE_LABEL}-")
        else:
            good.append(f"{name} ({profile})")
    if good and isinstance(observed.configurations, Unknown):
        what = listed("opted in: ", good, _SHOWN) + "; their profiles"
        yield Unknown(what, observed.configurations.why).finding(
            _CHECK, "kubectl auth can-i list mutatingwebhookconfigurations"
        )
    elif good:
        yield Finding(_CHECK, Level.OK, listed("opted in: ", good, _SHOWN))
    elif not observed.namespaces:
        fix = f"kubectl label namespace NAMESPACE {names.PROFILE_LABEL}=default"
        yield Finding(_CHECK, Level.WARNING, "no namespace opted in, so no pod is placed", fix)


def check_outranked(observed: Observed) -> Iterator[Finding]:
    """Does a label on a namespace that opted in, or on one of its Spark pods, win over the placement?"""
    keys = (observed.policy or Policy()).virtual_node.outranked_by
    found = False
    for namespace in [] if isinstance(observed.namespaces, Unknown) else observed.namespaces:
        name = namespace["metadata"]["name"]
        for key in _set(namespace, keys):
            found = True
            sentence = f"the label {key} of the namespace {name} outranks the placement of all its pods"
            yield Finding(_OUTRANKED, Level.WARNING, sentence, f"kubectl label namespace {name} {key}-")
        pods = observed.pods.get(name, [])
        for key in keys:
            labelled = [pod["metadata"]["name"] for pod in _known(pods) if key in _set(pod, keys)]
            if labelled:
                found = True
                sentence = listed(f"the label {key} outranks the placement of pods in {name}: ", labelled, _SHOWN)
                fix = f"kubectl get pods --namespace {name} --selector {key} --show-labels"
                yield Finding(_OUTRANKED, Level.WARNING, sentence, fix)
    if not found and observed.pods:
        yield Finding(_OUTRANKED, Level.OK, f"no namespace and no Spark pod has the label {' or '.join(keys)}")


def _set(labelled: JSON, keys: tuple[str, ...]) -> list[str]:
    labels = labelled["metadata"].get("labels") or {}
    return [key for key in keys if labels.get(key, "false") != "false"]


def _known(pods: list[JSON] | Unknown) -> list[JSON]:
    return [] if isinstance(pods, Unknown) else pods
