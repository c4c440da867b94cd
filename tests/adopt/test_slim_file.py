"""What `slim` cuts from texts that are written as people write them: ` |` marks lines that stay, `-|` those that go."""

import pytest

from tests.adopt.marked_texts import POLICY, TOLERATION, application, marked, place_by
from webhook.adopt.slim_file import slim

INDENTED = """\
 |  # Where the pods run.
 |  driver:
 |    cores: 1
-|    tolerations:
-|      - key: virtual-kubelet.io/provider  # ECI
-|        operator: Equal
-|        value: alibabacloud
-|        effect: NoSchedule
-|    affinity:
-|      nodeAffinity:
-|        requiredDuringSchedulingIgnoredDuringExecution:
-|          nodeSelectorTerms:
-|            - matchExpressions:
-|                - key: type
-|                  operator: In
-|                  values:
-|                    - virtual-kubelet
 |    memory: 1g
 |  executor:
-|    tolerations:
 |      # Without it, no ECI.
-|      - key: virtual-kubelet.io/provider
-|        operator: Equal
 |
-|        value: alibabacloud
-|        effect: NoSchedule
 |        # The end of it.
 |
 |    cores: 1
-|    annotations:
-|      k8s.aliyun.com/eci-use-specs: 2-4Gi
-|      "k8s.aliyun.com/eci-image-cache": 'true'
-|    labels: {team: data}
-|    affinity:
-|      nodeAffinity:
-|        preferredDuringSchedulingIgnoredDuringExecution:
-|          - weight: 1
-|            preference:
-|              matchExpressions:
-|                - {key: type, operator: NotIn, values: [virtual-kubelet]}
 |    instances: 2  # two
 |...
"""
AT_PARENT = """\
 |  driver: {}
 |  executor:
 |    instances: 2
 |    tolerations:
 |    - key: dedicated
 |      operator: Exists
-|    - key: virtual-kubelet.io/provider
-|      operator: Equal
-|      value: alibabacloud
-|      effect: NoSchedule
 |    # And spot.
 |    - key: spot
 |      operator: Exists
 |    annotations:
 |      example.org/team: data
-|      k8s.aliyun.com/eci-fail-strategy: fail-back
 |    affinity:
 |      nodeAffinity:
 |        requiredDuringSchedulingIgnoredDuringExecution:
 |          nodeSelectorTerms:
 |          - matchExpressions:
 |            - {key: zone, operator: In, values: [a]}
-|        preferredDuringSchedulingIgnoredDuringExecution:
-|        - preference:
-|            matchExpressions:
-|            - key: type
-|              operator: NotIn
-|              values: [virtual-kubelet]
-|          weight: 1
"""
CASES = {
    "indented": INDENTED,
    "sequences-at-the-indent-of-their-parent": AT_PARENT,
    "dashes-on-lines-of-their-own": f"""\
 |  driver: {{}}
 |  executor:
 |    cores: 1
-|    tolerations:
-|      -
-|        key: virtual-kubelet.io/provider
 |        # Equal
-|        operator: Equal
-|        value: alibabacloud
-|        effect: NoSchedule
-|      -   # again
-|        {{{TOLERATION}}}
-|      -   !!map
-|        key: "virtual-kubelet.io/\\
-|          provider"
-|        operator:
 |          # Equal, too
-|          Equal
-|        value: >-
-|          alibabacloud
 |
-|        effect: NoSchedule
""",
    "flow-on-one-line": f"""\
 |  driver: {{}}
 |  executor:
 |    cores: 1
-|    tolerations: [{{{TOLERATION}}}]  # ECI
-|    affinity: {{nodeAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: 1, preference: {{matchExpressions: [{{key: type, operator: NotIn, values: [virtual-kubelet]}}]}}}}]}}}}
-|    annotations: {{k8s.aliyun.com/eci-use-specs: 2-4Gi, k8s.aliyun.com/eci-image-cache: "true"}}
""",
    "repeated-tolerations": f"""\
 |  driver: {{}}
 |  executor:
 |    tolerations:
-|      - {{{TOLERATION}}}
 |      - {{key: dedicated, operator: Exists}}
-|      - {{{TOLERATION}}}
""",
    "block-scalars": """\
 |  driver: {}
 |  executor:
 |    javaOptions: |
 |      -Xmx1g
 |      # no comment
-|    annotations:
-|      k8s.aliyun.com/eci-use-specs: |-
-|        2-4Gi
 |    # A comment that is not as far to the right as the text above.
 |    env:
 |      - name: TEXT
 |        value: |+
 |          text
 |
-|    labels:
-|      team: >-
-|        data
""",
    "template": f"""\
 |  driver: {{}}
 |  executor:
 |    template:
-|      metadata:
-|        labels:
-|          team: data
-|        annotations:
-|          k8s.aliyun.com/eci-use-specs: 2-4Gi
 |      spec:
 |        containers:
 |          - name: executor
-|        tolerations:
-|          - {{{TOLERATION}}}
-|        affinity:
-|          nodeAffinity:
-|            preferredDuringSchedulingIgnoredDuringExecution:
-|              - weight: 1
-|                preference:
-|                  matchExpressions:
-|                    - key: type
-|                      operator: NotIn
-|                      values: [virtual-kubelet]
""",
    "a-toleration-in-the-template-and-beside-it": f"""\
 |  driver: {{}}
 |  executor:
-|    tolerations:
-|      - {{{TOLERATION}}}
 |    template:
 |      spec:
 |        containers:
 |          - name: executor
-|        tolerations:
-|          - {{{TOLERATION}}}
""",
    "an-affinity-in-the-template-and-one-that-replaces-it": """\
 |  driver: {}
 |  executor:
-|    affinity:
-|      nodeAffinity:
-|        preferredDuringSchedulingIgnoredDuringExecution:
-|          - weight: 1
-|            preference: {matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}
 |    template:
 |      spec:
 |        containers:
 |          - name: executor
-|        affinity:
-|          nodeAffinity:
-|            preferredDuringSchedulingIgnoredDuringExecution:
-|              - weight: 1
-|                preference: {matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}
""",
    "an-annotation-in-three-places": """\
 |  sparkConf:
 |    spark.eventLog.enabled: "false"
-|    spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-use-specs: 2-4Gi
 |  driver: {}
 |  executor:
-|    annotations: {k8s.aliyun.com/eci-use-specs: 2-4Gi}
 |    template:
-|      metadata: {annotations: {k8s.aliyun.com/eci-use-specs: 2-4Gi}}
 |      spec: {containers: [{name: executor}]}
""",
    "spark-conf": """\
 |  sparkConf:
 |    "spark.executor.heartbeatInterval": 20s
-|    "spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-use-specs": "2-4Gi"
-|    spark.kubernetes.executor.label.team: data
 |    spark.kubernetes.driver.label.team: data
 |    spark.kubernetes.executor.annotation.example.org/a: b
 |  driver: {}
 |  executor: {}
""",
    "spark-conf-of-nothing-else": """\
-|  sparkConf:
-|    spark.kubernetes.executor.label.team: data
 |  driver: {}
 |  executor: {}
""",
    "one-of-two-roles": """\
 |  driver:
 |    labels: {team: data}
 |    annotations: {k8s.aliyun.com/eci-use-specs: 2-4Gi}
 |  executor:
 |    cores: 1
-|    labels: {team: data}
""",
    "requirements-beside-others": """\
 |  driver:
 |    affinity:
 |      nodeAffinity:
 |        requiredDuringSchedulingIgnoredDuringExecution:
 |          nodeSelectorTerms:
 |            - matchExpressions:
 |                - {key: zone, operator: In, values: [a]}
-|                - {key: type, operator: In, values: [virtual-kubelet]}
 |            - matchExpressions:
 |                - {key: zone, operator: In, values: [b]}
-|                - {key: type, operator: In, values: [virtual-kubelet]}
 |      podAntiAffinity: {}
 |  executor: {}
""",
}
SCHEDULED = f"""\
 |apiVersion: sparkoperator.k8s.io/v1beta2
 |kind: ScheduledSparkApplication
 |metadata: {{name: nightly}}
 |spec:
 |  schedule: "@daily"
 |  template:
 |    type: Scala
 |    mode: cluster
 |    image: registry/spark:3.5.2
 |    sparkVersion: 3.5.2
 |    mainClass: org.example.App
 |    mainApplicationFile: local:///opt/app.jar
 |    driver: {{}}
 |    executor:
 |      cores: 1
-|      tolerations:
-|        - {{{TOLERATION}}}
-|    sparkConf:
-|      spark.kubernetes.executor.label.team: data
"""
CONNECT = f"""\
 |apiVersion: sparkoperator.k8s.io/v1alpha1
 |kind: SparkConnect
 |metadata: {{name: shared}}
 |spec:
 |  image: registry/spark:4.0.0
 |  sparkVersion: 4.0.0
 |  sparkConf:
 |    spark.kubernetes.driver.label.team: data
 |  server:
 |    template:
 |      spec:
 |        containers: [{{name: spark-kubernetes-driver, image: "registry/spark:4.0.0"}}]
-|        tolerations:
-|          - {{{TOLERATION}}}
 |    service:
 |      metadata:
 |        annotations:
 |          k8s.aliyun.com/eci-use-specs: 2-4Gi
 |  executor:
 |    instances: 2
 |    template:
-|      metadata: {{labels: {{team: data}}}}
 |      spec:
 |        containers: [{{name: spark-kubernetes-executor}}]
"""
APACHE = f"""\
 |apiVersion: spark.apache.org/v1
 |kind: SparkApplication
 |metadata: {{name: report}}
 |spec:
 |  mainClass: org.example.App
 |  jars: local:///opt/app.jar
 |  runtimeVersions: {{sparkVersion: 4.0.0}}
 |  sparkConf:
 |    spark.kubernetes.container.image: registry/spark:4.0.0
-|    spark.kubernetes.executor.annotation.k8s.aliyun.com/eci-image-cache: "true"
 |  applicationTolerations:
 |    restartConfig: {{restartPolicy: Never}}
-|  driverSpec:
-|    podTemplateSpec:
-|      spec:
-|        tolerations:
-|          - {{{TOLERATION}}}
 |  executorSpec:
 |    podTemplateSpec:
-|      metadata:
-|        labels:
-|          team: data
 |      spec: {{}}
"""
CLUSTER = f"""\
 |apiVersion: spark.apache.org/v1
 |kind: SparkCluster
 |metadata: {{name: prod}}
 |spec:
 |  runtimeVersions: {{sparkVersion: 4.0.0}}
 |  clusterTolerations:
 |    instanceConfig: {{initWorkers: 2, minWorkers: 2, maxWorkers: 2}}
 |  sparkConf:
 |    spark.kubernetes.executor.label.team: data
-|  masterSpec:
-|    statefulSetSpec:
-|      template:
-|        spec:
-|          tolerations:
-|            - {{{TOLERATION}}}
 |  workerSpec:
 |    statefulSetSpec:
 |      template:
 |        spec:
-|          tolerations:
-|            - {{{TOLERATION}}}
 |          containers:
 |            - {{name: worker, image: "registry/spark:4.0.0"}}
"""
KINDS = {"scheduled": SCHEDULED, "connect": CONNECT, "apache": APACHE, "cluster": CLUSTER}
CASES = {name: application(text) for name, text in CASES.items()} | KINDS


@pytest.mark.parametrize("name", CASES)
def test_exactly_the_marked_lines_are_cut(name: str) -> None:
    before, after = marked(CASES[name])
    found = slim(before, place_by(POLICY))
    assert found.content.decode() == after.decode()
    gone = [line for one in found.cuts for line in range(one.first, one.last + 1)]
    lines = CASES[name].splitlines()
    assert gone == [number for number, line in enumerate(lines, 1) if line.startswith("-")]


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_cut_from_what_is_slim(name: str) -> None:
    _, after = marked(CASES[name])
    found = slim(after, place_by(POLICY))
    assert (found.content, found.cuts) == (after, ())
