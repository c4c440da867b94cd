"""Do namespaces in the mode resource-policy have a ResourcePolicy, and one that their pods can meet?"""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Observed
from webhook.core import names
from webhook.core.policy import Policy

JSON = dict[str, Any]

_CHECK: Final = "ResourcePolicies"
#: Labels that pods of a SparkConnect lack.
_LACKING: Final = (names.APP_NAME, names.SUBMISSION_ID)


def check_resource_policies(observed: Observed) -> Iterator[Finding]:
    """Looks at each namespace whose profile leaves the choice to the ACK scheduler."""
    selector = (observed.policy or Policy()).selector.match_labels
    for namespace, policies in observed.resource_policies.items():
        if isinstance(policies, Unknown):
            yield policies.finding(_CHECK, f"kubectl auth can-i list resourcepolicies --namespace {namespace}")
        elif policies is None:
            sentence = f"{namespace} uses mode resource-policy, but the cluster has no kind ResourcePolicy"
            yield Finding(
                _CHECK, Level.FAULT, sentence, "kubectl api-resources --api-group scheduling.alibabacloud.com"
            )
        else:
            yield from _of(namespace, policies, dict(selector), observed)


def _of(namespace: str, policies: list[JSON], selector: dict[str, str], observed: Observed) -> Iterator[Finding]:
    meant = [one for one in policies if all(selector.get(key, value) == value for key, value in _selector(one).items())]
    if not meant:
        others = f"its ResourcePolicies select other pods: {_names(policies)}" if policies else "has no ResourcePolicy"
        sentence = f"{namespace} uses mode resource-policy, but {others}"
        write = f"spark-eci-webhook resource-policy --namespace {namespace} --ecs-max 10 | kubectl apply -f -"
        yield Finding(_CHECK, Level.FAULT, sentence, write)
        return
    rejecting = [
        (one["metadata"]["name"], key)
        for one in meant
        for key in _LACKING
        if key in _keys(one) and _selector(one).keys().isdisjoint(_LACKING)
    ]
    connects = observed.connects[namespace] if rejecting else None
    if isinstance(connects, Unknown):
        yield connects.finding(_CHECK, f"kubectl auth can-i list sparkconnects --namespace {namespace}")
    elif connects:
        servers = _names(connects)
        name, key = rejecting[0]
        sentence = (
            f"{name} of {namespace} counts by {key}, a label that SparkConnect pods lack, "
            f"so it rejects those of {servers}"
        )
        fix = f"kubectl edit resourcepolicy {name} --namespace {namespace}"
        yield Finding(_CHECK, Level.FAULT, sentence, fix)
    else:
        yield Finding(_CHECK, Level.OK, f"{namespace} has {_names(meant)}")


def _selector(policy: JSON) -> dict[str, str]:
    return policy["spec"].get("selector") or {}


def _keys(policy: JSON) -> list[str]:
    return policy["spec"].get("matchLabelKeys") or []


def _names(found: list[JSON]) -> str:
    return ", ".join(one["metadata"]["name"] for one in found)
