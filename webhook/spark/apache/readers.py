"""The workload of each resource of Apache's operator: its pods, its notes, and why pods are never made."""

from typing import Final

import msgspec

from webhook.core.selectors import Role
from webhook.spark import notes, spark_pods
from webhook.spark.apache import refusals, schema, workload_notes
from webhook.spark.apache.launch import BUILDER, Launch, launched
from webhook.spark.apache.privileges import unprivileged
from webhook.spark.apache.resources import App, Cluster
from webhook.spark.apache.stateful_sets import Node, NodeSet
from webhook.spark.api_server import stored
from webhook.spark.applications import name_of
from webhook.spark.manifest import JSON
from webhook.spark.versions import Versions
from webhook.spark.workloads import SparkPod, Workload, shown, told_once

_OPERATOR: Final = "Apache's operator"


def application(document: JSON, namespace: str, versions: Versions) -> Workload:
    """The workload of a SparkApplication; it is in `namespace` if it names none.

    `versions` says which Spark is in the image. Raises msgspec.ValidationError if a field that is read has the wrong
    type, as the function below does.
    """
    found = msgspec.convert(stored(document), App)
    name, where = name_of(found.metadata), found.metadata.namespace or namespace
    launch = launched(found, name, where, versions)
    pods = [SparkPod(Role.DRIVER.value, _driver(launch))]
    if launch.has_executors:
        made = spark_pods.created(
            Role.EXECUTOR,
            launch.app_name(Role.EXECUTOR),
            launch.spark,
            launch.conf,
            launch.spec.part(Role.EXECUTOR),
            app_id=launch.app_id,
        )
        pods.append(SparkPod(Role.EXECUTOR.value, made, count=notes.executors(launch.conf)))
    refused = [*schema.refusals(document), *refusals.of_application(launch)]
    told = tuple(map(shown, [*workload_notes.of_application(launch), *schema.unknown(document)]))
    return Workload("SparkApplication", where, name, tuple(pods), told, told_once(refused), _OPERATOR)


def cluster(document: JSON, namespace: str, versions: Versions) -> Workload:
    """The workload of a SparkCluster: a pod of the masters, and one of the workers, which stands for all."""
    found = msgspec.convert(stored(document), Cluster)
    name, where, spec = name_of(found.metadata), found.metadata.namespace or namespace, found.spec
    spark = versions.spark_of(spec.runtime_versions.spark_version if spec.runtime_versions else None)
    sets = {node: NodeSet(node, found, name, where, spark) for node in Node}
    counts = {Node.MASTER: "", Node.WORKER: workload_notes.workers(spec.workers)}
    pods = tuple(SparkPod(node.value, one.pod(), count=counts[node]) for node, one in sets.items())
    refused = [*schema.refusals(document), *refusals.of_cluster(found, sets)]
    told = tuple(map(shown, [*workload_notes.of_cluster(found, tuple(sets.values())), *schema.unknown(document)]))
    return Workload("SparkCluster", where, name, pods, told, told_once(refused), _OPERATOR)


def _driver(launch: Launch) -> JSON:
    """The driver: what Spark's builder makes, without privileges that nobody asked for."""
    role = Role.DRIVER
    pod = spark_pods.created(
        role,
        launch.app_name(role),
        launch.spark,
        launch.conf,
        launch.spec.part(role),
        app_id=launch.app_id,
        builder=BUILDER,
    )
    return pod | {"spec": unprivileged(pod["spec"])}
