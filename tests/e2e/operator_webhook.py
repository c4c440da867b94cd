"""A webhook that changes pods as the Spark Operator's webhook does (kubeflow/spark-operator, pod defaulting)."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from tests.e2e.control_plane import ControlPlane
from tests.e2e.release import CONFIGURATION
from tests.live_service import issue, serving
from webhook.core import names

CONFIGURATIONS = CONFIGURATION.rpartition("/")[0]
#: The scheduling fields that a SparkApplication can set on its pods.
Application = dict[str, Any]


def patch(pod: dict[str, Any], application: Application) -> list[dict[str, Any]]:
    """The operations: the whole affinity is replaced, tolerations are appended unchecked, nodeSelector is merged by key."""
    if names.APP_NAME not in pod["metadata"].get("labels", {}):
        return []
    spec, operations = pod["spec"], []
    if "affinity" in application:
        operation = "replace" if "affinity" in spec else "add"
        operations.append({"op": operation, "path": "/spec/affinity", "value": application["affinity"]})
    if tolerations := application.get("tolerations", []):
        if "tolerations" not in spec:
            operations.append({"op": "add", "path": "/spec/tolerations", "value": []})
        operations += [{"op": "add", "path": "/spec/tolerations/-", "value": one} for one in tolerations]
    if selector := application.get("nodeSelector", {}):
        merged = spec.get("nodeSelector", {}) | selector
        operations.append({"op": "add", "path": "/spec/nodeSelector", "value": merged})
    if scheduler := application.get("schedulerName"):
        operations.append({"op": "replace", "path": "/spec/schedulerName", "value": scheduler})
    return operations


@contextmanager
def operator_webhook(
    control_plane: ControlPlane, folder: Path, name: str, namespace: str, application: Application
) -> Iterator[None]:
    """Serves and registers it as `name` for the pods of one namespace, as those of one SparkApplication."""
    app = FastAPI()

    @app.post("/mutate--v1-pod")
    def mutate(review: dict[str, Any]) -> dict[str, Any]:
        operations = patch(review["request"]["object"], application)
        response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": True}
        if operations:
            encoded = base64.b64encode(json.dumps(operations).encode()).decode()
            response |= {"patchType": "JSONPatch", "patch": encoded}
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}

    labels = {"operator-webhook": namespace}
    control_plane.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    with serving(app, issue(folder)) as client:
        entry = {
            "name": "mutate-pod.sparkoperator.k8s.io",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": str(client.base_url.join("/mutate--v1-pod")),
                "caBundle": base64.b64encode((folder / "ca.crt").read_bytes()).decode(),
            },
            "namespaceSelector": {"matchLabels": labels},
            "objectSelector": {"matchLabels": {names.LAUNCHED_BY_OPERATOR: "true"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 10,
        }
        control_plane.create(CONFIGURATIONS, {"metadata": {"name": name}, "webhooks": [entry]})
        try:
            yield
        finally:
            control_plane.http.delete(f"{CONFIGURATIONS}/{name}").raise_for_status()
