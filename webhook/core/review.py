"""Answering one AdmissionReview (admission.k8s.io/v1): takes its bytes, returns those of the answer and the facts."""

from typing import Annotated, Final, Literal, TypeVar

from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType, ValidationError
from msgspec.json import Decoder, Encoder

from webhook.core import names
from webhook.core.bounds import Excess
from webhook.core.distribution import application
from webhook.core.fault import clause
from webhook.core.outline import SMALL, PodOutline, pod_of
from webhook.core.patch import Change, changes, patch
from webhook.core.placement import Mismatch, Placement, Verdict, decide, role_of
from webhook.core.pod import Pod
from webhook.core.profile import CompiledProfile
from webhook.core.reasons import Caution, Reason

API_VERSION: Final = "admission.k8s.io/v1"
KIND: Final = "AdmissionReview"

#: The result of a review: `patched`; `unchanged` (nothing to change); `observed` (would have been patched); `denied`
#: (cannot be placed); `skipped` (not selected by the policy, or outside the rollout).
AdmissionOutcome = Literal["patched", "unchanged", "observed", "denied", "skipped"]


class ReviewError(ValueError):
    """The body is not an AdmissionReview that can be answered; the message names the first field at fault."""


class Admission(Struct, frozen=True, gc=False):
    """The facts of one answered review, for logs and metrics. An empty string means that a fact is not known."""

    uid: str
    outcome: AdmissionOutcome
    profile: str
    namespace: str = ""
    name: str = ""
    """The pod's name, or its generateName."""
    application: str = ""
    role: str = ""
    mode: str = ""
    reason: str = ""
    operations: int = 0
    """How many operations were sent, or would have been if the rule did not only observe."""
    cautions: tuple[Caution, ...] = ()


class GroupVersionKind(Struct, gc=False, rename="camel"):
    """The kind of the object in a request."""

    version: str
    kind: str
    group: str = ""


class Request(Struct, gc=False, rename="camel"):
    """An AdmissionRequest about anything, whose object is not read."""

    uid: Annotated[str, Meta(min_length=1, max_length=253)]
    kind: GroupVersionKind
    operation: str
    name: str | None = None
    namespace: str | None = None
    sub_resource: str | None = None


class PodRequest(Request, gc=False, rename="camel", kw_only=True):
    """An AdmissionRequest about a pod."""

    object: Pod


class _OutlineRequest(Request, gc=False, rename="camel", kw_only=True):
    object: PodOutline


class _Review(Struct, gc=False, rename="camel"):
    api_version: str
    kind: str
    request: Request


class _PodReview(Struct, gc=False, rename="camel"):
    api_version: str
    kind: str
    request: PodRequest


class _OutlineReview(Struct, gc=False, rename="camel"):
    api_version: str
    kind: str
    request: _OutlineRequest


_R = TypeVar("_R", _Review, _PodReview, _OutlineReview)


class _Status(Struct):
    """Status v1 meta: why a request is denied."""

    message: str
    code: int = 403
    reason: str = "Forbidden"


class Response(Struct, gc=False, rename="camel"):
    """An AdmissionResponse; `patch` is the JSON Patch, which encoding turns into base64."""

    uid: str
    allowed: bool
    patch_type: str | UnsetType = UNSET
    patch: bytes | UnsetType = UNSET
    warnings: list[str] | UnsetType = UNSET
    audit_annotations: dict[str, str] | UnsetType = UNSET
    status: _Status | UnsetType = UNSET


class _Envelope(Struct, gc=False, rename="camel"):
    response: Response
    api_version: str = API_VERSION
    kind: str = KIND


_pod_reviews: Final = Decoder(_PodReview)
_outlines: Final = Decoder(_OutlineReview)
_reviews: Final = Decoder(_Review)
_encode: Final = Encoder().encode
#: Python 3.11 finds the members of an enumeration slowly, so the names here are faster.
_TOO_LARGE: Final = Reason.TOO_LARGE
_PLACE, _OBSERVE, _LEAVE, _DENY = Verdict.PLACE, Verdict.OBSERVE, Verdict.LEAVE, Verdict.DENY


class Decision(Struct, frozen=True, gc=False):
    """All that was decided for one pod."""

    pod: Pod
    placement: Placement
    changes: list[Change]


class Answer(Struct, frozen=True, gc=False):
    """A review and its answer, as values."""

    request: Request
    response: Response
    decision: Decision | Mismatch | None
    """What was decided for the pod, or why the policy does not select it; None if the request creates no pod."""
    admission: Admission


def respond(body: bytes | bytearray, profile: CompiledProfile) -> tuple[bytes, Admission]:
    """The answer to the AdmissionReview in `body` (JSON) under `profile`, and the facts of it.

    Raises ReviewError if the body is not an AdmissionReview, or its pod has fields of the wrong type.
    """
    found = answer(body, profile)
    return _encode(_Envelope(found.response)), found.admission


