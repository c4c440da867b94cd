"""`make reviews`: has real Spark 4 make pods, and keeps the reviews that a real API server sends of them in tests/reviews.

Each file is the review as it was sent, except for the secret that Spark made for one application.
"""

import json
import os
import re
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.e2e.control_plane import ControlPlane
from tests.e2e.review_recorder import LABEL, ReviewRecorder
from tests.e2e.spark_applications import WAYS, dynamic_allocation, stateful_set
from tests.e2e.spark_client import SparkClient
from tests.e2e.spark_cluster import create_cluster
from tests.e2e.spark_namespace import SparkNamespace
from tests.e2e.stateful_set import create_pods
from tests.spark.judge.spark import installed

REVIEWS: Final = Path(__file__).parents[1] / "reviews"
NAMESPACE: Final = "jobs"
#: The variable that tells an executor the secret of its application.
_SECRET: Final = re.compile(rb'("_SPARK_AUTH_SECRET","value":")([^"]+)')


def reviews(control_plane: ControlPlane, client: SparkClient, folder: Path) -> dict[str, bytes]:
    """The reviews of pods that are made in each way, by the names of their files. The control plane has no namespace `jobs`."""
    control_plane.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": LABEL}})
    control_plane.create_default_service_account(NAMESPACE)
    namespace = SparkNamespace(control_plane, NAMESPACE)
    namespace.prepare()
    found: dict[str, bytes] = {}
    with ReviewRecorder(control_plane, folder / "recorder") as recorder:

        def keep(way: str) -> None:
            for body in recorder.taken():
                found[f"spark-{client.version}-{way}-{_part(body)}.json"] = _SECRET.sub(rb"\1removed", body)

        for way, application in WAYS.items():
            made = application(client.version, f"{way}-pi", dynamic_allocation(2), folder / way)
            with made.session(namespace, client, made.driver(namespace, client)):
                namespace.await_pods(2, "", "executor")
            keep(way)
        made = WAYS["spark"](client.version, "stateful-pi", stateful_set(1), folder)
        driver = made.driver(namespace, client)
        recorder.taken()  # it is like any other driver
        with made.session(namespace, client, driver):
            (stored,) = control_plane.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets")["items"]
            create_pods(control_plane, stored)
        keep("statefulset")
        create_cluster(namespace, client.version, "cluster-pi", workers=2)
        keep("cluster")
    return found


def _part(body: bytes) -> str:
    """The role of a review's pod, and its number if there may be several."""
    labels = json.loads(body)["request"]["object"]["metadata"]["labels"]
    role, number = labels["spark-role"], labels.get("spark-exec-id", "EXECID")
    if number == "EXECID":
        number = labels.get("apps.kubernetes.io/pod-index", "")
    return role if role in ("driver", "master") else f"{role}-{number}"


def main() -> None:
    """Writes the reviews into a folder, tests/reviews if none is given."""
    if "KUBEBUILDER_ASSETS" not in os.environ or len(installed()) < 2:
        sys.exit("the capture needs KUBEBUILDER_ASSETS, Java 17 and the jars of Spark 4 (see CONTRIBUTING.md)")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else REVIEWS
    # So that a signal also ends all processes and removes their files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (
            ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), folder) as control_plane,
            SparkClient(installed()[1], folder / "spark") as client,
        ):
            found = reviews(control_plane, client, folder)
    for file, body in found.items():
        (target / file).write_bytes(body)


if __name__ == "__main__":
    main()
