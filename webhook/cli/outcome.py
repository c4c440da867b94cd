"""What becomes of one pod: the service's own answer to its review, and the explanation of it."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

import jsonpatch
import msgspec

from webhook.core.explanation import Explanation, explain, why_skipped
from webhook.core.mutation import mutate
from webhook.core.placement import Placement, Verdict, decide, role_of
from webhook.core.pod import Pod
from webhook.core.profile import CompiledProfile
from webhook.core.review import API_VERSION, KIND, respond
from webhook.spark.workloads import SparkPod, Workload

JSON = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode
_POD: Final = {"group": "", "version": "v1", "kind": "Pod"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One pod before and after the webhook."""

    before: JSON
    after: JSON
    patch: bytes
    """The JSON Patch, byte for byte as the service sends it; `[]` where it sends none."""
    warnings: tuple[str, ...]
    skipped: str = ""
    """Why the pod is none of ours, as a clause; empty where it is ours."""
    denied: str = ""
    """What the request is told where it is denied; empty where it is allowed."""
    placement: Placement | None = None
    explanation: Explanation | None = None


def outcome(workload: Workload, pod: SparkPod, profile: CompiledProfile, before: JSON | None = None) -> Outcome:
    """What becomes of `pod` of `workload` under `profile`, or of `before`, another state of the same pod.

    Raises ReviewError where a field that placement reads has the wrong type.
    """
    before = pod.seen if before is None else before
    review = pod.review or _review(before, workload.namespace)
    answer, admission = respond(_encode(review), profile)
    response = json.loads(answer)["response"]
    patch = base64.b64decode(response["patch"]) if "patch" in response else b"[]"
    after = jsonpatch.apply_patch(before, json.loads(patch)) if "patch" in response else before
    warnings = tuple(response.get("warnings", ()))
    request = review["request"]
    if not _creates_pod(request):
        # Whatever it is about may have no parts of a pod.
        nothing: JSON = {"metadata": {"name": workload.name}, "spec": {}}
        return Outcome(nothing, nothing, patch, warnings, _why_passed(request))
    view = msgspec.convert(before, Pod)
    if not admission.role:
        return Outcome(before, after, patch, warnings, why_skipped(view, profile))
    role = role_of(view, profile)
    assert role is not None  # noqa: S101, or the service had skipped it
    placement = decide(view, admission.namespace, role, profile)
    operations = [] if placement.verdict is Verdict.LEAVE else mutate(view, placement)
    explained = explain(view, profile, placement, operations)
    denied = "" if response["allowed"] else response["status"]["message"]
    return Outcome(before, after, patch, warnings, "", denied, placement, explained)


def _review(pod: JSON, namespace: str) -> JSON:
    """The AdmissionReview that the API server sends for the creation of `pod`."""
    name = pod["metadata"].get("name") or ""
    request = {"uid": "explain", "kind": _POD, "name": name, "namespace": namespace, "operation": "CREATE"}
    return {"apiVersion": API_VERSION, "kind": KIND, "request": request | {"object": pod}}


def _creates_pod(request: JSON) -> bool:
    kind = request["kind"]
    asked = kind.get("group") or "", kind.get("version"), kind.get("kind"), request.get("subResource") or ""
    return request["operation"] == "CREATE" and asked == ("", "v1", "Pod", "")


def _why_passed(request: JSON) -> str:
    """Why the service answers a request without looking at its object, as a clause."""
    what = "/".join(filter(None, (request["kind"].get("kind"), request.get("subResource"))))
    return f"the request is {request['operation']} of {what}, and only CREATE of Pod is answered with a patch"
