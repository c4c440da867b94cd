"""Pods as an API server stores them, and what `why` says of each; `make golden` rewrites it for a reviewed diff."""

import contextlib
import io
from pathlib import Path
from typing import Any, Final

from tests.cli.test_doctor import (
    CONFIGURATIONS,
    DENIED,
    ETL,
    LAUNCHED,
    LEASES,
    OBJECTS,
    OURS,
    OVERFLOW,
    OVERFLOWING,
    POLICY,
    Stored,
    by_default,
    configured,
    digest,
    entries,
    lease,
    namespace,
    pod,
    policy,
)
from tests.overlays import ABSENT, overlaid
from webhook.cli.why import output
from webhook.cli.why.headline import headline
from webhook.cli.why.judgement import Answer, judge
from webhook.cli.why.reading import read_facts
from webhook.core.policy import Policy
from webhook.core.reasons import Reason
from webhook.overflow.events import Happening

FILE: Final = Path(__file__).parent / "why.txt"
JSON = dict[str, Any]
ME: Final = f"{ETL}/pods/me"
ECS: Final = "nodes/ecs"
CREATED: Final = "2026-08-03"
BUILT_IN: Final = Policy().digest


def recorded(mode: str, rest: str = "", *, profile: str = "default", by: str = BUILT_IN) -> JSON:
    """An executor with a record."""
    return dict(pod(CREATED, f"mode={mode},profile={profile},policy={by}{rest}"))


def on(node: str, found: JSON, **status: Any) -> JSON:
    return dict(overlaid(found, {"spec": {"nodeName": node}, "status": {"phase": "Running", **status}}))


