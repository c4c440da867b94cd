"""Why pods of an application or cluster of Apache's operator are never made.

Source: apache/spark-kubernetes-operator, AppValidateStep, AppInitStep, ClusterInitStep and spark-submission-worker;
Kubernetes, validation of Services and StatefulSets.
"""

import re
from collections.abc import Iterator
from typing import Final

from webhook.core import names
from webhook.core.selectors import Role
from webhook.spark import properties, spark_refusals
from webhook.spark.apache.launch import DRIVER_SERVICE, PYTHON_RUNNER, Launch, place
from webhook.spark.apache.resources import Cluster, Route
from webhook.spark.apache.schema import OLD_VERSION
from webhook.spark.apache.stateful_sets import MASTER_SERVICE, Node, NodeSet
from webhook.spark.operator_rules import DNS_1035_ACCEPTED, LONGEST_LABEL, Fault, is_subdomain, unchecked_name_refusals
from webhook.spark.workloads import Refusal, Refuser, refusal

_IMAGE: Final = f"spec.sparkConf with {properties.IMAGE}"
#: A number as Java reads an int.
_INT: Final = re.compile("[-+]?[0-9]{1,9}")


def of_application(launch: Launch) -> Iterator[Refusal]:
    """Why pods of an application are never made."""
    yield from unchecked_name_refusals(launch.name, launch.namespace)
    for sentence, accepted in (*_of_spec(launch), *_of_driver(launch)):
        yield refusal(Refuser.OPERATOR, "", sentence, accepted)
    yield from _of_executors(launch)


def of_cluster(cluster: Cluster, sets: dict[Node, NodeSet]) -> Iterator[Refusal]:
    """Why pods of a cluster, which are those of `sets`, are never made."""
    master = sets[Node.MASTER]
    name = master.cluster_name
    yield from unchecked_name_refusals(name, master.namespace)
    if is_subdomain(name) and ("." in name or len(name) + len(MASTER_SERVICE) > LONGEST_LABEL):
        sentence = f'metadata.name is "{name}", and there is a Service {name}{MASTER_SERVICE}'
        accepted = DNS_1035_ACCEPTED.format(LONGEST_LABEL - len(MASTER_SERVICE))
        yield refusal(Refuser.API_SERVER, "", sentence, accepted)
    yield from _of_workers(cluster)
    for node, role in ((Node.MASTER, ""), (Node.WORKER, Node.WORKER)):
        # The operator makes the masters first, and stops where the API server refuses.
        yield from _of_selector(sets[node], role)


def _of_spec(launch: Launch) -> Iterator[Fault]:
    spec = launch.spec
    if spec.deployment_mode == "ClientMode":
        yield "spec.deploymentMode is ClientMode, which the operator does not support", "ClusterMode"
    routed = launch.application.api_version != OLD_VERSION
    for kind, routes in (
        (("http", spec.driver_http_route_list), ("grpc", spec.driver_grpc_route_list)) if routed else ()
    ):
        for index, route in enumerate(routes or ()):
            for field in _missing(route, kind):
                yield f"spec.driver{kind.title()}RouteList[{index}].{field} is missing", "that field"
    if spec.main_class == PYTHON_RUNNER and not spec.jars and spec.py_files is None:
        yield f"spec.pyFiles is missing, and spec.mainClass is {PYTHON_RUNNER}", "the program in Python"


def _missing(route: Route, kind: str) -> Iterator[str]:
    """The fields that a route lacks, if it has those that the API server asks for."""
    metadata, spec = (
        (route.http_route_metadata, route.http_route_spec)
        if kind == "http"
        else (route.grpc_route_metadata, route.grpc_route_spec)
    )
    for field, named in (("serviceMetadata", route.service_metadata), (f"{kind}RouteMetadata", metadata)):
        if named is not None and not named.name:
            yield f"{field}.name"
    if spec is None or not spec.parent_refs:
        yield f"{kind}RouteSpec.parentRefs"


def _of_driver(launch: Launch) -> Iterator[Fault]:
    """Why Spark's builder makes no driver."""
    conf = launch.conf
    yield from spark_refusals.of_image(Role.DRIVER, conf, _IMAGE)
    yield from spark_refusals.of_pod(Role.DRIVER, conf, place)
    for role in Role:
        # The operator reads the volumes of the executors, too.
        yield from spark_refusals.of_volumes(role, conf, place)
    yield from _of_template(launch, Role.DRIVER)
    cores, memory = "spark.driver.cores", "spark.driver.memory"
    if cores in conf and not _INT.fullmatch(conf[cores]):
        yield f'{place(cores)} is "{conf[cores]}"', "a positive integer"
    if memory in conf and properties.byte_size(conf[memory]) is None:
        yield f'{place(memory)} is "{conf[memory]}"', "a positive amount such as 512m or 4g"
    policy = conf.get(properties.PULL_POLICY)
    if policy is not None and policy not in spark_refusals.PULL_POLICIES:
        yield f'{place(properties.PULL_POLICY)} is "{policy}"', ", ".join(spark_refusals.PULL_POLICIES)


def _of_executors(launch: Launch) -> Iterator[Refusal]:
    """Why a driver makes no executors, if it should make any."""
    role, conf, app_id = Role.EXECUTOR, launch.conf, launch.app_id
    if not launch.has_executors:
        return
    service = app_id + DRIVER_SERVICE
    if "." in app_id and len(service) <= LONGEST_LABEL and is_subdomain(launch.name):
        sentence = f'metadata.name is "{launch.name}", and the driver has a Service {service}'
        yield refusal(Refuser.API_SERVER, role, sentence, DNS_1035_ACCEPTED.format(LONGEST_LABEL))
    # spark-submit runs in the driver's pod.
    yield from spark_refusals.by_submission(conf, role, place)
    faults = [*spark_refusals.of_image(role, conf, _IMAGE), *spark_refusals.of_pod(role, conf, place)]
    for sentence, accepted in (*faults, *_of_template(launch, role)):
        yield refusal(Refuser.SPARK, role, sentence, accepted)
    yield from spark_refusals.by_driver(conf, launch.spark, place)


def _of_template(launch: Launch, role: Role) -> Iterator[Fault]:
    template = launch.spec.part(role).template
    if template is not None and template.spec is None:
        sentence = f"spec.{role}Spec.podTemplateSpec has no spec, so Spark cannot read it"
        yield sentence, "a spec, which may be empty: spec: {}"


def _of_workers(cluster: Cluster) -> Iterator[Refusal]:
    first = cluster.spec.workers.init_workers
    if first is not None and first <= 0:
        sentence = f"spec.clusterTolerations.instanceConfig.initWorkers is {first}"
        by = Refuser.API_SERVER if first < 0 else Refuser.OPERATOR
        yield refusal(by, Node.WORKER, sentence, "1 or more: nothing scales from 0")


def _of_selector(nodes: NodeSet, role: str) -> Iterator[Refusal]:
    """Whether the StatefulSet does not select its own pods."""
    selector = nodes.spec.selector
    for key, value in ((selector and selector.match_labels) or {}).items():
        # The operator sets the role itself.
        if nodes.labels.get(key) != value and key != names.SPARK_ROLE:
            sentence = f'{nodes.place}.selector.matchLabels["{key}"] is "{value}", and the template has no such label'
            yield refusal(Refuser.API_SERVER, role, sentence, "a label of the template")
