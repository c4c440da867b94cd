"""What a command needs of one cluster: the applications, the labels of namespaces, and the policy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from certs.cluster_errors import ClusterError, ForbiddenError
from webhook.chart.release import Release
from webhook.cli.inputs import Inputs
from webhook.cli.live.applications import SCHEDULE, Resource, groups, made_by, pages, served
from webhook.cli.live.contexts import Context
from webhook.cli.live.installation import UnreadablePolicyError, deployed_default, deployed_release
from webhook.cli.live.namespaces import read_namespaces
from webhook.cli.terminal import InputError
from webhook.core.policy import Policy
from webhook.core.text import LIMIT, cut, listed
from webhook.spark.documents import read
from webhook.spark.versions import Versions

#: The most characters of what an API server says in a sentence.
_REASON = 400


@dataclass(slots=True)
class Contents:
    """What was read of a cluster."""

    inputs: Inputs
    policy: Policy
    default: str | None = None
    """The profile for namespaces without the label; None if there is none."""
    notes: list[str] = field(default_factory=list)
    """What the user should know, but is no fault, one sentence each."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read of every cluster."""

    namespace: str | None
    """The only namespace to read; all if None."""
    versions: Versions
    """The versions that make the pods."""
    policy: Policy | Release | None
    """The policy in place of the deployed one; a Release in place of the deployed default profile, too."""
    tell: Callable[[str, int], None]
    """Is told of a context, and how many applications have been read from it."""


def read_contents(context: Context, wanted: Wanted) -> Contents:
    """Reads a cluster; what may not be read is a fault of the inputs, and the rest is read nevertheless.

    Raises InputError if the policy cannot be read, or if the cluster ceases to answer.
    """
    try:
        return _read_contents(context, wanted)
    except ClusterError as error:
        raise InputError(f"the cluster at {context.cluster.host} no longer answers: {error.reason}") from None


def _read_contents(context: Context, wanted: Wanted) -> Contents:
    found = Contents(Inputs(wanted.versions), Policy())
    if isinstance(wanted.policy, Release):
        found.policy, found.default = wanted.policy.policy, wanted.policy.default
    elif wanted.policy is not None:
        found.policy, found.default = wanted.policy, deployed_default(context.cluster)
    else:
        try:
            deployed = deployed_release(context.cluster)
        except UnreadablePolicyError as error:
            told = cut(str(error), _REASON)
            raise InputError(f"the deployed policy cannot be read: {told}; accepted: a policy with --policy") from None
        if deployed is None:
            found.notes.append("has no installation of this webhook, so the built-in policy is used")
        else:
            found.policy, found.default = deployed.policy, deployed.default
    schedules: set[str] = set()
    for resource in _resources(context, found.inputs):
        _read_kind(context, resource, wanted, found.inputs, schedules)
    found.inputs.workloads.sort(key=lambda one: one[1].namespace)
    _read_labels(context, wanted.namespace, found)
    if not found.inputs.workloads and not found.inputs.faults:
        found.notes.append(f"has no application in {_within(wanted.namespace)}")
    return found


def _resources(context: Context, found: Inputs) -> list[Resource]:
    resources = []
    for group in groups():
        try:
            resources += served(context.cluster, group)
        except ClusterError as error:
            _fail(context, error, found, f"the kinds of {group} could not be read")
    return resources


def _read_kind(context: Context, resource: Resource, wanted: Wanted, found: Inputs, schedules: set[str]) -> None:
    """Adds the objects of a kind to `found`, and to `schedules` the uids of schedules."""
    called = f"cluster {context.name}"
    try:
        for page in pages(context.cluster, resource, wanted.namespace):
            for document in page:
                _take(document, called, found, schedules)
            wanted.tell(context.name, len(found.workloads))
    except ClusterError as error:
        accepted = "the right to list them" if wanted.namespace else "-n NAMESPACE, or the right to list them"
        what = f"the {resource.kind}s ({resource.group_version}) of {_within(wanted.namespace)} could not be listed"
        _fail(context, error, found, what, accepted)


def _take(document: dict[str, Any], called: str, found: Inputs, schedules: set[str]) -> None:
    """Adds an object to `found`, unless it is a run of a schedule that is there too."""
    metadata = document["metadata"]
    if made_by(document, schedules):
        found.runs += 1
        return
    if document["kind"] == SCHEDULE:
        schedules.add(metadata["uid"])
    # Nothing is placed by what the cluster has written.
    metadata.pop("managedFields", None)
    document.pop("status", None)
    where = f"{called}, namespace {metadata.get('namespace')}"
    try:
        unread = found.take(called, read(document, metadata["namespace"], found.versions))
        found.faults.extend(f"{where}: {fault}" for fault in unread)
    except RecursionError:
        found.faults.append(f"{where}: {document['kind']} {metadata.get('name')}: lists nested too deeply")


def _read_labels(context: Context, namespace: str | None, found: Contents) -> None:
    needed = {workload.pod_namespace for _, workload in found.inputs.workloads}
    needed |= {namespace} if namespace else set()
    labels = read_namespaces(context.cluster, sorted(needed), all_at_once=namespace is None)
    found.inputs.namespaces.update(labels.found)
    if namespace in labels.missing:
        found.inputs.faults.append(
            f'context {context.name}: found no namespace "{namespace}"; accepted: one that exists'
        )
    if labels.unread:
        start = "the profile is assumed, because these namespaces could not be read: "
        told = listed(start, labels.unread, 2 * LIMIT)
        found.notes.append(f"{told}; {cut(labels.why, _REASON)}")


def _fail(context: Context, error: ClusterError, found: Inputs, what: str, accepted: str = "") -> None:
    """Adds a fault for what the cluster refuses; `accepted` is what the user may do about a lack of rights.

    Raises `error` if there was no answer.
    """
    if error.status is None:
        raise error
    sentence = f"context {context.name}: {what}: {cut(error.reason, _REASON)}"
    forbidden = accepted and isinstance(error, ForbiddenError)
    found.faults.append(f"{sentence}; accepted: {accepted}" if forbidden else sentence)


def _within(namespace: str | None) -> str:
    return f"the namespace {namespace}" if namespace else "all namespaces"
