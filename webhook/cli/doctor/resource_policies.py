"""Do namespaces in the mode resource-policy have a ResourcePolicy, and one that their pods can meet?"""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.observed import Observed
from webhook.core import names
from webhook.core.policy import Policy

JSON = dict[str, Any]

_CHECK: Final = "ResourcePolicies"


def check_resource_policies(observed: Observed) -> Iterator[Finding]:
    """Looks at each namespace whose profile leaves the choice to the ACK scheduler."""
    selector = (observed.policy or Policy()).selector.match_labels
    for namespace, policies in observed.resource_policies.items():
        if isinstance(policies, Unknown):
            yield policies.finding(_CHECK, f"kubectl auth can-i list resourcepolicies --namespace {namespace}")
        elif policies is None:
            sentence = f"{namespace} is in the mode resource-policy, but the cluster serves no ResourcePolicy"
            yield Finding(
                _CHECK, Level.FAULT, sentence, "kubectl api-resources --api-group scheduling.alibabacloud.com"
            )
        else:
            yield from _of(namespace, policies, dict(selector), observed)


def _of(namespace: str, policies: list[JSON], selector: dict[str, str], observed: Observed) -> Iterator[Finding]:
    meant = [one for one in policies if (one["spec"].get("selector") or {}).items() <= selector.items()]
    if not meant:
        have = f"{len(policies)} that select no Spark pods" if policies else "none"
        sentence = f"{namespace} is in the mode resource-policy, but of ResourcePolicies it has {have}"
        write = f"spark-eci-webhook resource-policy --namespace {namespace} --ecs-max 10 | kubectl apply -f -"
        yield Finding(_CHECK, Level.FAULT, sentence, write)
        return
    rejecting = [one["metadata"]["name"] for one in meant if names.SUBMISSION_ID in _keys(one)]
    connects = observed.connects[namespace] if rejecting else None
    if isinstance(connects, Unknown):
        yield connects.finding(_CHECK, f"kubectl auth can-i list sparkconnects --namespace {namespace}")
    elif connects:
        servers = ", ".join(one["metadata"]["name"] for one in connects)
        sentence = (
            f"{rejecting[0]} of {namespace} counts by {names.SUBMISSION_ID}, which pods of a SparkConnect lack, "
            f"so it rejects those of {servers}"
        )
        mend = f"kubectl edit resourcepolicy {rejecting[0]} --namespace {namespace}"
        yield Finding(_CHECK, Level.FAULT, sentence, mend)
    else:
        yield Finding(_CHECK, Level.OK, f"{namespace} has {', '.join(one['metadata']['name'] for one in meant)}")


def _keys(policy: JSON) -> list[str]:
    return policy["spec"].get("matchLabelKeys") or []
