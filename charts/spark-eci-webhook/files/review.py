"""Sends the service one AdmissionReview for each profile, as an API server would, and checks the answers.

Reads three environment variables: URL of the service, PROFILES separated by commas, LABELS of the pod in JSON. The CA's
certificate comes from the file CA_FILE or, in PEM, from CA. A service that is still starting is waited for.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

#: How long a service that cannot be reached is waited for, all profiles together, and the pause between two calls.
WAIT_SECONDS = 30
PAUSE_SECONDS = 0.5


def review(labels: dict[str, str]) -> dict[str, object]:
    """Return an AdmissionReview of an executor that is about to be created, as a dry run."""
    container = {"name": "spark-kubernetes-executor", "image": "example.org/spark:3.5.2"}
    pod = {"metadata": {"generateName": "helm-test-", "labels": labels}, "spec": {"containers": [container]}}
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "helm-test",
        "operation": "CREATE",
        "userInfo": {"username": "helm-test"},
        "object": {"apiVersion": "v1", "kind": "Pod", **pod},
        "oldObject": None,
        "dryRun": True,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def answer(call: urllib.request.Request, context: ssl.SSLContext, deadline: float) -> Any:
    """Return what the service answers; raises OSError where it does not by the deadline, ValueError for no JSON."""
    while True:
        try:
            timeout = min(10, max(1, deadline - time.monotonic()))
            with urllib.request.urlopen(call, timeout=timeout, context=context) as answered:  # noqa: S310
                return json.load(answered)
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def main() -> int:
    """Review a pod by every profile; return 1 where an answer is not as it should be."""
    deadline = time.monotonic() + WAIT_SECONDS
    context = ssl.create_default_context(cafile=os.environ.get("CA_FILE"), cadata=os.environ.get("CA"))
    labels = {**json.loads(os.environ["LABELS"]), "spark-role": "executor"}
    for profile in os.environ["PROFILES"].split(","):
        sent = review(labels)
        call = urllib.request.Request(  # noqa: S310  the chart renders https
            f"{os.environ['URL']}/mutate/{profile}?timeout=10s",
            data=json.dumps(sent).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            answered = answer(call, context, deadline)
        except (OSError, ValueError) as error:
            print(f"profile {profile}: {call.full_url} did not answer a review: {error}")  # noqa: T201
            return 1
        response = answered.get("response", {})
        if response.get("uid") != sent["request"]["uid"] or response.get("allowed") is not True:
            print(f"profile {profile}: the pod should have been allowed, but the service answered {answered}")  # noqa: T201
            return 1
        placement = response.get("auditAnnotations", {}).get("placement", "left as it is")
        print(f"profile {profile}: {placement}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
