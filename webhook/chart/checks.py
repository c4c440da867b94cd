"""What the chart's templates refuse of values that the schema accepts, apart from the rules of the policy itself.

Source: templates/checks.yaml and templates/checks-policy.yaml. What depends on the release's name is not known here.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from webhook.chart import extra_objects, selection, workloads
from webhook.chart.template import WAITING, waits
from webhook.core.names import RESERVED_PROFILES
from webhook.core.policy import MOST_PROFILES
from webhook.core.text import listed
from webhook.service.policy_file import Fault, beginning, path_of

#: What Helm's semverCompare can read (Masterminds semver: NewVersion).
_PARTS: Final = r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"v?[0-9]+(\.[0-9]+){{0,2}}(-{_PARTS})?(\+{_PARTS})?")
_SERVICE: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NO_NAMES: Final = re.compile(r"[\t\n\f\r ,]*")
_PEM: Final = "-----BEGIN CERTIFICATE-----"
#: The labels of all objects that the chart sets itself.
_OWN_LABELS: Final = (
    "helm.sh/chart",
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
)
#: What the annotations of Helm's hooks begin with.
_HOOK: Final = "helm.sh/hook"
#: The most characters of the chart's names.
_LONGEST_NAME: Final = 40
#: From this minor version of Kubernetes on, namespaces have labels with their names.
_NAMES_SINCE: Final = (1, 21)


def refusals(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each value that a template refuses."""
    for check in (
        _names,
        _seconds,
        _replicas,
        _provided_certificate,
        _common_labels,
        _common_annotations,
        _clients,
        _profiles,
        _default_profile,
        selection.refusals,
        workloads.refusals,
        _resource_policies,
        extra_objects.refusals,
    ):
        yield from check(values)


def _at(*place: str | int, sentence: str) -> Fault:
    return Fault(place, f"{path_of(place)}: {sentence}")


def _names(values: Mapping[str, Any]) -> Iterator[Fault]:
    name = values.get("fullnameOverride", "")[:_LONGEST_NAME].removesuffix("-")
    if name and not _SERVICE.fullmatch(name):
        told = f'found "{name}"; accepted: lowercase letters, digits and hyphens, with a letter in front'
        yield _at("fullnameOverride", sentence=told)
    version = values.get("kubeVersion", "")
    if version and not _VERSION.fullmatch(version):
        yield _at("kubeVersion", sentence=f'found "{version}"; accepted: a version such as 1.30')


def _seconds(values: Mapping[str, Any]) -> Iterator[Fault]:
    settings, period = values["settings"], values["terminationGracePeriodSeconds"]
    # The template's addition drops what is behind the point of each.
    pause = int(values["preStopSeconds"]) + int(settings["drainSeconds"]) + int(settings["stopSeconds"])
    if period <= pause:
        told = f"more than {pause}, the sum of preStopSeconds, settings.drainSeconds and settings.stopSeconds"
        yield _at("terminationGracePeriodSeconds", sentence=f"found {period}; accepted: {told}")


def _replicas(values: Mapping[str, Any]) -> Iterator[Fault]:
    scaling = values["autoscaling"]
    if scaling.get("enabled"):
        least, most = scaling["minReplicas"], scaling["maxReplicas"]
        if least > most:
            yield _at("autoscaling", "minReplicas", sentence=f"found {least}; accepted: at most maxReplicas, {most}")
    elif values["podDisruptionBudget"]["enabled"] and values["replicas"] == 0:
        yield _at("replicas", sentence="found 0; accepted: at least 1, or podDisruptionBudget.enabled: false")


