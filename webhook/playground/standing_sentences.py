"""Sentences for how a pod stands to ECS nodes and to virtual nodes."""

from typing import Final

from webhook.cli.policy_words import taint_words
from webhook.core.modes import Side
from webhook.core.virtual_node import Taint
from webhook.explain.standing_reason import Because, StandingReason

#: What the page calls a kind of node.
NAMES: Final[dict[Side, str]] = {Side.OTHERS: "ecs", Side.VIRTUAL: "virtual"}
#: What sentences call it.
_NODES: Final[dict[Side, str]] = {Side.OTHERS: "ECS nodes", Side.VIRTUAL: "virtual nodes"}
#: The sentence for each reason; `{nodes}` is the kind of node, and `{detail}` what is told beside the reason.
_SENTENCES: Final[dict[StandingReason, str]] = {
    StandingReason.NOTHING_AGAINST: "Nothing in the pod keeps it off {nodes}.",
    StandingReason.TOLERATED: "The pod tolerates the taint {detail}.",
    StandingReason.VALUE_TOLERATED: "The pod tolerates one value of the taint {detail}.",
    StandingReason.NOT_TOLERATED: "The pod does not tolerate the taint {detail}, which closes {nodes} to it.",
    StandingReason.AVOIDED: (
        "The pod does not tolerate the taint {detail}, so the scheduler prefers nodes without this taint."
    ),
    StandingReason.SELECTED: "The pod's nodeSelector or required node affinity leaves only {nodes}.",
    StandingReason.EXCLUDED: "The pod's nodeSelector or required node affinity excludes {nodes}.",
    StandingReason.CONFLICT: "The parts of the pod's nodeSelector and required node affinity together exclude {nodes}.",
    StandingReason.EMPTY_TERM: "A term without requirements matches no node.",
    StandingReason.PREFERRED: "A preferred term adds the weight {detail} for {nodes}.",
    StandingReason.NODE_NAME: "The pod names its node, so no scheduler chooses one.",
    StandingReason.SENT_TO_ECI: "A label sends the pod to ECI, whatever else the pod asks for.",
    StandingReason.UNSUPPORTED: "ECI cannot run a pod that needs {detail}.",
    StandingReason.BOUND_ANYWAY: "The scheduler may bind the pod to a virtual node all the same.",
    StandingReason.WAITS: (
        "The overflow controller opens {nodes} to the pod after it has been unschedulable for {detail} seconds."
    ),
    StandingReason.RESOURCE_POLICY: "The namespace's ResourcePolicy chooses between ECS and ECI.",
}


def standing_sentence(side: Side, because: Because) -> str:
    """One sentence for a reason why a pod stands as it does to the nodes of `side`."""
    detail = taint_words(because.detail) if isinstance(because.detail, Taint) else because.detail
    return _SENTENCES[because.reason].format(nodes=_NODES[side], detail=detail)
