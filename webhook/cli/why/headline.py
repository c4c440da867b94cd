"""The first line of an answer: where the pod is."""

from webhook.cli.why.judgement import Answer
from webhook.cli.why.location import Location, Standing
from webhook.cli.why.phrases import LIMIT, since, text, unread
from webhook.core import names
from webhook.core.text import listed


def headline(answer: Answer) -> str:
    """Where the pod is."""
    where = answer.location
    match where.standing:
        case Standing.ON_NODE:
            return f"on {_node(where)}{_state(where)}"
        case Standing.UNSCHEDULABLE | Standing.HELD_BACK:
            told = where.standing if where.standing is Standing.UNSCHEDULABLE else f"{text(where.reason)}"
            return f"Pending, {told}{since(where.since, answer.now)}: {text(where.message or 'no message')}"
        case Standing.UNTRIED:
            return f"Pending: no scheduler has said anything of it yet; it asks for {_scheduler(answer)}"
        case Standing.GATED:
            return listed("Pending, held back by its scheduling gates: ", where.gates, LIMIT)
        case Standing.NOMINATED:
            return f"Pending: it waits until other pods have made room on the node {where.node}"
        case Standing.ENDING:
            return "being deleted" + (f", on {_node(where)}" if answer.location.node else "")
        case Standing.ENDED:
            return f"ended, {where.phase}" + (f", on {_node(where)}" if where.node else "") + _why(where)


def _node(where: Location) -> str:
    if where.virtual is None:
        return f"the node {where.node}; whether that is a virtual one {unread(where.unread)}"
    return f"the {'virtual ' if where.virtual else ''}node {where.node}, which is {'ECI' if where.virtual else 'ECS'}"


def _state(where: Location) -> str:
    return f"; {where.phase}{_why(where)}" if where.phase else ""


def _why(where: Location) -> str:
    if not where.reason:
        return ""
    return f": {text(': '.join(filter(None, (where.reason, where.message))))}"


def _scheduler(answer: Answer) -> str:
    return f"the scheduler {text(str(answer.pod['spec'].get('schedulerName') or names.DEFAULT_SCHEDULER))}"