def _provided_certificate(values: Mapping[str, Any]) -> Iterator[Fault]:
    certificates = values["certificates"]
    if certificates["source"] != "provided":
        return
    place = "certificates", "provided"
    if not certificates["provided"].get("secretName"):
        told = 'is empty; accepted: the name of a kubernetes.io/tls Secret, because certificates.source is "provided"'
        yield _at(*place, "secretName", sentence=told)
    given = certificates["provided"].get("caBundle", "").strip()
    if not given:
        yield _at(*place, "caBundle", sentence="is empty; accepted: the CA's certificate in PEM, plain or in base64")
    elif _PEM not in given and _PEM not in _decoded(given):
        told = f"holds no certificate; accepted: PEM with {_PEM}, plain or in base64"
        yield _at(*place, "caBundle", sentence=told)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(re.sub(r"[\t\n\f\r ]", "", text), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _common_labels(values: Mapping[str, Any]) -> Iterator[Fault]:
    for key in _OWN_LABELS:
        if key in values.get("commonLabels", {}):
            yield _at("commonLabels", key, sentence="is set by the chart; accepted: other labels")


def _common_annotations(values: Mapping[str, Any]) -> Iterator[Fault]:
    for key in values.get("commonAnnotations", {}):
        if key.startswith(_HOOK):
            told = "is for hooks, and would be on every object; accepted: other annotations"
            yield _at("commonAnnotations", key, sentence=told)


def _clients(values: Mapping[str, Any]) -> Iterator[Fault]:
    settings = values["settings"]
    subjects, place = settings.get("clientSubjects"), ("settings", "clientSubjects")
    if subjects and not settings.get("clientCa"):
        yield _at(*place, sentence="needs settings.clientCa")
    if subjects is not None and _NO_NAMES.fullmatch(",".join(subjects)):
        told = "contains no name; accepted: names of clients, or no such key to allow every client of the CA"
        yield _at(*place, sentence=told)
    if values["postSync"].get("enabled") and settings.get("clientCa"):
        told = "found true with settings.clientCa, whose certificates the Job does not have; accepted: false"
        yield _at("postSync", "enabled", sentence=told)


def _profiles(values: Mapping[str, Any]) -> Iterator[Fault]:
    policy = values["policy"]
    if "overflow" in policy:
        yield _at("policy", "overflow", sentence="is set by overflow.enabled; accepted: no such key")
    for name, whom in RESERVED_PROFILES.items():
        if name in policy["profiles"]:
            yield _at("policy", "profiles", name, sentence=f"is reserved for {whom}; accepted: another name")
    number = len(selection.profiles(values))
    if not number:
        yield _at("policy", "profiles", sentence="every profile is null; accepted: at least one that is not")
    if number > MOST_PROFILES:
        told = "because etcd cannot store a MutatingWebhookConfiguration with many more entries"
        sentence = f"found {number}; accepted: at most {MOST_PROFILES}, {told}"
        yield _at("policy", "profiles", sentence=sentence)


def _default_profile(values: Mapping[str, Any]) -> Iterator[Fault]:
    name, place = values["webhook"].get("defaultProfile"), ("webhook", "defaultProfile")
    if not name:
        return
    found = selection.profiles(values)
    if name not in found:
        yield _at(*place, sentence=listed(f"found {beginning(name)}; accepted: a profile, one of ", sorted(found), 500))
    if not selection.is_at_least(values.get("kubeVersion", ""), _NAMES_SINCE):
        yield _at(*place, sentence="accepted from Kubernetes 1.21 on, where namespaces have labels with their names")
    overflow = values["overflow"]
    if overflow.get("enabled") and overflow.get("namespaces") and waits(found.get(name, {})):
        told = (
            f"found with webhook.defaultProfile {name}, whose pods wait in every namespace without the label; "
            f"accepted: none, or a default profile without the mode {WAITING}"
        )
        yield _at("overflow", "namespaces", sentence=told)


def _resource_policies(values: Mapping[str, Any]) -> Iterator[Fault]:
    for namespace, policies in values["resourcePolicies"].get("namespaces", {}).items():
        for name, spec in policies.items():
            if any("max" in unit for unit in spec["units"]):
                continue
            fields = ["matchLabelKeys"] if spec.get("matchLabelKeys") else []
            fields += [one for one in ("ignorePreviousPod", "ignoreTerminatingPod") if one in spec]
            for field in fields:
                place = "resourcePolicies", "namespaces", namespace, name, field
                told = "counts pods against max, but no unit has max; accepted with max in a unit"
                yield _at(*place, sentence=told)
