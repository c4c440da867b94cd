"""`resource-policy`: writes a ResourcePolicy with which the ACK scheduler fills ECS first, then ECI."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from webhook.cli.pod_text import yaml_text
from webhook.cli.terminal import InputError, console, errors
from webhook.core import names
from webhook.core.schema import FORMS, DNSLabel, LabelValue, QualifiedName
from webhook.core.selectors import Alternative

#: Pods that may have the labels of a kind, and lack the label by which its submissions are counted.
_LACKING: Final = {Alternative.KUBEFLOW: "SparkConnect", Alternative.SPARK: "SparkCluster"}


def print_resource_policy(
    namespace: str,
    name: str,
    ecs_max: int | None,
    eci_max: int | None,
    node_selector: Sequence[str],
    labels: Sequence[str],
    *,
    per_application: bool,
) -> None:
    """Prints a ResourcePolicy as YAML: at most `ecs_max` pods on ECS and `eci_max` on ECI, any number if None.

    `node_selector` has labels KEY=VALUE of the ECS nodes, and `labels` those of the pods; without any, these are pods
    that the Spark Operator launched. With `per_application` each submission is counted separately.

    Raises InputError if the scheduler or the API server would refuse a value.
    """
    _checked("--namespace", DNSLabel, namespace)
    _checked("--name", DNSLabel, name)
    for flag, most in (("--ecs-max", ecs_max), ("--eci-max", eci_max)):
        if most is not None and most < 1:
            raise InputError(f"{flag}: found {most}; accepted: 1 or more")
    limited = ecs_max is not None or eci_max is not None
    if per_application and not limited:
        raise InputError("--per-application needs --ecs-max or --eci-max")
    ecs, eci = _unit("ecs", ecs_max), _unit("eci", eci_max)
    if node_selector:
        ecs["nodeSelector"] = dict(_label("--node-selector", one) for one in node_selector)
    selector = dict(_label("--label", one) for one in labels) or {names.LAUNCHED_BY_OPERATOR: "true"}
    kind = next((one for one in Alternative if not selector.keys().isdisjoint(one.own)), Alternative.SPARK)
    spec: dict[str, Any] = {"ignorePreviousPod": True, "ignoreTerminatingPod": False} if limited else {}
    if per_application:
        spec["matchLabelKeys"] = [kind.submission]
    spec |= {
        "preemptPolicy": "AfterAllUnits",
        "selector": selector,
        "strategy": "prefer",
        "units": [ecs, eci],
    }
    written = {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    console.file.write(yaml_text(written))
    if per_application:
        lacking = _LACKING.get(kind)
        if lacking:
            sentence = f"pods of a {lacking} have no label {kind.submission}, so this ResourcePolicy rejects them"
            errors.print(f"warning: {sentence}")


def _unit(resource: str, most: int | None) -> dict[str, Any]:
    return {"resource": resource} if most is None else {"max": most, "resource": resource}


def _label(flag: str, text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise InputError(f'{flag}: found "{text}"; accepted: KEY=VALUE')
    return _checked(flag, QualifiedName, key), _checked(flag, LabelValue, value)


def _checked(flag: str, form: Any, text: str) -> str:
    """`text`. Raises InputError if it does not have the form of Kubernetes' names that `form` describes."""
    try:
        return str(TypeAdapter(form).validate_python(text))
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        accepted = FORMS.get(context.get("pattern", ""), f"at most {context.get('max_length')} characters")
        raise InputError(f'{flag}: found "{text}"; accepted: {accepted}') from None
