"""All checks, one after another."""

from collections.abc import Iterator
from datetime import UTC, datetime

from certs.server import Handshake, ServerError, shake_hands
from webhook.cli.doctor.certificate import bundle_of, check_certificates
from webhook.cli.doctor.cluster import Cluster
from webhook.cli.doctor.configuration import check_configuration, check_order
from webhook.cli.doctor.finding import Finding, Level, Unknown
from webhook.cli.doctor.namespaces import check_namespaces, check_outranked
from webhook.cli.doctor.nodes import check_nodes
from webhook.cli.doctor.observed import Installed, observe
from webhook.cli.doctor.resource_policies import check_resource_policies
from webhook.cli.doctor.route import Route, reach
from webhook.cli.doctor.service import check_service
from webhook.cli.doctor.spark_pods import check_spark_pods


def examine(cluster: Cluster, namespace: str | None = None) -> list[Finding]:
    """All that there is to say of the installation in `cluster`; with `namespace`, of its Spark pods alone."""
    observed = observe(cluster, namespace)
    findings = [*check_configuration(observed), *check_order(observed)]
    if observed.installed is not None:
        findings += _service(cluster, observed.installed)
    for check in (check_namespaces, check_outranked, check_spark_pods, check_nodes, check_resource_policies):
        findings += check(observed)
    return findings


def _service(cluster: Cluster, installed: Installed) -> Iterator[Finding]:
    """What the service presents and answers, looked at by the service's own means."""
    if not installed.service:
        sentence = (
            f"{installed.name} calls a URL instead of a Service, so the service and its certificate were not checked"
        )
        yield Finding(
            "service", Level.WARNING, sentence, f"kubectl describe mutatingwebhookconfiguration {installed.name}"
        )
        return
    with reach(cluster, installed) as route:
        seen = route.seen if isinstance(route, Route) else ""
        handshake = _shake_hands(route, installed)
        yield from check_certificates(installed, handshake, seen, datetime.now(UTC))
        yield from check_service(cluster, installed, route)


def _shake_hands(route: Route | Unknown, installed: Installed) -> Handshake | Unknown:
    if isinstance(route, Unknown):
        return route
    try:
        return shake_hands(route.address, installed.host, bundle_of(installed) or None)
    except ServerError as error:
        return Unknown("the service's certificate", str(error).rstrip("."))
