"""Checks that each namespace whose mode needs a ResourcePolicy has one that suits its pods."""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, Finding, Level, Unknown, name_of
from webhook.cli.doctor.snapshot import ClusterSnapshot
from webhook.core import names
from webhook.core.policy import MatchLabels, Policy
from webhook.core.selectors import Alternative

_CHECK: Final = "ResourcePolicies"
#: Labels that pods of a SparkConnect lack.
_LACKING: Final = (names.APP_NAME, names.SUBMISSION_ID)


def check_resource_policies(snapshot: ClusterSnapshot) -> Iterator[Finding]:
    """Does each namespace have a ResourcePolicy that selects Spark pods, and none that rejects some of them?

    The ACK scheduler rejects a pod that lacks a label of `matchLabelKeys`.
    """
    for namespace, policies in snapshot.resource_policies.items():
        if isinstance(policies, Unknown):
            yield policies.finding(_CHECK)
        elif policies is None:
            sentence = f"{namespace} needs a ResourcePolicy, but the cluster has no kind ResourcePolicy"
            fix = "kubectl api-resources --api-group scheduling.alibabacloud.com"
            yield Finding(_CHECK, Level.FAULT, sentence, fix)
        else:
            yield _check_namespace(namespace, policies, snapshot)


def _check_namespace(namespace: str, policies: list[JSON], snapshot: ClusterSnapshot) -> Finding:
    selecting = [one for one in policies if _may_select(one, snapshot.policy)]
    if not selecting:
        others = f"its ResourcePolicies select other pods: {_names(policies)}" if policies else "has none"
        sentence = f"{namespace} needs a ResourcePolicy, but {others}"
        label = "" if Alternative.KUBEFLOW in _kinds(snapshot.policy) else " --label KEY=VALUE"
        write = f"spark-eci-webhook resource-policy --namespace {namespace}{label} --ecs-max 10 | kubectl apply -f -"
        return Finding(_CHECK, Level.FAULT, sentence, write)
    for one in selecting:
        for key in one["spec"].get("matchLabelKeys") or ():
            kinds = [str(kind) for kind in _kinds(snapshot.policy) if _rejects(one, kind, key)]
            if kinds:
                sentence = f"{name_of(one)} of {namespace} counts by {key}, a label that pods of "
                sentence += f"{' and '.join(kinds)} lack, so it rejects them"
                edit = f"kubectl edit resourcepolicy {name_of(one)} --namespace {namespace}"
                return Finding(_CHECK, Level.WARNING, sentence, edit)
    rejecting = [
        (name_of(one), key)
        for one in selecting
        for key in _LACKING
        if key in (one["spec"].get("matchLabelKeys") or ()) and _selector(one).keys().isdisjoint(_LACKING)
    ]
    connects = snapshot.connects[namespace] if rejecting else None
    if isinstance(connects, Unknown):
        return connects.finding(_CHECK)
    if not connects:
        return Finding(_CHECK, Level.OK, f"{namespace} has {_names(selecting)}")
    name, key = rejecting[0]
    sentence = f"{name} of {namespace} counts by {key}, a label that SparkConnect pods lack, "
    sentence += f"so it rejects those of {_names(connects)}"
    return Finding(_CHECK, Level.FAULT, sentence, f"kubectl edit resourcepolicy {name} --namespace {namespace}")


def _kinds(ours: Policy) -> list[Alternative]:
    """The kinds of pods that our policy names."""
    return [one for one in ours.selector.alternatives if isinstance(one, Alternative)]


def _may_select(policy: JSON, ours: Policy) -> bool:
    """Whether pods that our policy selects may have the labels that a ResourcePolicy selects."""
    if any(_selects(policy, kind) for kind in _kinds(ours)):
        return True
    own = [one.match_labels for one in ours.selector.alternatives if isinstance(one, MatchLabels)]
    wanted = _selector(policy).items()
    return any(all(labels.get(key, value) == value for key, value in wanted) for labels in own)


def _rejects(policy: JSON, kind: Alternative, key: str) -> bool:
    """Whether a ResourcePolicy selects pods of `kind` that lack the label `key`."""
    # What it selects by another label of the same kind has the label, too.
    owners = [one for one in Alternative if key in one.own and not _selector(policy).keys().isdisjoint(one.own)]
    return not owners and _selects(policy, kind) and not kind.always_has(key)


def _selects(policy: JSON, kind: Alternative) -> bool:
    """Whether pods of `kind` may have the labels that a ResourcePolicy selects."""
    labels = dict(kind.labels)
    return all(
        kind.may_have(key) and labels.get(key, value) in (None, value) for key, value in _selector(policy).items()
    )


def _selector(policy: JSON) -> dict[str, str]:
    return policy["spec"].get("selector") or {}


def _names(found: list[JSON]) -> str:
    return ", ".join(map(name_of, found))
