"""Is our configuration there, and is it called last?"""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, name_of
from webhook.cli.doctor.installation import Installation, is_ours, path_of
from webhook.cli.doctor.snapshot import Snapshot

INSTALL: Final = (
    "helm install spark-eci-webhook charts/spark-eci-webhook --namespace spark-eci-webhook --create-namespace"
)
#: ACK's own configuration, which belongs after ours.
_ACK: Final = "vk-webhook"
#: The name the chart gives ours.
_DEFAULT_NAME: Final = "spark-placement"
_OPERATOR: Final = "sparkoperator.k8s.io"


def check_configuration(snapshot: Snapshot) -> Iterator[Finding]:
    """Is there a configuration of ours, exactly one?"""
    check = "configuration"
    if isinstance(snapshot.configurations, Unknown):
        yield snapshot.configurations.finding(check)
    elif snapshot.installation is None:
        sentence = "this webhook has no MutatingWebhookConfiguration, so no pod is placed"
        yield Finding(check, Level.FAULT, sentence, INSTALL)
    else:
        ours = [name_of(one) for one in snapshot.configurations if is_ours(one)]
        installation = snapshot.installation
        profiles = f"{installation.name} has the profiles {', '.join(installation.profiles)}"
        if len(ours) > 1:
            others = ", ".join(ours[1:])
            fix = f"kubectl delete mutatingwebhookconfiguration {others.replace(', ', ' ')}"
            yield Finding(check, Level.WARNING, f"{profiles}, but {others} places the same pods", fix)
        else:
            yield Finding(check, Level.OK, profiles)


def check_order(snapshot: Snapshot) -> Iterator[Finding]:
    """Is it called after all others that change pods, except ACK's, and again if a later one changes the pod?"""
    installation = snapshot.installation
    if installation is None or isinstance(snapshot.configurations, Unknown):
        return
    rivals = sorted(name_of(one) for one in snapshot.configurations if not is_ours(one) and _changes_new_pods(one))
    later = [name for name in rivals if name > installation.name and name != _ACK]
    operators = {name_of(one) for one in snapshot.configurations if _is_operators(one)}
    fix = _renaming(installation, [name for name in rivals if name != _ACK])
    findings = []
    if later:
        level = Level.FAULT if operators.intersection(later) else Level.WARNING
        sentence = f"{installation.name} is called before {', '.join(later)}, which may overwrite the placement"
        findings.append(Finding("order", level, sentence, fix))
    if _ACK in rivals and installation.name > _ACK:
        sentence = f"{installation.name} is called after {_ACK}, which therefore does not see the placement"
        findings.append(Finding("order", Level.WARNING, sentence, fix))
    once = [
        one["name"]
        for one in installation.entries
        if path_of(one).startswith("/mutate") and one.get("reinvocationPolicy") != "IfNeeded"
    ]
    if once:
        sentence = f"{', '.join(once)} is not called again if a later webhook changes the pod"
        edit = f"kubectl edit mutatingwebhookconfiguration {installation.name}"
        findings.append(Finding("order", Level.WARNING, sentence, edit))
    if not findings:
        others = ", ".join(name for name in rivals if name != _ACK)
        sentence = f"{installation.name} is called last{f', after {others}' if others else ''}"
        findings.append(Finding("order", Level.OK, sentence))
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


def _renaming(installation: Installation, rivals: list[str]) -> str:
    last = rivals[-1] if rivals else ""
    name = _DEFAULT_NAME if last < _DEFAULT_NAME else f"{last}-{_DEFAULT_NAME}"
    return upgrade(installation, f"--set webhook.configurationName={name}")


def upgrade(installation: Installation, setting: str) -> str:
    """The command that changes one value, by the flag `setting`, of the release that `installation` belongs to."""
    annotations = installation.annotations
    release = annotations.get("meta.helm.sh/release-name", "spark-eci-webhook")
    namespace = annotations.get("meta.helm.sh/release-namespace", installation.namespace)
    return f"helm upgrade {release} charts/spark-eci-webhook --namespace {namespace} --reuse-values {setting}"
