"""Is our configuration there, and is it called last?"""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Installed, Observed, is_ours, path_of

JSON = dict[str, Any]

INSTALL: Final = (
    "helm install spark-eci-webhook charts/spark-eci-webhook --namespace spark-eci-webhook --create-namespace"
)
#: ACK's own configuration, which belongs after ours.
_ACK: Final = "vk-webhook"
#: The name the chart gives ours.
_DEFAULT_NAME: Final = "spark-placement"
_OPERATOR: Final = "sparkoperator.k8s.io"


def check_configuration(observed: Observed) -> Iterator[Finding]:
    """Is there a configuration of ours, exactly one?"""
    check = "configuration"
    if isinstance(observed.configurations, Unknown):
        fix = "kubectl auth can-i list mutatingwebhookconfigurations"
        yield observed.configurations.finding(check, fix)
    elif observed.installed is None:
        sentence = "this webhook has no MutatingWebhookConfiguration, so no pod is placed"
        yield Finding(check, Level.FAULT, sentence, INSTALL)
    else:
        ours = [one["metadata"]["name"] for one in observed.configurations if is_ours(one)]
        installed = observed.installed
        profiles = f"{installed.name} has the profiles {', '.join(installed.profiles)}"
        if len(ours) > 1:
            others = ", ".join(ours[1:])
            fix = f"kubectl delete mutatingwebhookconfiguration {others.replace(', ', ' ')}"
            yield Finding(check, Level.WARNING, f"{profiles}, but {others} places the same pods", fix)
        else:
            yield Finding(check, Level.OK, profiles)


def check_order(observed: Observed) -> Iterator[Finding]:
    """Is it called after every other one that changes pods, but for ACK's, and again where one of them comes later?"""
    installed = observed.installed
    if installed is None or isinstance(observed.configurations, Unknown):
        return
    rivals = sorted(
        one["metadata"]["name"] for one in observed.configurations if not is_ours(one) and _changes_new_pods(one)
    )
    later = [name for name in rivals if name > installed.name and name != _ACK]
    operators = {one["metadata"]["name"] for one in observed.configurations if _is_operators(one)}
    fix = _renaming(installed, [name for name in rivals if name != _ACK])
    if later:
        level = Level.FAULT if operators.intersection(later) else Level.WARNING
        sentence = f"{installed.name} is called before {', '.join(later)}, which may overwrite the placement"
        yield Finding("order", level, sentence, fix)
    if _ACK in rivals and installed.name > _ACK:
        sentence = f"{installed.name} is called after {_ACK}, which therefore does not see the placement"
        yield Finding("order", Level.WARNING, sentence, fix)
    once = [
        one["name"]
        for one in installed.entries
        if path_of(one).startswith("/mutate") and one.get("reinvocationPolicy") != "IfNeeded"
    ]
    if once:
        sentence = f"{', '.join(once)} is not called again if a later webhook changes the pod"
        yield Finding("order", Level.WARNING, sentence, f"kubectl edit mutatingwebhookconfiguration {installed.name}")
    if not later and not once and not (_ACK in rivals and installed.name > _ACK):
        others = ", ".join(name for name in rivals if name != _ACK)
        yield Finding("order", Level.OK, f"{installed.name} is called last{f', after {others}' if others else ''}")


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


def _renaming(installed: Installed, rivals: list[str]) -> str:
    last = rivals[-1] if rivals else ""
    name = _DEFAULT_NAME if last < _DEFAULT_NAME else f"{last}-{_DEFAULT_NAME}"
    return upgrade(installed, f"--set webhook.configurationName={name}")


def upgrade(installed: Installed, setting: str) -> str:
    """The command that changes one value, by the flag `setting`, of the release that `installed` belongs to."""
    annotations = installed.configuration["metadata"].get("annotations") or {}
    release = annotations.get("meta.helm.sh/release-name", "spark-eci-webhook")
    namespace = annotations.get("meta.helm.sh/release-namespace", installed.namespace)
    return f"helm upgrade {release} charts/spark-eci-webhook --namespace {namespace} --reuse-values {setting}"
