"""What the API server and the Spark Operator refuse of a SparkConnect.

Source: kubeflow/spark-operator, the CRD, internal/webhook/sparkconnect_validator.go, and
internal/controller/sparkconnect.
"""

import re
from collections.abc import Iterator
from typing import Final

from webhook.spark import connect
from webhook.spark.manifest import Connect, DynamicAllocation
from webhook.spark.operator_rules import (
    DNS_1035,
    DNS_1035_ACCEPTED,
    LONGEST_LABEL,
    Fault,
    denied_properties,
    name_refusals,
    old_spark,
)
from webhook.spark.versions import OperatorVersion
from webhook.spark.workloads import Refusal, Refuser, refusal

_MEMORY: Final = re.compile("[0-9]+([kmgtp]b?|b)?")
#: The first release that checks a SparkConnect.
_CHECKS: Final = OperatorVersion(2, 5)


def of_connect(found: Connect, name: str, namespace: str, operator: OperatorVersion) -> Iterator[Refusal]:
    """Why the operator never makes the server of a SparkConnect called `name` in `namespace`."""
    yield from (one for one in name_refusals(name, namespace, operator) if one.by is Refuser.API_SERVER)
    for sentence, accepted in _faults(found, name, namespace, operator):
        yield refusal(Refuser.OPERATOR, "", sentence, accepted)


def _faults(found: Connect, name: str, namespace: str, operator: OperatorVersion) -> Iterator[Fault]:
    spec = found.spec
    if not connect.server_image(found):
        yield "the server has no image", "spec.image, or the image of the container in spec.server.template"
    if operator < _CHECKS:
        if spec.executor.template is None:
            sentence = f"spec.executor.template is missing, and Spark Operator {operator} cannot do without it"
            yield sentence, "a template with spec.containers"
        return
    most = LONGEST_LABEL - len(connect.name_of_server(""))
    if not DNS_1035.fullmatch(name) or len(name) > most:
        yield f'metadata.name is "{name}"', DNS_1035_ACCEPTED.format(most)
    if not connect.executor_image(found, operator):
        yield "the executor has no image", "spec.image, or the image of the container in spec.executor.template"
    if not spec.spark_version:
        yield "spec.sparkVersion is missing", "a version such as 4.0.1"
    yield from old_spark(spec.spark_version, [spec.server, spec.executor])
    yield from _allocation(spec.dynamic_allocation)
    for role, part in (("server", spec.server), ("executor", spec.executor)):
        if part.memory and not _MEMORY.fullmatch(part.memory.strip().lower()):
            yield f'spec.{role}.memory is "{part.memory}"', "an integer, or one with a unit such as 512m or 4g"
    yield from denied_properties(spec.spark_conf or {}, namespace, operator)


def _allocation(allocation: DynamicAllocation | None) -> Iterator[Fault]:
    if allocation is None or not allocation.enabled:
        return
    least, first, most = allocation.min_executors, allocation.initial_executors, allocation.max_executors
    for key, number in (("minExecutors", least), ("initialExecutors", first), ("maxExecutors", most)):
        if number is not None and number < 0:
            yield f"spec.dynamicAllocation.{key} is {number}", "0 or more"
    if most is not None and least is not None and least > most:
        yield f"spec.dynamicAllocation.maxExecutors is {most}, less than minExecutors, {least}", "minExecutors or more"
    elif first is not None and most is not None and first > most:
        yield (
            f"spec.dynamicAllocation.maxExecutors is {most}, less than initialExecutors, {first}",
            "initialExecutors or more",
        )
    elif first is not None and least is not None and first < least:
        yield (
            f"spec.dynamicAllocation.initialExecutors is {first}, less than minExecutors, {least}",
            "minExecutors or more",
        )