def answer(body: bytes | bytearray, profile: CompiledProfile) -> Answer:
    """The answer to the AdmissionReview in `body`, with all that was decided. Raises ReviewError as `respond` does."""
    request, too_large = _read_pod(body, profile)
    if not isinstance(request, PodRequest) or not _creates_pod(request):
        return _left_alone(request, profile.name, None)
    pod = request.object
    namespace = request.namespace or pod.metadata.namespace or ""
    decision = decide_for(pod, namespace, profile, too_large)
    if isinstance(decision, Mismatch):
        return _left_alone(request, profile.name, decision)
    placement = decision.placement
    operations = patch(pod, decision.changes)
    response = Response(request.uid, allowed=True, audit_annotations={names.AUDIT_KEY: placement.record})
    if placement.cautions:
        response.warnings = [one.sentence for one in placement.cautions]
    outcome: AdmissionOutcome = "unchanged"
    verdict = placement.verdict
    if verdict is _PLACE and operations:
        outcome = "patched"
        response.patch_type = "JSONPatch"
        response.patch = _encode(operations)
    elif verdict is _DENY:
        outcome = "denied"
        response.allowed = False
        response.status = _Status(placement.cautions[-1].sentence)
    elif verdict is _OBSERVE:
        outcome = "observed"
        response.audit_annotations = {names.AUDIT_KEY: f"{placement.record},observed"}
    elif verdict is _LEAVE:
        outcome = "skipped"
    metadata = pod.metadata
    admission = Admission(
        uid=request.uid,
        outcome=outcome,
        profile=profile.name,
        namespace=namespace,
        name=metadata.name or metadata.generate_name or "",
        application=application(metadata.labels or {}, profile.application_labels),
        role=placement.role,
        mode=placement.mode,
        reason=placement.reason or "",
        operations=len(operations),
        cautions=placement.cautions,
    )
    return Answer(request, response, decision, admission)


def decide_for(
    pod: Pod, namespace: str, profile: CompiledProfile, too_large: Excess | None = None
) -> Decision | Mismatch:
    """What `profile` decides for `pod` of `namespace`, and what changes; or why the policy does not select the pod.

    `too_large` is what of the pod was too much to be read.
    """
    role = role_of(pod, profile)
    if isinstance(role, Mismatch):
        return role
    placement = decide(pod, namespace, role, profile, too_large)
    untouched = placement.verdict is _LEAVE or placement.reason is _TOO_LARGE
    return Decision(pod, placement, [] if untouched else changes(pod, placement))


def respond_with(body: bytes | bytearray, warning: Caution) -> tuple[bytes, Admission]:
    """The answer that allows the request in `body` as it is, with `warning`. Raises ReviewError as `respond` does."""
    if not body.isascii():
        _check_encoding(body)
    request = _read(body)
    response = Response(request.uid, allowed=True, warnings=[warning.sentence])
    facts = Admission(request.uid, "skipped", "", request.namespace or "", request.name or "", cautions=(warning,))
    return _encode(_Envelope(response)), facts


def respond_to_canary(body: bytes | bytearray) -> tuple[bytes, Admission]:
    """The answer that allows the request in `body` as it is, and proves that it was given. Raises ReviewError."""
    if not body.isascii():
        _check_encoding(body)
    request = _read(body)
    facts = Admission(request.uid, "skipped", "", request.namespace or "", request.name or "")
    return _encode(_Envelope(Response(request.uid, allowed=True, warnings=[names.CANARY_ANSWER]))), facts


def _left_alone(request: Request, profile: str, mismatch: Mismatch | None) -> Answer:
    facts = Admission(request.uid, "skipped", profile, request.namespace or "", request.name or "")
    return Answer(request, Response(request.uid, allowed=True), mismatch, facts)


def _creates_pod(request: Request) -> bool:
    kind = request.kind
    return (
        kind.kind == "Pod"
        and kind.group == ""
        and kind.version == "v1"
        and request.operation == "CREATE"
        and not request.sub_resource
    )


def _read_pod(body: bytes | bytearray, profile: CompiledProfile) -> tuple[Request, Excess | None]:
    """The request in `body`, and what its pod has too much of to be read.

    It is read as the request of a pod. If its object is not a pod, it is read again without the object.
    """
    if not body.isascii():
        _check_encoding(body)
    try:
        if len(body) <= SMALL:
            return _decoded(_pod_reviews, body).request, None
        outline = _decoded(_outlines, body).request
        return _with_pod(outline, profile) if _creates_pod(outline) else (outline, None)
    except ValidationError as error:
        request = _read(body)
        if _creates_pod(request):
            raise ReviewError(clause(error, "the body")) from None
        return request, None


def _with_pod(outline: _OutlineRequest, profile: CompiledProfile) -> tuple[PodRequest, Excess | None]:
    try:
        pod, too_large = pod_of(outline.object, (key for one in profile.selectors for key, _ in one.labels))
    except ValidationError:
        raise
    except (DecodeError, RecursionError) as error:
        # What is skipped at first is checked less, for instance its escapes.
        raise _unreadable(error) from None
    request = PodRequest(
        uid=outline.uid,
        kind=outline.kind,
        operation=outline.operation,
        name=outline.name,
        namespace=outline.namespace,
        sub_resource=outline.sub_resource,
        object=pod,
    )
    return request, too_large


def _read(body: bytes | bytearray) -> Request:
    """The request in `body`, whatever its object."""
    try:
        return _decoded(_reviews, body).request
    except ValidationError as error:
        raise ReviewError(clause(error, "the body")) from None


def _check_encoding(body: bytes | bytearray) -> None:
    """Raises ReviewError if `body` is not UTF-8. The decoder does not check fields that it skips."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ReviewError(f"the body is not UTF-8 at byte {error.start}") from None


def _decoded(decoder: Decoder[_R], body: bytes | bytearray) -> _R:
    try:
        return _checked(decoder.decode(body))
    except ValidationError:
        raise
    except (DecodeError, RecursionError) as error:
        raise _unreadable(error) from None


def _unreadable(error: DecodeError | RecursionError) -> ReviewError:
    if isinstance(error, RecursionError):
        return ReviewError("the body is nested too deeply")
    return ReviewError(clause(error, "the body"))


def _checked(review: _R) -> _R:
    if review.kind != KIND:
        raise ReviewError(f"kind: expected {KIND}, got another one")
    if review.api_version != API_VERSION:
        raise ReviewError(f"apiVersion: expected {API_VERSION}, got another one")
    return review
