"""Do namespaces in the mode resource-policy have a ResourcePolicy, and one that their pods can meet?"""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, name_of
from webhook.cli.doctor.snapshot import Snapshot
from webhook.core import names

_CHECK: Final = "ResourcePolicies"
#: Labels that pods of a SparkConnect lack.
_LACKING: Final = (names.APP_NAME, names.SUBMISSION_ID)


def check_resource_policies(snapshot: Snapshot) -> Iterator[Finding]:
    """Looks at each namespace whose profile leaves the choice to the ACK scheduler."""
    selector = snapshot.policy.selector.match_labels
    for namespace, policies in snapshot.resource_policies.items():
        if isinstance(policies, Unknown):
            yield policies.finding(_CHECK)
        elif policies is None:
            sentence = f"{namespace} uses mode resource-policy, but the cluster has no kind ResourcePolicy"
            yield Finding(
                _CHECK, Level.FAULT, sentence, "kubectl api-resources --api-group scheduling.alibabacloud.com"
            )
        else:
            yield from _of(namespace, policies, dict(selector), snapshot)


def _of(namespace: str, policies: list[JSON], selector: dict[str, str], snapshot: Snapshot) -> Iterator[Finding]:
    meant = [one for one in policies if all(selector.get(key, value) == value for key, value in _selector(one).items())]
    if not meant:
        others = f"its ResourcePolicies select other pods: {_names(policies)}" if policies else "has no ResourcePolicy"
        sentence = f"{namespace} uses mode resource-policy, but {others}"
        write = f"spark-eci-webhook resource-policy --namespace {namespace} --ecs-max 10 | kubectl apply -f -"
        yield Finding(_CHECK, Level.FAULT, sentence, write)
        return
    rejecting = [
        (name_of(one), key)
        for one in meant
        for key in _LACKING
        if key in _keys(one) and _selector(one).keys().isdisjoint(_LACKING)
    ]
    connects = snapshot.connects[namespace] if rejecting else None
    if isinstance(connects, Unknown):
        yield connects.finding(_CHECK)
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
    return ", ".join(map(name_of, found))
