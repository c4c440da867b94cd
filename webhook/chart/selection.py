"""What the templates refuse of the policy's selector, and of the webhook configuration that is made from it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from webhook.chart.defaults import CHART_NAME
from webhook.chart.template import policy_document
from webhook.core import names
from webhook.core.selectors import ALL_ROLES, OPERATOR_ROLES, Alternative, PodSelector
from webhook.service.policy_file import Fault

#: The most characters of all conditions of one MutatingWebhookConfiguration.
_MOST_CHARACTERS: Final = 400_000
#: From this minor version of Kubernetes on, entries have conditions.
_CONDITIONS_SINCE: Final = (1, 28)
_NAME_LABEL: Final = "app.kubernetes.io/name"
_COMPONENT_LABEL: Final = "app.kubernetes.io/component"
#: Each part of the chart that has pods: its component, and the place of its labels.
_PODS: Final = (
    ("certificate-controller", ("certificates", "controller", "podLabels")),
    ("overflow", ("overflow", "podLabels")),
    ("webhook", ("podLabels",)),
)


def refusals(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each refusal."""
    selector = values["policy"]["selector"]
    any_of, match_labels = selector.get("anyOf"), selector.get("matchLabels")
    place = "policy", "selector"
    if any_of and match_labels and match_labels != dict(Alternative.KUBEFLOW.labels):
        yield Fault(place, "policy.selector: found anyOf and matchLabels; accepted: one of the two")
    if not any_of and not match_labels:
        yield Fault(place, "policy.selector: found neither anyOf nor matchLabels; accepted: one of the two")
        return
    selectors = _selectors(selector)
    size = len(profiles(values)) * _characters(selectors)
    if size > _MOST_CHARACTERS and is_at_least(values.get("kubeVersion", ""), _CONDITIONS_SINCE):
        told = (
            f"{len(profiles(values))} profiles with {len(selectors)} alternatives in selector.anyOf make a "
            "MutatingWebhookConfiguration that is too large for etcd; accepted: fewer profiles, or one label"
        )
        yield Fault(("policy",), f"policy: {told}")
    for component, where in _PODS:
        labels = _labels(values, component, where)
        if any(one.unmet(labels) is None for one in selectors):
            told = f"found {names.SPARK_ROLE}, so policy.selector selects the chart's own pods; accepted: no such label"
            yield Fault((*where, names.SPARK_ROLE), f"{'.'.join(where)}: {told}")


def profiles(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The profiles by name, as the chart has them."""
    found: Mapping[str, Any] = policy_document(values)["profiles"]
    return found


def _selectors(selector: Mapping[str, Any]) -> list[PodSelector]:
    if any_of := selector.get("anyOf"):
        return [
            PodSelector(tuple(one["matchLabels"].items()), ALL_ROLES)
            if isinstance(one, dict)
            else PodSelector(Alternative(one).labels, Alternative(one).roles)
            for one in any_of
        ]
    return [PodSelector(tuple(selector["matchLabels"].items()), OPERATOR_ROLES)]


def _characters(selectors: list[PodSelector]) -> int:
    """The length of the condition that each entry has; 0 if there is none."""
    if len(selectors) == 1:
        return 0
    parts = []
    for one in selectors:
        labels = [f"'{key}' in l" for key, _ in one.labels]
        labels += [f"l['{key}'] == '{value}'" for key, value in one.labels if value is not None]
        roles = "', '".join(one.roles)
        terms = " && ".join([*labels, f"l['spark-role'] in ['{roles}']"])
        parts.append(f"({terms})")
    condition = "has(object.metadata.labels) && [object.metadata.labels].exists(l, 'spark-role' in l && ({}))"
    return len(condition.format(" || ".join(parts)))


def is_at_least(version: str, least: tuple[int, int]) -> bool:
    """Whether a version of Kubernetes is `least` or later. If it is empty, it is a new one, as for Helm."""
    found = re.match(r"v?([0-9]+)\.([0-9]+)", version)
    return found is None or (int(found[1]), int(found[2])) >= least


def _labels(values: Mapping[str, Any], component: str, where: tuple[str, ...]) -> Mapping[str, str]:
    """The labels of the pods of a component, apart from that of the release's name."""
    own: Any = values
    for key in where:
        own = own.get(key, {})
    name = (values.get("nameOverride") or CHART_NAME)[:63].removesuffix("-")
    found: dict[str, str] = {}
    for labels in ({_NAME_LABEL: name, _COMPONENT_LABEL: component}, own, values.get("commonLabels", {})):
        # In a template, the first value that is not empty wins.
        found |= {key: value for key, value in labels.items() if not found.get(key)}
    return found
