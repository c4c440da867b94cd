"""What the Spark Operator's own code submitted, and made of pods, for some applications.

The code of releases 2.1.1, 2.3.0 and 2.5.2 ran with a recorder in place of spark-submit, and with batch scheduling
enabled. `captured_submissions.json` holds what is compared here: for the newest release all of it, and for the others
what differs from it.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.spark.judge.operator_submission import submission
from webhook.core.selectors import Role
from webhook.spark.documents import read
from webhook.spark.manifest import Application
from webhook.spark.operator_webhook import mutated
from webhook.spark.submission import submitted
from webhook.spark.versions import Versions, operator_version
from webhook.spark.workloads import Workload

JSON = dict[str, Any]
CAPTURED: Final[list[JSON]] = json.loads(Path(__file__).with_name("captured_submissions.json").read_bytes())
RELEASES: Final = ("2.1.1", "2.3.0", "2.5.2")
NEWEST: Final = RELEASES[-1]
#: The properties that are compared: those that pods are derived from.
WHOLE: Final = frozenset(
    {
        "spark.kubernetes.namespace",
        "spark.kubernetes.container.image",
        "spark.kubernetes.container.image.pullPolicy",
        "spark.executor.instances",
        *(f"spark.dynamicAllocation.{key}" for key in ("enabled", "initialExecutors", "minExecutors", "maxExecutors")),
        *(f"spark.{role}.{setting}" for role in Role for setting in ("cores", "memory")),
    }
)
BEGUN: Final = (
    "spark.kubernetes.node.selector.",
    *(
        f"spark.kubernetes.{role}.{setting}"
        for role in Role
        for setting in (
            "label.",
            "annotation.",
            "container.image",
            "pod.name",
            "podNamePrefix",
            "podTemplate",
            "volumes.",
            "node.selector.",
            "scheduler.name",
        )
    ),
)
#: The fields of a pod that the operator's webhook changes, and of its containers.
FIELDS: Final = ("affinity", "tolerations", "nodeSelector", "schedulerName", "hostNetwork")
CONTAINERS: Final = ("containers", "initContainers")
OF_CONTAINERS: Final = ("name", "image", "securityContext")


def relevant(conf: dict[str, str]) -> dict[str, str]:
    """The properties that are compared."""
    return {key: value for key, value in conf.items() if key in WHOLE or key.startswith(BEGUN)}


def compared(pod: JSON) -> JSON:
    """The part of a pod that is compared."""
    spec = pod["spec"]
    found = {key: spec[key] for key in FIELDS if spec.get(key)}
    for key in CONTAINERS:
        if spec.get(key):
            found[key] = [{name: one[name] for name in OF_CONTAINERS if one.get(name)} for one in spec[key]]
    return found


def captured(case: JSON, release: str) -> JSON | None:
    """What the operator of a release submitted, and made of the pods; None if it failed."""
    newest, own = case["releases"][NEWEST], case["releases"][release]
    if "fails" in own:
        return None
    conf = newest["conf"] | own.get("changed", {})
    kept = {key: value for key, value in conf.items() if value is not None}
    return {"conf": kept} | {role.value: own.get(role.value, newest[role.value]) for role in Role}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("case", CAPTURED, ids=range(len(CAPTURED)))
def test_what_is_derived_is_what_the_operator_did(case: JSON, release: str) -> None:
    document, versions = case["application"], Versions(operator_version(release))
    name, namespace = document["metadata"]["name"], document["metadata"]["namespace"]
    (found,) = read(document, namespace, versions)
    assert isinstance(found, Workload)
    expected = captured(case, release)
    if expected is None:
        assert [one.by.value for one in found.refused] == ["operator"]
        return
    assert found.refused == ()
    application = msgspec.convert(document, Application)
    assert relevant(submitted(application, name, namespace, versions).conf) == expected["conf"]
    # The webhook is asked here whether or not its configuration selects the pod.
    assert {pod.title: compared(mutated(pod.created, application, Role(pod.title))) for pod in found.pods} == {
        role.value: expected[role.value] for role in Role
    }


@pytest.mark.parametrize("case", CAPTURED, ids=range(len(CAPTURED)))
def test_what_the_judge_is_given_is_what_the_operator_submits(case: JSON) -> None:
    """Spark judges pods by a submission that the tests write themselves."""
    arguments = submission(case["application"]).arguments
    given = dict(value.split("=", 1) for option, value in pairwise(arguments) if option == "--conf")
    expected = captured(case, NEWEST)
    assert expected is not None
    identifier = "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id"
    for conf in (given, expected["conf"]):
        assert conf[identifier]
        for key in [key for key in conf if key.endswith(("submission-id", "podTemplateFile"))]:
            del conf[key]
    assert relevant(given) == expected["conf"]


def test_the_releases_differ_and_some_fail() -> None:
    """So a derivation that overlooks the release does not pass."""
    for release in RELEASES[:-1]:
        assert any(captured(case, release) is None for case in CAPTURED)
        assert any(captured(case, release) not in (None, captured(case, NEWEST)) for case in CAPTURED)
