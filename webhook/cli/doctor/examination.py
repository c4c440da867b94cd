"""Reads a cluster and makes all checks."""

from datetime import UTC, datetime

from certs.cluster import Cluster, ClusterError, connect
from webhook.cli.doctor.certificate import check_certificates
from webhook.cli.doctor.configuration import check_configuration, check_order
from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.doctor.namespaces import check_namespaces, check_outranked
from webhook.cli.doctor.nodes import check_nodes
from webhook.cli.doctor.overflow import check_overflow
from webhook.cli.doctor.resource_policies import check_resource_policies
from webhook.cli.doctor.service import Contact, call_service, check_service
from webhook.cli.doctor.snapshot import ClusterSnapshot, read_snapshot
from webhook.cli.doctor.spark_pods import check_spark_pods
from webhook.cli.terminal import InputError


def open_cluster(context: str | None) -> Cluster:
    """The cluster of `context` in the user's kubeconfig, or of its current context.

    Raises InputError if there is none, or it does not answer.
    """
    cluster = connect(context=context)
    try:
        cluster.get("/version")
    except ClusterError as error:
        raise InputError(f"the cluster at {cluster.host} does not answer: {error.reason}") from None
    return cluster


def examine(cluster: Cluster, namespace: str | None = None) -> list[Finding]:
    """All findings about the installation in `cluster`; with `namespace`, about the Spark pods of that one only."""
    snapshot = read_snapshot(cluster, namespace)
    installation = snapshot.installation
    contact = call_service(cluster, installation) if installation and installation.service else None
    return judge(snapshot, contact, datetime.now(UTC))


def judge(snapshot: ClusterSnapshot, contact: Contact | None, now: datetime) -> list[Finding]:
    """The findings about what was read until `now`; `contact` is None if the configuration names no Service."""
    installation = snapshot.installation
    findings = [*check_configuration(snapshot), *check_order(snapshot)]
    if installation and contact:
        findings += [*check_certificates(installation, contact, now), *check_service(installation, contact)]
    elif installation:
        sentence = f"{installation.name} calls a URL instead of a Service, "
        sentence += "so the service and its certificate were not checked"
        fix = f"kubectl describe mutatingwebhookconfiguration {installation.name}"
        findings.append(Finding("service", Level.WARNING, sentence, fix))
    for check in (check_namespaces, check_outranked, check_spark_pods, check_nodes, check_resource_policies):
        findings += check(snapshot)
    return [*findings, *check_overflow(snapshot, contact)]
