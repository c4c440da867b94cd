"""Checks that pods which wait to be opened have an overflow controller, and that it follows the service's policy."""

from collections.abc import Iterator
from typing import Final

from webhook.cli.doctor.finding import JSON, LIMIT, Finding, Level, Unknown, known, name_of
from webhook.cli.doctor.namespaces import never_selected
from webhook.cli.doctor.overflow_state import OverflowState, held_lease, policy_of
from webhook.cli.doctor.service import Contact, ProbeAnswer
from webhook.cli.doctor.snapshot import ClusterSnapshot, Installation, applied_profile
from webhook.core import names
from webhook.core.text import listed

_CHECK: Final = "overflow"


def check_overflow(snapshot: ClusterSnapshot, contact: Contact | None) -> Iterator[Finding]:
    """Is there a controller for the pods that wait, does it follow the policy in force, and may it open them all?

    Says nothing if neither the policy nor the cluster knows of a controller.
    """
    state, installation = snapshot.overflow, snapshot.installation
    if state is None or installation is None:
        return
    policy = installation.policy
    if policy is not None and policy.overflow is None and not known(state.leases) and not known(state.waiting):
        return
    for part in (state.leases, state.waiting):
        if isinstance(part, Unknown):
            yield part.finding(_CHECK)
    yield from _opted_out(snapshot, installation, known(state.waiting))
    if isinstance(state.leases, Unknown):
        return
    held = held_lease(state.leases, state.now)
    if isinstance(held, str):
        yield from _absent(installation, state, held)
    else:
        yield _present(installation, contact, state, held)


def _absent(installation: Installation, state: OverflowState, fault: str) -> Iterator[Finding]:
    """That no controller runs, if that matters: if pods wait, or the policy says that it runs."""
    policy = installation.policy
    fix = installation.kubectl("describe pods --selector app.kubernetes.io/component=overflow")
    if policy is not None and policy.overflow is None:
        fix = installation.helm_upgrade("--set overflow.enabled=true")
    if waiting := known(state.waiting):
        start = f"no overflow controller runs ({fault}), so {_counted(len(waiting))} for ever: "
        yield Finding(_CHECK, Level.FAULT, listed(start, map("/".join, waiting), LIMIT), fix)
    elif policy is not None and policy.overflow is not None:
        sentence = f"no overflow controller runs ({fault}), but the policy lets pods wait for it"
        yield Finding(_CHECK, Level.WARNING, sentence, fix)


def _present(installation: Installation, contact: Contact | None, state: OverflowState, lease: JSON) -> Finding:
    """Compares the policy of the controller with that of the service, or else with that in the ConfigMap."""
    holder, own = lease["spec"]["holderIdentity"], policy_of(lease)
    answer, whose = contact.answer if contact else None, "the service"
    policy = answer.policy if isinstance(answer, ProbeAnswer) else ""
    if not policy and installation.policy:
        policy, whose = installation.policy.digest, "the ConfigMap"
    if policy and policy != own:
        sentence = f"the overflow controller {holder} opens pods by policy {own}, but {whose} has {policy}"
        fix = installation.kubectl(f"rollout status deployment/{name_of(lease)}")
        return Finding(_CHECK, Level.WARNING, sentence, fix)
    waiting = "" if isinstance(state.waiting, Unknown) else f"; {_counted(len(state.waiting))}"
    return Finding(_CHECK, Level.OK, f"{holder} opens pods by policy {own}{waiting}")


def _opted_out(
    snapshot: ClusterSnapshot, installation: Installation, waiting: list[tuple[str, str]]
) -> Iterator[Finding]:
    """Pods that no controller opens, because no profile applies to their namespaces."""
    if isinstance(snapshot.namespaces, Unknown):
        return
    opted_in = {
        name_of(one) for one in snapshot.namespaces if applied_profile(installation, one) in installation.profiles
    }
    stuck = [one for one in waiting if one[0] not in opted_in - never_selected(installation)]
    if stuck:
        start = "pods wait that are never opened, because no profile applies to their namespaces: "
        fix = f"kubectl get namespaces --label-columns {names.PROFILE_LABEL}"
        yield Finding(_CHECK, Level.WARNING, listed(start, map("/".join, stuck), LIMIT), fix)


def _counted(pods: int) -> str:
    return "1 pod waits" if pods == 1 else f"{pods} pods wait"
