"""Reads a cluster and makes all checks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from certs.cluster import Cluster
from webhook.cli.doctor.certificate import check_certificates
from webhook.cli.doctor.configuration import check_configuration, check_order
from webhook.cli.doctor.finding import Finding, Level, Unknown, labels_of
from webhook.cli.doctor.namespaces import check_namespaces, check_outranked
from webhook.cli.doctor.nodes import check_nodes
from webhook.cli.doctor.overflow import check_overflow
from webhook.cli.doctor.resource_policies import check_resource_policies
from webhook.cli.doctor.service import Contact, ProbeAnswer, call_service, check_service
from webhook.cli.doctor.snapshot import ClusterSnapshot, profile_label, read_snapshot
from webhook.cli.doctor.spark_pods import check_spark_pods
from webhook.core.names import OPTED_OUT

_VERSION_LABEL: Final = "app.kubernetes.io/version"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was read of a cluster, and the findings about it."""

    snapshot: ClusterSnapshot
    contact: Contact | None
    """None if no Service was called."""
    findings: list[Finding]

    @property
    def version(self) -> str:
        """The version of the webhook, as the chart labels its configuration; empty if that is not known."""
        installation = self.snapshot.installation
        return labels_of(installation.configuration).get(_VERSION_LABEL, "") if installation else ""

    @property
    def policy(self) -> str:
        """The digest of the policy in the ConfigMap, or else of that in force; empty if neither is known."""
        installation = self.snapshot.installation
        if installation and installation.policy:
            return installation.policy.digest
        answer = self.contact.answer if self.contact else None
        return answer.policy if isinstance(answer, ProbeAnswer) else ""

    @property
    def opted_in(self) -> int | None:
        """How many namespaces opted in; None if that is not known."""
        namespaces = self.snapshot.namespaces
        if isinstance(namespaces, Unknown):
            return None
        return sum(profile_label(one) not in (None, OPTED_OUT) for one in namespaces)


def examine(cluster: Cluster, namespace: str | None = None) -> Examination:
    """Examines the installation in `cluster`; with `namespace`, the Spark pods of that one only.

    Raises InputError if there is no such namespace.
    """
    snapshot = read_snapshot(cluster, namespace)
    installation = snapshot.installation
    contact = call_service(cluster, installation) if installation and installation.service else None
    return Examination(snapshot, contact, judge(snapshot, contact, datetime.now(UTC)))


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
