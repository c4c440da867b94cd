"""Explains applications under a policy, as `adopt` does, and reads texts whose lines are marked as kept or cut."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from webhook.core.profile import compile_profile
from webhook.explain.explanation import ExplanationError, WorkloadExplanation, explain
from webhook.explain.outcome import NoProfile
from webhook.service.policy_file import parse_policy
from webhook.spark.documents import read
from webhook.spark.workloads import Workload

Place = Callable[[Any], Sequence[WorkloadExplanation]]

#: The toleration that the webhook adds, in flow style.
TOLERATION = "key: virtual-kubelet.io/provider, operator: Equal, value: alibabacloud, effect: NoSchedule"
_APPLICATION = """\
 |apiVersion: sparkoperator.k8s.io/v1beta2
 |kind: SparkApplication
 |metadata:
 |  name: report
 |  annotations:
 |    k8s.aliyun.com/eci-use-specs: 2-4Gi
 |spec:
 |  type: Scala
 |  mode: cluster
 |  image: registry/spark:3.5.2
 |  sparkVersion: 3.5.2
 |  mainClass: org.example.App
 |  mainApplicationFile: local:///opt/app.jar
"""
#: The executors run on ECI first, with annotations and a label, and the driver on ECI alone.
POLICY: dict[str, Any] = {
    "selector": {"anyOf": ["kubeflow", "apache", "cluster"]},
    "profiles": {
        "default": {
            "driver": {"mode": "eci-only", "imageCache": {"auto": False}},
            "executor": {
                "mode": "ecs-first",
                "annotations": {
                    "k8s.aliyun.com/eci-use-specs": "2-4Gi",
                    "k8s.aliyun.com/eci-fail-strategy": "fail-back",
                },
                "labels": {"team": "data"},
            },
        },
        "observing": {
            "driver": {"mode": "eci-only", "observe": True},
            "executor": {"mode": "ecs-first", "rollout": 50},
        },
    },
}


def place_by(policy: dict[str, Any], profile: str = "default") -> Place:
    """Explains the workloads of a document under `profile` of `policy`."""
    compiled = compile_profile(parse_policy(json.dumps(policy).encode(), "policy"), profile)

    def place(document: Any) -> list[WorkloadExplanation]:
        found = [one for one in read(document, "default") if isinstance(one, Workload)]
        try:
            return [explain("app.yaml", one, compiled, replaced=True) for one in found]
        except ExplanationError:
            return []

    return place


def without_profile(document: Any) -> list[WorkloadExplanation]:
    """Explains the workloads of a document in a namespace that no profile holds for."""
    found = [one for one in read(document, "default") if isinstance(one, Workload)]
    return [explain("app.yaml", one, NoProfile("the namespace has no label", mistaken=False)) for one in found]


def application(spec: str) -> str:
    """The marked text of a SparkApplication whose spec has these further lines."""
    return _APPLICATION + spec


def marked(text: str) -> tuple[bytes, bytes]:
    """The text before and after: of each line, ` |` says that it stays, and `-|` that it is cut."""
    lines = text.splitlines(keepends=True)
    assert all(line[:2] in (" |", "-|") for line in lines), text
    before = "".join(line[2:] for line in lines)
    return before.encode(), "".join(line[2:] for line in lines if line[0] == " ").encode()
