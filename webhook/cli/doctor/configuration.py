"""Checks that there is one MutatingWebhookConfiguration of this webhook, and that it is called last."""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, name_of
from webhook.cli.doctor.snapshot import ClusterSnapshot
from webhook.cli.live.installation import is_ours, path_of

INSTALL: Final = (
    "helm install spark-eci-webhook charts/spark-eci-webhook --namespace spark-eci-webhook --create-namespace"
)
#: Why no name of a profile is accepted.
NO_PROFILE: Final = "no MutatingWebhookConfiguration of this webhook has a profile"
#: ACK's own configuration, which must be called after ours.
_ACK: Final = "vk-webhook"
#: The name that the chart gives ours by default.
_DEFAULT_NAME: Final = "spark-placement"
_OPERATOR: Final = "sparkoperator.k8s.io"


def check_configuration(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Is there exactly one configuration of this webhook?"""
    check = "configuration"
    installation = snapshot.installation
    if isinstance(snapshot.configurations, Unknown):
        yield snapshot.configurations.finding(check)
    elif installation is None:
        sentence = "this webhook has no MutatingWebhookConfiguration, so no pod is placed"
        yield Finding(check, Level.FAULT, sentence, INSTALL)
    else:
        _, *others = [name_of(one) for one in snapshot.configurations if is_ours(one)]
        sentence = f"{installation.name} has the profiles {', '.join(installation.profiles)}"
        if others:
            sentence += f", but the same pods are placed by {', '.join(others)}"
            fix = f"kubectl delete mutatingwebhookconfiguration {' '.join(others)}"
            yield Finding(check, Level.WARNING, sentence, fix)
        else:
            yield Finding(check, Level.OK, sentence)


def check_order(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Is it called after all others that change pods, except ACK's, and again if a later one changes the pod?"""
    check = "order"
    installation = snapshot.installation
    if installation is None or isinstance(snapshot.configurations, Unknown):
        return
    changing = [one for one in snapshot.configurations if not is_ours(one) and _changes_new_pods(one)]
    others = sorted(name_of(one) for one in changing if name_of(one) != _ACK)
    later = [name for name in others if name > installation.name]
    last = others[-1] if others else ""
    new_name = _DEFAULT_NAME if last < _DEFAULT_NAME else f"{last}-{_DEFAULT_NAME}"
    rename = installation.helm_upgrade(f"--set webhook.configurationName={new_name}")
    findings = []
    if later:
        operators = {name_of(one) for one in snapshot.configurations if _is_operators(one)}
        level = Level.FAULT if operators.intersection(later) else Level.WARNING
        sentence = f"{installation.name} is called before {', '.join(later)}, which may overwrite the placement"
        findings.append(Finding(check, level, sentence, rename))
    if installation.name > _ACK and any(name_of(one) == _ACK for one in changing):
        sentence = f"{installation.name} is called after {_ACK}, which therefore does not see the placement"
        findings.append(Finding(check, Level.WARNING, sentence, rename))
    placing = [one for one in installation.entries if path_of(one).startswith("/mutate")]
    once = [one["name"] for one in placing if one.get("reinvocationPolicy") != "IfNeeded"]
    if once:
        sentence = f"not called again if a later webhook changes the pod: {', '.join(once)}"
        edit = f"kubectl edit mutatingwebhookconfiguration {installation.name}"
        findings.append(Finding(check, Level.WARNING, sentence, edit))
    if not findings:
        after = f", after {', '.join(others)}" if others else ""
        findings.append(Finding(check, Level.OK, f"{installation.name} is called last{after}"))
    yield from findings


def _changes_new_pods(configuration: JSON) -> bool:
    return any(
        {"", "*"} & set(rule.get("apiGroups") or ())
        and {"pods", "*", "*/*", "pods/*"} & set(rule.get("resources") or ())
        and {"CREATE", "*"} & set(rule.get("operations") or ())
        for entry in configuration.get("webhooks") or ()
        for rule in entry.get("rules") or ()
    )


def _is_operators(configuration: JSON) -> bool:
    return any(_OPERATOR in str(entry["name"]) for entry in configuration.get("webhooks") or ())
