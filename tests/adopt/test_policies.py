"""What is cut under rules of every sort: ` |` marks lines that stay, `-|` those that go."""

from typing import Any

import pytest

from tests.adopt.marked_texts import TOLERATION, application, marked, place_by
from webhook.adopt.proof import most
from webhook.adopt.slim_file import slim

REQUIRED = """\
-|    affinity:
-|      nodeAffinity:
-|        requiredDuringSchedulingIgnoredDuringExecution:
-|          nodeSelectorTerms:
-|            - matchExpressions:
-|                - {key: type, operator: OPERATOR, values: [virtual-kubelet]}
"""
ONLY = REQUIRED.replace("OPERATOR", "In")
NEVER = REQUIRED.replace("OPERATOR", "NotIn")
TOLERATIONS = f"""\
-|    tolerations:
-|      - {{{TOLERATION}}}
"""
EXECUTOR = " |  driver: {}\n |  executor:\n |    instances: 10\n"


def kept(text: str) -> str:
    return text.replace("-|", " |")


#: Name: rules, further keys of the policy, the text of the spec, and what is left: the ends of paths, and why.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str, list[tuple[str, str]]]] = {
    "both-modes-of-first-add-it": (
        {"executor": {"mode": "eci-first", "first": {"count": 3, "mode": "ecs-first"}}},
        {},
        EXECUTOR + TOLERATIONS,
        [],
    ),
    "only-one-mode-of-first-adds-it": (
        {"executor": {"mode": "eci-only", "first": {"count": 3, "mode": "ecs-only"}}},
        {},
        EXECUTOR + kept(TOLERATIONS),
        [("tolerations[0]", "differs")],
    ),
    "only-one-mode-of-first-adds-it-and-all-executors-are-among-the-first": (
        {"executor": {"mode": "ecs-only", "first": {"count": 20, "mode": "eci-only"}}},
        {},
        # An executor in place of a lost one is not among the first.
        EXECUTOR + kept(ONLY + TOLERATIONS),
        [("matchExpressions[0]", "differs"), ("tolerations[0]", "differs")],
    ),
    "only-one-share-adds-it-and-all-executors-are-in-it": (
        {"executor": {"mix": [{"percent": 99, "mode": "eci-only"}, {"percent": 1, "mode": "ecs-only"}]}},
        {},
        EXECUTOR + kept(ONLY + TOLERATIONS),
        [("matchExpressions[0]", "differs"), ("tolerations[0]", "differs")],
    ),
    "every-share-of-a-mix-adds-it": (
        {
            "executor": {
                "annotations": {"example.org/a": "b"},
                "mix": [
                    {"percent": 30, "mode": "eci-only", "annotations": {"example.org/c": "d"}},
                    {"percent": 70, "mode": "ecs-first"},
                ],
            }
        },
        {},
        EXECUTOR
        + TOLERATIONS
        + """\
 |    annotations:
-|      example.org/a: b
 |      example.org/c: d
""",
        [('annotations["example.org/c"]', "differs")],
    ),
    "a-mode-that-waits": (
        {"executor": {"mode": "ecs-then-eci"}},
        {"overflow": {}},
        EXECUTOR + kept(TOLERATIONS),
        [("tolerations[0]", "differs")],
    ),
    "what-keeps-a-pod-off-that-tolerates-virtual-nodes": (
        {"executor": {"mode": "ecs-only"}},
        {},
        # Without its requirement, it would look like a pod that may run on either side.
        EXECUTOR + kept(NEVER + TOLERATIONS),
        [("matchExpressions[0]", "incomplete"), ("tolerations[0]", "differs")],
    ),
    "another-mode-than-the-pod-has": (
        {"executor": {"mode": "ecs-first"}},
        {},
        EXECUTOR + kept(ONLY) + TOLERATIONS,
        [("matchExpressions[0]", "differs")],
    ),
    "a-mode-that-the-pod-asks-for": (
        {"executor": {"mode": "ecs-only"}},
        {},
        EXECUTOR + " |    annotations: {spark-eci-webhook/mode: eci-only}\n" + ONLY + TOLERATIONS,
        [],
    ),
    "a-pod-that-asks-for-no-mode": (
        {"executor": {"mode": "eci-only"}},
        {},
        EXECUTOR + " |    annotations: {spark-eci-webhook/mode: none}\n" + kept(ONLY + TOLERATIONS),
        [("matchExpressions[0]", "differs"), ("tolerations[0]", "differs")],
    ),
    "a-pod-that-is-denied": (
        {"executor": {"mode": "eci-only", "unplaceable": "deny"}},
        {},
        EXECUTOR + " |    nodeSelector: {type: metal}\n" + kept(TOLERATIONS),
        [],
    ),
    "a-label-that-outranks-affinity": (
        {"executor": {"mode": "eci-only", "labels": {"alibabacloud.com/eci": "true"}}},
        {},
        EXECUTOR + '-|    labels: {alibabacloud.com/eci: "true"}\n',
        [],
    ),
    "an-image-cache-by-its-id": (
        {"executor": {"imageCache": {"snapshots": [{"image": "registry/spark:*", "id": "imc-2ze5hdcnngenmwc1jmwf"}]}}},
        {},
        EXECUTOR
        + """\
-|    annotations:
-|      k8s.aliyun.com/eci-image-snapshot-id: imc-2ze5hdcnngenmwc1jmwf
""",
        [],
    ),
    "another-image-cache": (
        {"executor": {"imageCache": {"snapshots": [{"image": "registry/spark:*", "id": "imc-2ze5hdcnngenmwc1jmwf"}]}}},
        {},
        EXECUTOR
        + """\
 |    annotations:
 |      k8s.aliyun.com/eci-image-cache: "true"
""",
        [('annotations["k8s.aliyun.com/eci-image-cache"]', "differs")],
    ),
    "two-annotations-for-image-caches": (
        {"executor": {}},
        {},
        EXECUTOR
        + """\
 |    annotations:
 |      k8s.aliyun.com/eci-image-cache: "true"
 |      k8s.aliyun.com/eci-auto-imc: "true"
""",
        [
            ('annotations["k8s.aliyun.com/eci-image-cache"]', "differs"),
            ('annotations["k8s.aliyun.com/eci-auto-imc"]', "differs"),
        ],
    ),
    "tolerations-that-a-batch-scheduler-is-told-of": (
        {"executor": {}},
        {},
        " |  batchScheduler: yunikorn\n" + EXECUTOR + kept(TOLERATIONS),
        [("tolerations[0]", "differs")],
    ),
    "another-virtual-node": (
        {"executor": {"mode": "eci-only"}},
        {
            "virtualNode": {
                "label": {"key": "example.org/pool", "value": "cloud"},
                "taints": [{"key": "example.org/a"}, {"key": "example.org/b", "value": "c", "effect": "NoExecute"}],
            }
        },
        EXECUTOR
        + kept(ONLY)
        + """\
 |    tolerations:
-|      - {key: example.org/a, operator: Exists, effect: NoSchedule}
 |      - {key: example.org/b, operator: Exists}
""",
        [("tolerations[1]", "differs")],
    ),
    "a-taint-that-is-tolerated-in-part": (
        {"executor": {"mode": "eci-first"}},
        {"virtualNode": {"taints": [{"key": "example.org/a"}]}},
        EXECUTOR
        + """\
 |    tolerations:
 |      - {key: example.org/a, operator: Equal, value: b, effect: NoSchedule}
""",
        [("tolerations[0]", "differs")],
    ),
    "a-label-of-the-application": (
        {"executor": {"labels": {"team": "data"}}},
        {},
        EXECUTOR + " |    labels: {team: data}\n",
        [('labels["team"]', "repeated")],
    ),
    "an-annotation-in-the-template-that-another-one-hides": (
        {"executor": {"annotations": {"example.org/a": "b"}}},
        {},
        EXECUTOR
        + """\
 |    annotations: {example.org/a: b}
 |    template:
 |      metadata: {annotations: {example.org/a: c}}
 |      spec: {containers: [{name: spark}]}
""",
        [('annotations["example.org/a"]', "differs"), ('annotations["example.org/a"]', "differs")],
    ),
    "a-role-without-pods": (
        {"driver": {"mode": "eci-only"}},
        {},
        f"""\
 |  mode: client
 |  driver:
 |    tolerations:
 |      - {{{TOLERATION}}}
 |  executor: {{}}
""",
        [],
    ),
    "what-no-profile-is-about": (
        {"executor": {}},
        {},
        EXECUTOR
        + """\
 |    nodeSelector: {disk: ssd}
 |    tolerations: [{key: dedicated, operator: Exists}]
 |    labels: {a: b}
 |    serviceAnnotations: {k8s.aliyun.com/eci-image-cache: "true"}
""",
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_exactly_the_marked_lines_are_cut(name: str) -> None:
    rules, policy, spec, left = CASES[name]
    text = application(spec)
    if name == "a-label-of-the-application":
        text = text.replace(" |spec:\n", " |  labels: {team: data}\n |spec:\n")
    if name == "a-role-without-pods":
        text = text.replace(" |  mode: cluster\n", "")
    before, after = marked(text)
    place = place_by({**policy, "profiles": {"default": rules}})
    found = slim(before, place)
    assert found.content.decode() == after.decode()
    assert [(one.why, one.path[-len(end) :]) for one, (end, _) in zip(found.left, left, strict=True)] == [
        (why, end) for end, why in left
    ]
    assert slim(after, place).cuts == ()


def test_as_many_as_possible_are_found_by_halves() -> None:
    tried: list[list[int]] = []

    def holds(items: Any) -> bool:
        tried.append(list(items))
        return 7 not in items and not {1, 9} <= set(items)

    assert most(list(range(10)), holds) == [0, 1, 2, 3, 4, 5, 6, 8]
    assert most([7], holds) == []
    assert most([], holds) == []
    assert most([1, 9], holds) == [1]
    assert len(tried) < 30
