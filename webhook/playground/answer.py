"""The answer to one request of the playground: the explanation of two texts, and what the page shows beside it."""

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from webhook.cli.explain.documents import document
from webhook.cli.inputs import TooManyWorkloadsError
from webhook.cli.profiles import explain_silently, select
from webhook.cli.terminal import InputError
from webhook.core.policy import Policy
from webhook.explain.explanation import WorkloadExplanation
from webhook.explain.outcome import JSON
from webhook.playground.application_text import FILE, ApplicationText
from webhook.playground.by_hand import RunningService, explain_line
from webhook.playground.explanation_lines import ExplanationLines
from webhook.playground.pod_view import Surroundings, pod_view, refusal_view
from webhook.playground.policy_text import PolicyText
from webhook.playground.profile_sentences import profiles
from webhook.service.policy_file import PolicyError
from webhook.spark.workloads import Refusal

#: The most applications and pods that are explained at once. The command has no such limit.
MOST_WORKLOADS: Final = 200
#: The most bytes of an answer.
MOST_BYTES: Final = 8 * 1024**2
_MEBIBYTE: Final = 1024**2
_DOCUMENTS, _POLICY = "documents", "policy"

_encode: Final = msgspec.json.Encoder().encode


class ExplainRequest(msgspec.Struct, frozen=True):
    """The texts that a person wrote, and the service beside the page."""

    documents: str
    policy: str
    profile: str
    """The profile for all pods; empty for those of the namespaces."""
    service: RunningService


def answer(request: ExplainRequest) -> bytes:
    """The answer as JSON, of at most MOST_BYTES."""
    text = PolicyText(request.policy)
    told: JSON = {"explanation": None, "faults": [], "cautions": [], "profiles": None}
    told |= {"command": explain_line(request.policy, request.profile), "views": []}
    try:
        policy = text.policy()
    except PolicyError as error:
        lines = text.lines_of_faults(error)
        told["faults"] = [_told(one, _POLICY, line) for one, line in zip(error.faults, lines, strict=True)]
        return _encode(told)
    told["cautions"] = [_told(one, _POLICY, line) for one, line in text.cautions(policy)]
    told["profiles"] = profiles(policy)
    whole = _encode(told | _explained(request, text, policy))
    if len(whole) <= MOST_BYTES:
        return whole
    told["profiles"] = told["profiles"] if len(_encode(told)) <= MOST_BYTES else []
    return _encode(told | _refused(f"the answer is too large; accepted: at most {MOST_BYTES // _MEBIBYTE} MiB"))


def _explained(request: ExplainRequest, text: PolicyText, policy: Policy) -> JSON:
    """The parts of the answer about the documents."""
    try:
        application = ApplicationText(request.documents, MOST_WORKLOADS)
    except TooManyWorkloadsError:
        accepted = f"accepted: {MOST_WORKLOADS}, or any number by the command"
        return _refused(f"contains more than {MOST_WORKLOADS} applications and pods; {accepted}")
    inputs = application.inputs
    selection = select(policy, request.profile or None, inputs.namespaces)
    try:
        explained = explain_silently(inputs, selection)
    except InputError as error:
        line = text.line_of_profiles()
        return {"faults": [_told(one, _POLICY, line) for one in error.sentences]}
    around = Surroundings(policy.digest, next(iter(selection.profiles.values())), request.service)
    lines = ExplanationLines(application, explained)
    faults = zip(explained.faults, lines.of_faults, strict=True)
    return {
        "explanation": document(explained),
        "faults": [_told(one, _DOCUMENTS, line) for one, line in faults],
        "views": [_view(one, around, partial(lines.of_refusal, one.workload)) for one in explained.workloads],
    }


def _refused(why: str) -> JSON:
    """The parts of the answer about documents that the command would explain."""
    return {"explanation": None, "faults": [_told(f"{FILE}: {why}", _DOCUMENTS, None)], "views": []}


def _told(sentence: str, where: str, line: int | None) -> JSON:
    return {"sentence": sentence, "in": where, "line": line}


def _view(one: WorkloadExplanation, around: Surroundings, line_of: Callable[[Refusal], int | None]) -> JSON:
    """What the page shows of a workload."""
    titles = {pod.title for pod in one.workload.pods}
    return {
        "refusals": [refusal_view(refusal, line_of) for refusal in one.workload.refused if refusal.role not in titles],
        "notes": list(one.workload.notes),
        "pods": [pod_view(one, pod, around, line_of) for pod in one.pods],
    }
