"""Sends the service one AdmissionReview for each profile, as an API server would, and checks the answers.

Reads three environment variables: URL of the service, PROFILES separated by commas, LABELS of the pod in JSON. The CA's
certificate comes from the file CA_FILE or, in PEM, from CA.
"""

import json
import os
import ssl
import sys
import urllib.request
import uuid


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


def main() -> int:
    """Review a pod by every profile; return 1 where an answer is not as it should be."""
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
            with urllib.request.urlopen(call, timeout=10, context=context) as answer:  # noqa: S310
                answered = json.load(answer)
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
