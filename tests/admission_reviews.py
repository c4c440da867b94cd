"""Makes reviews of pods as the API server sends them, and applies the answers to the pods."""

import base64
import json
from typing import Any

import jsonpatch

from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.review import respond

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"


def review(pod: Any, **request: Any) -> bytes:
    """An AdmissionReview for the creation of `pod`; `request` replaces or adds fields of the request."""
    return json.dumps(
        {
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": UID,
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "name": "",
                "namespace": "default",
                "operation": "CREATE",
                "userInfo": {"username": "system:serviceaccount:default:spark"},
                "object": pod,
                "oldObject": None,
                "dryRun": False,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            }
            | request,
        }
    ).encode()


def patched(pod: Any, response: dict[str, Any]) -> Any:
    """`pod` after the JSON Patch in an answer's `response`, applied by the library jsonpatch."""
    assert response["allowed"] is True
    if "patch" not in response:
        assert "patchType" not in response
        return pod
    assert response["patchType"] == "JSONPatch"
    return jsonpatch.apply_patch(pod, json.loads(base64.b64decode(response["patch"])))


def answer(pod: Any, policy: Policy, profile: str = "default") -> dict[str, Any]:
    """The whole answer of the core to the review of `pod`."""
    body, _ = respond(review(pod), compile_profile(policy, profile))
    found: dict[str, Any] = json.loads(body)
    assert found.keys() == {"apiVersion", "kind", "response"}
    assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert found["response"]["uid"] == UID
    response: dict[str, Any] = found["response"]
    return response
