"""All checks, one after another."""

from datetime import UTC, datetime

from certs.cluster import Cluster, ClusterError, connect
from certs.server import Handshake, ServerError, shake_hands
from webhook.cli.doctor.certificate import bundle_of, check_certificates
from webhook.cli.doctor.configuration import check_configuration, check_order
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.installation import Installation
from webhook.cli.doctor.namespaces import check_namespaces, check_outranked
from webhook.cli.doctor.nodes import check_nodes
from webhook.cli.doctor.resource_policies import check_resource_policies
from webhook.cli.doctor.route import Route, reach
from webhook.cli.doctor.service import Contact, ask, check_service
from webhook.cli.doctor.snapshot import Snapshot, read_snapshot
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
    contact = _contact(cluster, installation) if installation and installation.service else None
    return judge(snapshot, contact, datetime.now(UTC))


def judge(snapshot: Snapshot, contact: Contact | None, now: datetime) -> list[Finding]:
    """The findings about what was read; `contact` is None if the service could not be called."""
    installation = snapshot.installation
    findings = [*check_configuration(snapshot), *check_order(snapshot)]
    if installation is not None and contact is not None:
        findings += [*check_certificates(installation, contact, now), *check_service(installation, contact)]
    elif installation is not None:
        sentence = f"{installation.name} calls a URL instead of a Service, "
        sentence += "so the service and its certificate were not checked"
        fix = f"kubectl describe mutatingwebhookconfiguration {installation.name}"
        findings.append(Finding("service", Level.WARNING, sentence, fix))
    for check in (check_namespaces, check_outranked, check_spark_pods, check_nodes, check_resource_policies):
        findings += check(snapshot)
    return findings


def _contact(cluster: Cluster, installation: Installation) -> Contact:
    with reach(cluster, installation) as route:
        seen = route.seen if isinstance(route, Route) else ""
        return Contact(seen, _shake_hands(route, installation), ask(cluster, installation, route))


def _shake_hands(route: Route | Unknown, installation: Installation) -> Handshake | Unknown:
    if isinstance(route, Unknown):
        return route
    try:
        return shake_hands(route.address, installation.host, bundle_of(installation) or None)
    except ServerError as error:
        return Unknown("the service's certificate", str(error).rstrip("."), installation.kubectl("get pods"))
