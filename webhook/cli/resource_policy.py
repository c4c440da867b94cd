"""`resource-policy`: a ResourcePolicy for the ACK scheduler, which fills ECS first and then ECI."""

import re
from typing import Annotated, Any, Final

import typer
from pydantic import TypeAdapter, ValidationError

from webhook.cli.pod_text import yaml_text
from webhook.cli.terminal import InputError, console, errors
from webhook.core import names
from webhook.core.schema import FORMS, LabelValue, QualifiedName

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_LENGTH: Final = 63


def resource_policy(
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace whose pods it is for.")
    ] = "default",
    name: Annotated[str, typer.Option(help="Its name.")] = "sparkapplication-resource-policy",
    ecs_max: Annotated[int | None, typer.Option(help="The most pods on ECS; without it, any number.")] = None,
    eci_max: Annotated[int | None, typer.Option(help="The most pods on ECI; without it, any number.")] = None,
    node_selector: Annotated[
        list[str] | None, typer.Option(help="A label KEY=VALUE of the ECS nodes to use; may be repeated.")
    ] = None,
    *,
    per_application: Annotated[
        bool, typer.Option("--per-application", help="Count the pods of each submission by themselves.")
    ] = False,
) -> None:
    """Write a ResourcePolicy, by which the ACK scheduler fills ECS first, then ECI, strictly and up to a number.

    It is met by pods that the Spark Operator launched and that the mode `resource-policy` places. Apply it with
    kubectl.

    For example, of one driver and five executors two on ECS, three on ECI and one waiting:

    - `spark-eci-webhook resource-policy --ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64
      --per-application`
    """
    _check_name("--namespace", namespace)
    _check_name("--name", name)
    for flag, most in (("--ecs-max", ecs_max), ("--eci-max", eci_max)):
        if most is not None and most < 1:
            raise InputError(f"{flag}: found {most}; accepted: 1 or more")
    limited = ecs_max is not None or eci_max is not None
    if per_application and not limited:
        raise InputError("--per-application counts pods up to a number: give --ecs-max or --eci-max too")
    ecs, eci = _unit("ecs", ecs_max), _unit("eci", eci_max)
    if node_selector:
        ecs["nodeSelector"] = dict(map(_label, node_selector))
    spec: dict[str, Any] = {"ignorePreviousPod": True, "ignoreTerminatingPod": False} if limited else {}
    if per_application:
        spec["matchLabelKeys"] = [names.SUBMISSION_ID]
    spec |= {
        "preemptPolicy": "AfterAllUnits",
        "selector": {names.LAUNCHED_BY_OPERATOR: "true"},
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
        sentence = f"pods of a SparkConnect have no label {names.SUBMISSION_ID}, so this ResourcePolicy rejects them"
        errors.print(f"warning: {sentence}", markup=False, highlight=False)


def _unit(resource: str, most: int | None) -> dict[str, Any]:
    return {"resource": resource} if most is None else {"max": most, "resource": resource}


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise InputError(f'--node-selector: found "{text}"; accepted: KEY=VALUE')
    for form, part in ((QualifiedName, key), (LabelValue, value)):
        try:
            TypeAdapter(form).validate_python(part)
        except ValidationError as error:
            context = error.errors()[0].get("ctx", {})
            accepted = FORMS.get(context.get("pattern", ""), f"at most {context.get('max_length')} characters")
            raise InputError(f'--node-selector: found "{part}"; accepted: {accepted}') from None
    return key, value


def _check_name(flag: str, name: str) -> None:
    if len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
        accepted = "lowercase letters, digits and hyphens, at most 63, with a letter or digit at both ends"
        raise InputError(f'{flag}: found "{name}"; accepted: {accepted}')
