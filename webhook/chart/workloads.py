"""What the chart's templates refuse of the values for images, ports, accounts and pods.

Source: templates/checks.yaml.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from webhook.service.policy_file import Fault, path_of

_PLACEHOLDER: Final = re.compile(r"([^/]+\.)?example\.(com|net|org)(:[0-9]+)?/")
#: What an image's repository begins with if it names a registry.
_REGISTRY: Final = re.compile(r"([^/]*[.:][^/]*|localhost)/")
#: The keys of `global` that the chart knows.
_GLOBAL: Final = ("imageRegistry", "imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName")
_DUAL: Final = ("PreferDualStack", "RequireDualStack")
_POLICY, _TLS = "/etc/spark-eci-webhook/policy", "/etc/spark-eci-webhook/tls"
_CHECKSUM: Final = "checksum/policy"


class _Pod(NamedTuple):
    """The values of one component's pods, and what the chart itself puts there."""

    place: tuple[str, ...]
    values: Mapping[str, Any]
    volumes: tuple[str, ...]
    mounts: tuple[str, ...]
    reads_policy: bool


def refusals(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each refusal."""
    yield from _image(values)
    yield from _network(values)
    for pod in _pods(values):
        yield from _account(pod)
        yield from _container(pod)


def _fault(place: tuple[str | int, ...], told: str) -> Fault:
    return Fault(place, f"{path_of(place)}: {told}")


def _image(values: Mapping[str, Any]) -> Iterator[Fault]:
    repository, shared = values["image"]["repository"], values.get("global", {})
    registry = shared.get("imageRegistry", "")
    shown = "the placeholder of the documentation"
    if _PLACEHOLDER.match(repository):
        yield _fault(("image", "repository"), f"found {repository}, {shown}; accepted: the image in your registry")
    elif not _REGISTRY.match(repository) and _PLACEHOLDER.match(f"{registry}/"):
        yield _fault(("global", "imageRegistry"), f"found {registry}, {shown}; accepted: your registry")
    for key in shared:
        if key not in _GLOBAL:
            yield _fault(("global", key), f"unknown key; accepted: {', '.join(_GLOBAL)}")


def _network(values: Mapping[str, Any]) -> Iterator[Fault]:
    ports, service = values["ports"], values["service"]
    if ports["https"] == ports["operations"]:
        yield _fault(("ports",), "https and operations are equal; accepted: two different ports")
    page = values["page"]
    if page.get("enabled"):
        if values.get("hostNetwork"):
            told = "found true with hostNetwork, so any program of the node could call the page; accepted: false"
            yield _fault(("page", "enabled"), told)
        for name, port in ports.items():
            if port == page["port"]:
                yield _fault(("page", "port"), f"found {port}, the port of ports.{name}; accepted: another port")
    if values.get("dnsPolicy") == "None" and not values.get("dnsConfig", {}).get("nameservers"):
        told = "is empty, and dnsPolicy is None; accepted: at least one name server"
        yield _fault(("dnsConfig", "nameservers"), told)
    if len(service.get("ipFamilies", ())) > 1 and service.get("ipFamilyPolicy") not in _DUAL:
        told = f"found two families; accepted with service.ipFamilyPolicy {' or '.join(_DUAL)}"
        yield _fault(("service", "ipFamilies"), told)


def _pods(values: Mapping[str, Any]) -> Iterator[_Pod]:
    yield _Pod((), values, ("policy", "tls"), (_POLICY, _TLS), reads_policy=True)
    if values["certificates"]["source"] == "self":
        yield _Pod(("certificates", "controller"), values["certificates"]["controller"], (), (), reads_policy=False)
    if values["overflow"].get("enabled"):
        yield _Pod(("overflow",), values["overflow"], ("policy",), (_POLICY,), reads_policy=True)


def _account(pod: _Pod) -> Iterator[Fault]:
    account = pod.values["serviceAccount"]
    if not account["create"] and not account.get("name"):
        told = "is empty, and create is false; accepted: the name of an existing ServiceAccount"
        yield _fault((*pod.place, "serviceAccount", "name"), told)


def _container(pod: _Pod) -> Iterator[Fault]:
    if pod.reads_policy and _CHECKSUM in pod.values.get("podAnnotations", {}):
        yield _fault((*pod.place, "podAnnotations", _CHECKSUM), "is set by the chart; accepted: other annotations")
    names = [one["name"] for one in pod.values.get("extraEnv", ())]
    for index, name in enumerate(names):
        place: tuple[str | int, ...] = (*pod.place, "extraEnv", index)
        if not pod.place and name.startswith("ECI_WEBHOOK_"):
            yield _fault(place, f"{name} is a setting of the service; accepted in settings")
        if pod.place[:1] == ("certificates",) and name.startswith("ECI_CERTS_"):
            yield _fault(
                place, f"{name} is an option of the certificate controller; accepted in certificates.controller"
            )
        if name in names[:index]:
            yield _fault(place, f"{name} is listed twice; accepted: each name once")
    volumes = [*pod.volumes, *(one["name"] for one in pod.values.get("extraVolumes", ()))]
    mounts = [*pod.mounts, *(one["mountPath"].removesuffix("/") for one in pod.values.get("extraVolumeMounts", ()))]
    for key, field, found, own in (
        ("extraVolumes", "name", volumes, len(pod.volumes)),
        ("extraVolumeMounts", "mountPath", mounts, len(pod.mounts)),
    ):
        for index in range(own, len(found)):
            if found[index] in found[:index]:
                place = (*pod.place, key, index - own, field)
                yield _fault(place, f"found {found[index]}, which another one has; accepted: each once")
