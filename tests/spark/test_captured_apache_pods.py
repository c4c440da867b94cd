"""What the code of Apache's operator made of some applications and clusters.

The operator's own code ran at the commit that `captured_apache_pods.json` names, with the jars of Spark 4.3.0. Spark's
own code then made the first executor from the configuration of the driver. The file holds what is compared here: of a
StatefulSet its name and pod template, without the random part of an executor's name, and `refused` with the role that is
not made, which is empty if none is.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.captured_reviews import REVIEWS, alternatives
from webhook.core.selectors import Alternative
from webhook.spark.documents import read
from webhook.spark.workloads import SparkPod, Workload

JSON = dict[str, Any]
CAPTURED: Final[JSON] = json.loads(Path(__file__).with_name("captured_apache_pods.json").read_bytes())
CASES: Final[list[JSON]] = CAPTURED["cases"]
NAMES: Final = [f"{case['document']['kind']} {case['document']['metadata']['name']}" for case in CASES]
SCHEDULING: Final = ("nodeSelector", "affinity", "tolerations", "schedulerName", "hostNetwork")
CONTAINERS: Final = ("containers", "initContainers")
OF_CONTAINERS: Final = ("name", "image", "securityContext")
#: The labels that the StatefulSet controller adds to those of a template.
OF_KUBERNETES: Final = ("apps.kubernetes.io/", "statefulset.kubernetes.io/", "controller-revision-hash")
#: The captured reviews of pods that Apache's operator makes, or lets Spark make.
OF_APACHE: Final = [path for path in REVIEWS if alternatives(path) & {Alternative.APACHE, Alternative.CLUSTER}]
#: The taints for which the API server adds tolerations.
ADDED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def compared(pod: JSON) -> JSON:
    """The part of a pod that is compared."""
    metadata, spec = pod["metadata"], pod["spec"]
    found = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if metadata.get(key)}
    tolerations = [one for one in spec["tolerations"] if one.get("key") not in ADDED]
    found |= {key: value for key, value in (spec | {"tolerations": tolerations}).items() if key in SCHEDULING and value}
    for key in CONTAINERS:
        if spec.get(key):
            found[key] = [{name: one[name] for name in OF_CONTAINERS if one.get(name)} for one in spec[key]]
    return found


def of_template(pod: JSON) -> JSON:
    """The part of a StatefulSet's pod that is compared: what the template has, and the name of the set."""
    found = compared(pod)
    labels = {key: value for key, value in found["labels"].items() if not key.startswith(OF_KUBERNETES)}
    return found | {"name": found["name"].removesuffix("-0"), "labels": labels}


def pods(case: JSON) -> tuple[Workload, dict[str, SparkPod]]:
    (found,) = read(case["document"], "elsewhere")
    assert isinstance(found, Workload)
    return found, {pod.title: pod for pod in found.pods}


def captured(case: JSON, role: str) -> JSON:
    """A captured pod as the API server stores it."""
    return {"schedulerName": "default-scheduler", **case[role]}


def of_kind(kind: str) -> pytest.MarkDecorator:
    chosen = [(case, name) for case, name in zip(CASES, NAMES, strict=True) if case["document"]["kind"] == kind]
    return pytest.mark.parametrize("case", [case for case, _ in chosen], ids=[name for _, name in chosen])


@of_kind("SparkApplication")
def test_an_application_has_the_pods_that_the_operator_made(case: JSON) -> None:
    found, by_role = pods(case)
    refused = {one.role for one in found.refused}
    # The operator stops at its first reason, and explain tells those of the executors, too.
    assert ({""} & refused or refused) == ({case["refused"]} if "refused" in case else set())
    assert [role for role in ("driver", "executor") if role in case] == [
        role for role in by_role if not found.refusals_of(by_role[role])
    ]
    for role in ("driver", "executor"):
        if role not in case:
            continue
        made, expected = by_role[role].created, captured(case, role)
        if "ownerReferences" not in made["metadata"]:
            assert compared(made) == expected
        else:
            # Spark makes a template for a StatefulSet, whose controller names the pods.
            name = f"spark-s-{expected['labels']['spark-app-selector']}-0"
            assert of_template(made) == expected | {"name": name}
    if "executor" in case and by_role["executor"].count.isdigit():
        assert int(by_role["executor"].count) == case["executors"]


@of_kind("SparkCluster")
def test_a_cluster_has_the_pods_that_the_operator_made(case: JSON) -> None:
    found, by_role = pods(case)
    assert found.refused == ()
    for role in ("master", "worker"):
        assert of_template(by_role[role].created) == captured(case, role)
    count = by_role["worker"].count
    assert ("by autoscaling" in count) == case["autoscaled"]
    assert case["autoscaled"] or count == str(case["workers"])


@pytest.mark.parametrize("path", OF_APACHE, ids=lambda path: path.stem)
def test_a_captured_review_has_the_labels_of_the_operators_own_pod(path: Path) -> None:
    """The pods in tests/reviews are made without the operator, so it judges their labels here."""
    labels = json.loads(path.read_bytes())["request"]["object"]["metadata"]["labels"]
    role = labels["spark-role"]
    # The first cases of each kind add no labels of their own.
    case = next(case for case in CASES if role in case)
    assert {key for key in labels if not key.startswith(OF_KUBERNETES)} == case[role]["labels"].keys()


def test_the_cases_differ() -> None:
    """So a derivation that overlooks a rule does not pass."""
    roles = [case.get("refused") for case in CASES]
    assert {None, "", "executor"} == set(roles)
    assert {case["autoscaled"] for case in CASES if "autoscaled" in case} == {True, False}
    assert {case["document"]["apiVersion"] for case in CASES} == {"spark.apache.org/v1", "spark.apache.org/v1beta1"}
