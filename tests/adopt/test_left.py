"""What stays although the webhook adds the same or nearly so, where it stands, and why."""

import pytest

from tests.adopt.marked_texts import POLICY, TOLERATION, application, marked, place_by, without_profile
from webhook.adopt.slim_file import Left, LeftReason, slim

TERMS = "spec.executor.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
PROPERTY = '"spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-image-cache"'
#: Name: text, and what is left: path, number of the line in the text, and why.
CASES: dict[str, tuple[str, list[tuple[str, int, str]]]] = {
    "an-anchor": (
        f"""\
 |  executor:
 |    tolerations: &eci
 |      - {{{TOLERATION}}}
 |    cores: 1
-|    labels: {{team: data}}
 |  driver:
 |    tolerations: *eci
""",
        [("spec.executor.tolerations[0]", 3, "anchor"), ("spec.driver.tolerations[0]", 7, "alias")],
    ),
    "an-anchor-around-it": (
        f"""\
 |  driver: {{}}
 |  executor: &executor
 |    tolerations:
 |      - {{{TOLERATION}}}
 |    cores: 1
""",
        [("spec.executor.tolerations[0]", 4, "anchor")],
    ),
    "an-anchor-inside": (
        """\
 |  driver: {}
 |  executor:
 |    cores: 1
 |    tolerations:
 |      - key: &key virtual-kubelet.io/provider
 |        operator: Equal
 |        value: alibabacloud
 |        effect: NoSchedule
 |    env: [{name: KEY, value: *key}]
""",
        [("spec.executor.tolerations[0]", 5, "anchor")],
    ),
    "an-alias-inside": (
        """\
 |  driver:
 |    env: [{name: KEY, value: &key virtual-kubelet.io/provider}]
 |  executor:
 |    cores: 1
 |    tolerations:
 |      - key: *key
 |        operator: Equal
 |        value: alibabacloud
 |        effect: NoSchedule
""",
        [("spec.executor.tolerations[0]", 6, "alias")],
    ),
    "an-alias-as-a-key": (
        """\
 |  driver:
 |    env: [{name: KEY, value: &labels labels}]
 |  executor:
 |    cores: 1
 |    *labels : {team: data}
""",
        [('spec.executor.labels["team"]', 3, "alias")],
    ),
    "a-merge-key": (
        f"""\
 |  driver:
 |    <<: &both
 |      tolerations:
 |        - {{{TOLERATION}}}
 |  executor:
 |    <<: *both
 |    cores: 1
 |    labels: {{team: data}}
 |    annotations:
 |      !!merge "<<": {{k8s.aliyun.com/eci-use-specs: 2-4Gi}}
-|  sparkConf:
-|    spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-image-cache: "true"
""",
        [
            ("spec.driver.tolerations[0]", 1, "merge"),
            ("spec.executor.tolerations[0]", 5, "merge"),
            ('spec.executor.labels["team"]', 8, "merge"),
            ('spec.executor.annotations["k8s.aliyun.com/eci-use-specs"]', 9, "merge"),
        ],
    ),
    "flow-across-lines": (
        f"""\
 |  driver: {{}}
 |  executor:
 |    cores: 1
 |    tolerations: [
 |      {{{TOLERATION}}}
 |    ]
 |    labels: {{
 |      team: data}}
""",
        [("spec.executor.tolerations[0]", 5, "flow"), ('spec.executor.labels["team"]', 8, "flow")],
    ),
    "a-part-of-flow": (
        f"""\
 |  driver: {{cores: 1, tolerations: [{{{TOLERATION}}}]}}
 |  executor:
 |    cores: 1
 |    labels: {{team: data, a: b}}
""",
        [("spec.driver.tolerations[0]", 1, "flow"), ('spec.executor.labels["team"]', 4, "flow")],
    ),
    "the-first-key-of-an-item-that-stays": (
        """\
 |  driver:
 |    affinity:
 |      nodeAffinity:
 |        requiredDuringSchedulingIgnoredDuringExecution:
 |          nodeSelectorTerms:
 |          - matchExpressions:
 |            - {key: type, operator: In, values: [virtual-kubelet]}
 |            matchFields:
 |            - {key: metadata.name, operator: In, values: [a]}
 |  executor: {}
""",
        [
            (
                "spec.driver.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
                ".matchExpressions[0]",
                7,
                "shared-line",
            )
        ],
    ),
    "a-complex-key": (
        """\
 |  driver: {}
 |  executor:
 |    cores: 1
 |    ? labels
 |    : team: data
-|    annotations:
-|      ? k8s.aliyun.com/eci-use-specs
 |      # between
-|      : 2-4Gi
 |  sparkConf:
 |    ? spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-image-cache
 |    : "true"
 |    spark.eventLog.enabled: "false"
""",
        [
            ('spec.executor.labels["team"]', 5, "shared-line"),
            (f"spec.sparkConf[{PROPERTY}]", 11, "shared-line"),
        ],
    ),
    "a-comment-behind-a-tag": (
        """\
 |  driver: {}
 |  executor:
 |    cores: 1
 |    labels:
 |      team: !!str
 |        # a comment
 |        data
""",
        [('spec.executor.labels["team"]', 5, "shared-line")],
    ),
    "a-comment-that-would-become-text": (
        f"""\
 |  driver:
 |    cores: 1
-|    tolerations:
-|      - {{{TOLERATION}}}
 |  executor:
 |    javaOptions: |
 |      -Xmx1g
 |    labels:
 |      # The team.
 |      team: data
-|    annotations: {{k8s.aliyun.com/eci-use-specs: 2-4Gi}}
 |    env:
 |      - name: TEXT
 |        value: |+
 |          text
 |    tolerations:
 |
 |      - {{{TOLERATION}}}
""",
        [
            ('spec.executor.labels["team"]', 10, "read-otherwise"),
            ("spec.executor.tolerations[0]", 18, "read-otherwise"),
        ],
    ),
    "all-that-the-executor-has": (
        """\
 |  driver: {}
 |  executor:
 |    labels:
 |      team: data
""",
        [('spec.executor.labels["team"]', 4, "needed")],
    ),
    "the-same-from-elsewhere": (
        f"""\
 |  driver:
 |    tolerations:
 |      - {{{TOLERATION}}}
 |    template:
 |      spec:
 |        containers: [{{name: driver}}]
 |        tolerations: [{{key: a, operator: Exists}}, {{{TOLERATION}}}]
 |  executor: {{}}
""",
        [
            ("spec.driver.tolerations[0]", 3, "repeated"),
            ("spec.driver.template.spec.tolerations[1]", 7, "flow"),
        ],
    ),
    "a-field-that-has-no-effect": (
        f"""\
 |  driver: {{}}
 |  executor:
 |    cores: 1
-|    tolerations:
-|      - {{{TOLERATION}}}
 |  server:
 |    tolerations:
 |      - {{{TOLERATION}}}
""",
        [],
    ),
    "nearly-the-same": (
        """\
 |  driver:
 |    annotations:
 |      k8s.aliyun.com/eci-image-cache: "true"
 |    nodeSelector:
 |      type: virtual-kubelet
 |      disk: ssd
 |    tolerations:
 |      - key: virtual-kubelet.io/provider
 |        operator: Exists
 |      - operator: Exists
 |      - key: dedicated
 |        operator: Exists
 |  executor:
 |    annotations:
 |      k8s.aliyun.com/eci-use-specs: 4-8Gi
 |      k8s.aliyun.com/eci-imc-id: imc-2ze5hdcnngenmwc1jmwf
 |      k8s.aliyun.com/eci-spot-strategy: SpotAsPriceGo
 |    labels:
 |      team: other
 |    tolerations:
 |      - key: virtual-kubelet.io/provider
 |        value: alibabacloud
 |        effect: NoSchedule
 |    affinity:
 |      nodeAffinity:
 |        preferredDuringSchedulingIgnoredDuringExecution:
 |          - weight: 50
 |            preference:
 |              matchExpressions:
 |                - {key: type, operator: NotIn, values: [virtual-kubelet]}
 |          - weight: 1
 |            preference:
 |              matchExpressions:
 |                - {key: zone, operator: In, values: [a]}
""",
        [
            ('spec.driver.annotations["k8s.aliyun.com/eci-image-cache"]', 3, "differs"),
            ('spec.driver.nodeSelector["type"]', 5, "differs"),
            ("spec.driver.tolerations[0]", 8, "differs"),
            ("spec.driver.tolerations[1]", 10, "differs"),
            ('spec.executor.annotations["k8s.aliyun.com/eci-use-specs"]', 15, "differs"),
            ('spec.executor.annotations["k8s.aliyun.com/eci-imc-id"]', 16, "differs"),
            ('spec.executor.labels["team"]', 19, "differs"),
            ("spec.executor.tolerations[0]", 21, "differs"),
            (f"{TERMS}[0]", 27, "differs"),
        ],
    ),
    "the-webhook-would-put-it-elsewhere": (
        """\
 |  driver:
 |    affinity:
 |      nodeAffinity:
 |        requiredDuringSchedulingIgnoredDuringExecution:
 |          nodeSelectorTerms:
 |            - matchExpressions:
 |                - {key: zone, operator: In, values: [a]}
-|                - {key: type, operator: In, values: [virtual-kubelet]}
 |            - matchExpressions:
 |                - {key: type, operator: In, values: [virtual-kubelet]}
 |                - {key: zone, operator: In, values: [b]}
 |            - matchExpressions:
 |                - {key: type, operator: In, values: [virtual-kubelet]}
 |  executor: {}
""",
        [
            (
                "spec.driver.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
                f"[{term}].matchExpressions[0]",
                line,
                "differs",
            )
            for term, line in ((1, 10), (2, 13))
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_told_with_its_line_and_the_reason(name: str) -> None:
    text, expected = CASES[name]
    start, _ = marked(application(""))
    before, after = marked(application(text))
    found = slim(before, place_by(POLICY))
    assert found.content.decode() == after.decode()
    assert [(one.path, one.line - start.count(b"\n"), one.why) for one in found.left] == expected


OWN = f"""\
 |  driver:
 |    tolerations:
 |      - {{{TOLERATION}}}
 |  executor:
 |    cores: 1
 |    labels: {{team: data}}
 |    tolerations:
 |      - {{{TOLERATION}}}
"""
WANTED = [("spec.driver.tolerations[0]", "observed"), ("spec.executor.tolerations[0]", "rollout")]


def test_nothing_is_cut_where_the_rule_observes_or_applies_to_a_part_of_the_applications() -> None:
    content, _ = marked(application(OWN))
    found = slim(content, place_by(POLICY, "observing"))
    assert (found.content, found.cuts) == (content, ())
    assert [(one.path, one.why) for one in found.left] == WANTED


def test_nothing_is_cut_and_nothing_told_where_no_profile_holds() -> None:
    content, _ = marked(application(OWN))
    found = slim(content, without_profile)
    assert (found.content, found.cuts, found.left) == (content, (), ())


def test_nothing_is_cut_from_what_a_cluster_stores() -> None:
    content, _ = marked(application(OWN) + " |status: {}\n")
    found = slim(content, place_by(POLICY))
    assert (found.content, found.cuts) == (content, ())
    assert {one.why for one in found.left} == {LeftReason.STORED}


@pytest.mark.parametrize(
    "change",
    [
        ("cores: 1", "cores: 1, instances: 0"),
        ("|  image: registry/spark:3.5.2", "|"),
        ("mode: cluster", "mode: client-and-cluster"),
    ],
)
def test_nothing_is_cut_from_pods_that_are_never_made(change: tuple[str, str]) -> None:
    text = OWN.replace("|    cores: 1", "|    <<: {cores: 1}") if "instances" in change[1] else OWN
    content, _ = marked(application(text).replace(*change))
    found = slim(content, place_by(POLICY))
    assert (found.content, found.cuts) == (content, ())


def test_a_field_that_has_no_effect_is_left_beside_one_that_has() -> None:
    text = f"""\
 |apiVersion: sparkoperator.k8s.io/v1alpha1
 |kind: SparkConnect
 |metadata: {{name: shared}}
 |spec:
 |  image: registry/spark:4.0.0
 |  sparkVersion: 4.0.0
 |  server: {{}}
 |  executor:
 |    # This field is not one of a SparkConnect.
 |    tolerations:
 |      - {{{TOLERATION}}}
 |    template:
 |      spec:
 |        containers: [{{name: spark-kubernetes-executor}}]
-|        tolerations:
-|          - {{{TOLERATION}}}
"""
    before, after = marked(text)
    found = slim(before, place_by(POLICY))
    assert found.content.decode() == after.decode()
    assert found.left == (Left(1, "spec.executor.tolerations[0]", 11, LeftReason.REPEATED),)


def test_the_executors_of_apaches_operator_keep_a_template() -> None:
    """Spark mounts it into the driver. `tests/adopt/test_fleet.py` lets Spark judge such drivers."""
    text = f"""\
 |apiVersion: spark.apache.org/v1
 |kind: SparkApplication
 |metadata: {{name: report}}
 |spec:
 |  mainClass: org.example.App
 |  jars: local:///opt/app.jar
 |  runtimeVersions: {{sparkVersion: 4.0.0}}
 |  sparkConf:
 |    spark.kubernetes.container.image: registry/spark:4.0.0
-|  driverSpec:
-|    podTemplateSpec:
-|      spec:
-|        tolerations:
-|          - {{{TOLERATION}}}
 |  executorSpec:
 |    podTemplateSpec:
 |      spec:
 |        tolerations:
 |          - {{{TOLERATION}}}
"""
    before, after = marked(text)
    found = slim(before, place_by(POLICY))
    assert found.content.decode() == after.decode()
    path = "spec.executorSpec.podTemplateSpec.spec.tolerations[0]"
    assert found.left == (Left(1, path, 19, LeftReason.NEEDED),)


@pytest.mark.parametrize("missing", ["type: Scala", "sparkVersion: 3.5.2"])
def test_nothing_is_cut_from_a_patch_of_an_application(missing: str) -> None:
    content, _ = marked(application(OWN))
    content = content.replace(f"  {missing}\n".encode(), b"")
    found = slim(content, place_by(POLICY))
    assert (found.content, found.cuts) == (content, ())
    assert {one.why for one in found.left} == {LeftReason.PARTIAL}