def unscheduled(found: JSON, reason: str = "Unschedulable", **spec: Any) -> JSON:
    """A pod that the scheduler could not place 30 seconds ago."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "lastTransitionTime": "2026-09-01T11:59:30Z",
    }
    condition["message"] = "0/5 nodes are available: 5 Insufficient cpu."
    return dict(overlaid(found, {"spec": spec, "status": {"phase": "Pending", "conditions": [condition]}}))


def waits(found: JSON | None = None, *, by: str = digest(OVERFLOWING)) -> JSON:
    """A pod of the mode ecs-then-eci with the label of those that wait."""
    return dict(
        overlaid(
            found or recorded("ecs-then-eci", by=by),
            {"metadata": {"labels": {OVERFLOW: "waiting"}}, "status": {"phase": "Pending"}},
        )
    )


def event(reason: str, message: str, minute: int = 0, **fields: Any) -> JSON:
    return {
        "metadata": {},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-09-01T11:{minute:02}:00Z",
        **fields,
    }


def opened(name: str) -> JSON:
    return {
        f"{ETL}/pods/{name}": overlaid(
            recorded("ecs-then-eci"), {"metadata": {"uid": name, "labels": {OVERFLOW: "opened"}}}
        )
    }


def only(executor: JSON, **rest: Any) -> JSON:
    """A policy whose profile default has this rule for executors."""
    return policy({"profiles": {"default": {"executor": executor, **rest}}})


SOON: Final = overlaid(OVERFLOWING, {"profiles": {"default": {"executor": {"after": "10s"}}}})
UNDER_LIMIT: Final = overlaid(SOON, {"profiles": {"default": {"overflow": {"maxPerNamespace": 2}}}})
PER_APPLICATION: Final = overlaid(SOON, {"profiles": {"default": {"overflow": {"maxPerApplication": 1}}}})
UNSELECTED: Final = pod(CREATED, **{LAUNCHED: "false"})
FAILED: Final = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
COMPLETED: Final = [{"state": {"terminated": {"reason": "Completed"}}}]
PULLING: Final = [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]

#: The mode that a pod with a reason has, if not ecs-first.
MODES: Final = {
    Reason.DEMANDS_VIRTUAL_NODES: "ecs-only",
    Reason.UNSUPPORTED: "ecs-only",
    Reason.EXCLUDES_VIRTUAL_NODES: "eci-only",
    Reason.OTHER_SCHEDULER: "resource-policy",
    Reason.OUTSIDE_ROLLOUT: "none",
}


def under(changed: JSON) -> tuple[JSON, JSON]:
    """A pod that waits under a policy, and that policy with a controller."""
    return unscheduled(waits(by=digest(changed))), {**policy(changed), **lease(digest(changed))}


# fmt: off
#: A pod in etl, and what differs from the installation of doctor's tests.
CASES: Final[dict[str, tuple[JSON, JSON]]] = {

 "on ECS": (on("ecs", recorded("ecs-first")), {}),
 "on ECI, and it cannot pull its image": (on("virtual", recorded("eci-only", profile="eci-only"), phase="Pending", containerStatuses=PULLING), {ETL: namespace("eci-only")}),
 "an init container has completed, and the image cannot be pulled": (on("ecs", recorded("ecs-first"), phase="Pending", initContainerStatuses=COMPLETED, containerStatuses=PULLING), {}),
 "an init container and a sidecar have completed, and the pod runs": (on("ecs", recorded("ecs-first"), initContainerStatuses=COMPLETED, containerStatuses=[*COMPLETED, {"state": {"running": {}}}]), {}),
 "an init container has completed, and another one was killed": (on("ecs", recorded("ecs-first"), phase="Failed", initContainerStatuses=COMPLETED, containerStatuses=[{"state": {"terminated": {"reason": "OOMKilled"}}}]), {}),
 "all have completed": (on("ecs", recorded("ecs-first"), phase="Succeeded", containerStatuses=COMPLETED), {}),
 "a profile that allows no override": (on("ecs", recorded("ecs-first")), only({"mode": "ecs-first"}, allowOverride=False)),
 "a node that may not be seen": (on("ecs", recorded("ecs-first")), {ECS: DENIED}),
 "a node that is gone": (on("gone", recorded("ecs-first")), {}),
 "nothing but the pod may be seen": (on("ecs", recorded("ecs-first")), {CONFIGURATIONS: DENIED, ECS: DENIED, ETL: DENIED, f"{ETL}/events": DENIED}),
 "nothing but the pod may be seen, which has no record": (on("ecs", pod(CREATED)), {CONFIGURATIONS: DENIED, ECS: DENIED, ETL: DENIED, f"{ETL}/events": DENIED}),
 "the policy may not be seen": (on("ecs", recorded("ecs-first")), {POLICY: DENIED}),
 "the policy may not be seen, and there is no record": (on("ecs", pod(CREATED)), {POLICY: DENIED}),
 "the policy is not valid": (on("ecs", recorded("ecs-first")), policy({"profiles": 1})),
 "the namespace may not be seen": (on("ecs", recorded("ecs-first")), {ETL: DENIED}),
 "the webhook is gone": (on("ecs", recorded("ecs-first")), {OURS: ABSENT}),
 "unschedulable, with Events": (unscheduled(recorded("ecs-first")), {
    f"{ETL}/events/a": event("FailedScheduling", "0/5 nodes are available", 50, count=7),
    f"{ETL}/events/b": event("Pulled", "no", 51, type="Normal"),
    f"{ETL}/events/c": event("ProviderCreateFailed", "no stock\nfor \x1b[31mecs.c6.large " + "x"*200, 52),
    f"{ETL}/events/d": event("TriggeredScaleUp", "pod triggered scale-up", 53, type="Normal", lastTimestamp=None, eventTime="2026-09-01T11:53:00.123456Z")}),
 **{f"unschedulable in the mode {mode}": (unscheduled(recorded(mode, profile=mode)), {ETL: namespace(mode)}) for mode in ("ecs-only","eci-only","eci-first","resource-policy")},
 "unschedulable, and excludes virtual nodes": (unscheduled(recorded("eci-only", ",reason=excludes-virtual-nodes")), {}),
 "unschedulable, and demands virtual nodes": (unscheduled(recorded("ecs-only", ",reason=demands-virtual-nodes")), {}),
 "unschedulable, and left alone": (unscheduled(recorded("none", ",reason=override")), {}),
 "unschedulable, and no Spark pod": (unscheduled(overlaid(pod(CREATED), {"metadata":{"labels":{"spark-role":ABSENT}}})), {}),
 "a gate": (unscheduled(recorded("ecs-first"), "SchedulingGated", schedulingGates=[{"name":"kueue.x-k8s.io/admission"}]), {}),
 "another reason of the scheduler": (unscheduled(recorded("ecs-first"), "Undetermined"), {}),
 "a node is nominated": (overlaid(unscheduled(recorded("ecs-first")), {"status":{"nominatedNodeName":"ecs"}}), {}),
 "no scheduler": (overlaid(recorded("ecs-first"), {"spec":{"schedulerName":"volcano"},"status":{"phase":"Pending"}}), {}),
 "being deleted": (overlaid(on("ecs", recorded("ecs-first")), {"metadata":{"deletionTimestamp":"2026-09-01T12:00:00Z"}}), {}),
 "evicted": (on("ecs", recorded("ecs-first"), **FAILED), {}),
 "waits, and is not due": (unscheduled(waits()), {**policy(OVERFLOWING), **lease(digest(OVERFLOWING))}),
 "waits, and is due": under(SOON),
 "waits for a controller with another policy": (unscheduled(waits()), {**policy(OVERFLOWING), **lease("0badc0de")}),
 "waits without a controller": (unscheduled(waits()), {**policy(OVERFLOWING), **lease(digest(OVERFLOWING), 60)}),
 "waits, and the Lease may not be seen": (unscheduled(waits()), {**policy(OVERFLOWING), LEASES: DENIED}),
 "waits, and the policy may not be seen": (unscheduled(waits()), {POLICY: DENIED}),
 "waits, and no scheduler has seen it": (waits(), {**policy(OVERFLOWING), **lease(digest(OVERFLOWING))}),
 "waits, and is gated": (unscheduled(waits(), "SchedulingGated", schedulingGates=[{"name":"queue"}]), {**policy(OVERFLOWING), **lease(digest(OVERFLOWING))}),
 "waits below a limit of the namespace": (under(UNDER_LIMIT)[0], {**under(UNDER_LIMIT)[1], **opened("one"), **opened("two")}),
 "waits below a limit of the application": (under(PER_APPLICATION)[0], {**under(PER_APPLICATION)[1], **opened("one")}),
 "waits below a limit that is not reached": (under(UNDER_LIMIT)[0], {**under(UNDER_LIMIT)[1], **opened("one")}),
 "waits, but the policy has changed": (unscheduled(waits()), {**policy({"overflow": {}}), f"{ETL}/events/a": event(Happening.NOT_OPENED, "The pod is not opened to virtual nodes: the profile default does not open it")}),
 "waits, but its namespace opted out": (unscheduled(waits()), {**policy(OVERFLOWING), ETL: {"metadata":{"labels":ABSENT}}}),
 "waits, but its namespace opted out by the label": (unscheduled(waits()), {**policy(OVERFLOWING), ETL: namespace("none")}),
 "waits by the default profile, and is due": (under(SOON)[0], {**under(SOON)[1], **by_default("default"), ETL: {"metadata":{"labels":ABSENT}}}),
 "opened": (on("virtual", overlaid(recorded("ecs-then-eci", ",opened", by=digest(OVERFLOWING)), {"metadata":{"labels":{OVERFLOW:"opened"}}})), {**policy(OVERFLOWING), f"{ETL}/events/a": event(Happening.OPENED, "Unschedulable for 60 s, so the pod may now run on virtual nodes, too", type="Normal")}),
 "no label on the namespace": (on("ecs", pod(CREATED)), {ETL: {"metadata":{"labels":ABSENT}}}),
 "a namespace that opted out": (on("ecs", pod(CREATED)), {ETL: namespace("none")}),
 "a namespace that opted out of the default profile": (on("ecs", pod(CREATED)), {**by_default("eci-only"), ETL: namespace("none")}),
 "not asked by the default profile": (on("ecs", pod("2026-08-05")), {**by_default("eci-only"), ETL: {"metadata":{"labels":ABSENT}}}),
 "older than the default profile": (on("ecs", pod(CREATED)), {**by_default("eci-only"), ETL: {"metadata":{"labels":ABSENT}}}),
 "placed by the default profile": (on("ecs", recorded("ecs-first")), {**by_default("default"), ETL: {"metadata":{"labels":ABSENT}}}),
 "an unknown profile": (on("ecs", pod(CREATED)), {ETL: namespace("eci-olny")}),
 "a configuration without profiles": (on("ecs", pod(CREATED)), {OURS: {"webhooks": [one for one in configured() if one["name"].startswith("unknown-profile")]}}),
 "the webhook was never there": (on("ecs", pod(CREATED)), {OURS: ABSENT}),
 "no Spark pod": (on("ecs", overlaid(pod(CREATED), {"metadata":{"labels":{"spark-role":"operator"}}})), {}),
 "a pod of another operator": (on("ecs", UNSELECTED), {}),
 "a pod of another operator, and the policy may not be seen": (on("ecs", UNSELECTED), {POLICY: DENIED}),
 "a namespace that is never selected": (on("ecs", pod(CREATED)), entries({"clientConfig": {"service": {"namespace": "etl"}}})),
 "the rule observes": (on("ecs", pod(CREATED)), only({"mode":"eci-only","observe":True})),
 "outside the rollout": (on("ecs", pod(CREATED)), only({"mode":"eci-only","rollout":0})),
 "too large": (on("ecs", overlaid(pod(CREATED), {"spec":{"volumes*1001":{"name":"a"}}})), {}),
 "older than the label": (on("ecs", pod("2026-08-01")), {}),
 "not asked": (on("ecs", pod(CREATED)), {}),
 "not asked under failurePolicy Fail": (on("ecs", pod(CREATED)), {OURS: {"webhooks": configured(failurePolicy="Fail")}}),
 "not asked by the default profile under failurePolicy Fail": (on("ecs", pod("2026-08-05")), {**by_default("eci-only", failurePolicy="Fail"), ETL: {"metadata":{"labels":ABSENT}}}),
 "a record that a user wrote": (on("ecs", pod(CREATED, "mode=eci-only\n\x1b[31m")), {}),
 "another policy that decides the same": (on("ecs", recorded("ecs-first", by="0badc0de")), {}),
 "another policy that decides something else": (on("ecs", recorded("ecs-first")), only({"mode":"eci-only"})),
 "another policy that only observes": (on("ecs", recorded("ecs-first")), only({"mode":"eci-only","observe":True})),
 "another policy with a rollout": (on("ecs", recorded("ecs-first")), only({"mode":"eci-only","rollout":0})),
 "another policy that selects other pods": (on("ecs", recorded("ecs-first")), policy({"selector":{"anyOf":["cluster"]}})),
 "another policy that refuses": (on("ecs", overlaid(recorded("ecs-first"), {"spec":{"nodeSelector":{"type":"ecs"}}})), only({"mode":"eci-only","unplaceable":"deny"})),
 "the profile of the namespace has changed": (on("ecs", recorded("ecs-first")), {ETL: namespace("eci-only")}),
 "the namespace has opted out": (on("ecs", recorded("ecs-first")), {ETL: {"metadata":{"labels":ABSENT}}}),
 "the namespace has opted out by the label": (on("ecs", recorded("ecs-first")), {ETL: namespace("none")}),
 "the namespace has opted out of another profile than default": (on("ecs", recorded("ecs-only", profile="ecs-only")), {ETL: {"metadata":{"labels":ABSENT}}}),
 "the namespace names an unknown profile, and the record another one": (on("ecs", recorded("ecs-only", profile="ecs-only")), {ETL: namespace("eci-olny")}),
 "the namespace has opted out, and its profile is gone": (on("ecs", recorded("ecs-only", profile="gone")), {ETL: {"metadata":{"labels":ABSENT}}}),
 **{f"reason {r}": (on("ecs", recorded(MODES.get(r, "ecs-first"), f",reason={r}")), {}) for r in Reason},

}
# fmt: on


def ask(found: JSON, overlay: JSON) -> Answer:
    return judge(read_facts(Stored(overlaid(OBJECTS, {ME: found, **overlay})), "etl", "me"))


def said(answer: Answer) -> list[str]:
    """The lines of an answer."""
    return [headline(answer), *(f"{label}: {sentence}" for label, sentence in output.lines(answer))]


def text(answer: Answer) -> str:
    """What is printed of an answer."""
    with contextlib.redirect_stdout(io.StringIO()) as found:
        output.print_answer(answer, as_json=False)
    return found.getvalue()


def printed() -> str:
    """What is said of every case."""
    return "\n".join("\n".join([f"# {case}", *said(ask(*CASES[case])), ""]) for case in CASES)


def rewrite() -> None:
    """Makes what is said now the expected."""
    FILE.write_text(printed(), encoding="utf-8")
