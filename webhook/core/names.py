"""Every label, annotation and value of other systems that the webhook reads or writes, each with its meaning.

Sources: Running Spark on Kubernetes (spark.apache.org), the Spark Operator's labels (kubeflow/spark-operator), Alibaba
Cloud's pages on virtual nodes and ECI pod annotations, and the Kubernetes reference of well-known labels.
"""

from typing import Final

# This webhook.

#: Namespace label by which a namespace opts in: the name of a profile.
PROFILE_LABEL: Final = "spark-eci-webhook/profile"
#: Its value in a namespace that opts out: no default profile applies there.
OPTED_OUT: Final = "none"
#: Names that no profile may have, each with whom it is for. `unknown-profile` is an entry of the configuration.
RESERVED_PROFILES: Final = {
    "unknown-profile": "namespaces with an unknown profile",
    OPTED_OUT: "namespaces that opt out",
}
#: Pod annotation that asks for another mode than the profile's: a SchedulingMode, or `none`.
MODE_ANNOTATION: Final = "spark-eci-webhook/mode"
#: Pod annotation that records the decision: `mode=…,profile=…,policy=…[,reason=…]`. No decision depends on it.
PLACEMENT_ANNOTATION: Final = "spark-eci-webhook/placement"
#: Pod label by which the overflow controller finds its pods. It is an index: no decision depends on it.
OVERFLOW_LABEL: Final = "spark-eci-webhook/overflow"
#: Its value on a pod that the virtual node is closed to, until the controller opens it.
WAITING: Final = "waiting"
#: Its value on a pod that the controller has opened. The record of such a pod ends with this word, too.
OPENED: Final = "opened"
#: Prefix of the labels and annotations above, which a policy must not set.
PREFIX: Final = "spark-eci-webhook/"
#: The warning in the answer to a canary, by which the certificate controller (certs/readiness.py) knows the service.
CANARY_ANSWER: Final = "spark-eci-webhook has answered"
#: Key of the audit annotation. The API server prefixes it with the webhook's name and drops keys that contain a slash.
AUDIT_KEY: Final = "placement"

# Spark: labels on every pod that Spark itself creates.

#: `driver` or `executor`. Operators give their own pods `connect-server`, `master`, `worker` or `operator`.
SPARK_ROLE: Final = "spark-role"
#: "1", "2", … on executors; an application uses each number once. `EXECID` if a StatefulSet or a Deployment makes them.
SPARK_EXEC_ID: Final = "spark-exec-id"
SPARK_APP_NAME: Final = "spark-app-name"
SPARK_APP_SELECTOR: Final = "spark-app-selector"
SPARK_VERSION: Final = "spark-version"
SPARK_EXEC_RESOURCE_PROFILE_ID: Final = "spark-exec-resourceprofile-id"
DRIVER_CONTAINER: Final = "spark-kubernetes-driver"
EXECUTOR_CONTAINER: Final = "spark-kubernetes-executor"

# Spark Operator: labels that it sets through `spark.kubernetes.{driver,executor}.label.*`, so pods have them at CREATE.

#: `"true"` on every pod of a SparkApplication or SparkConnect.
LAUNCHED_BY_OPERATOR: Final = "sparkoperator.k8s.io/launched-by-spark-operator"
#: Name of the SparkApplication; absent on pods of a SparkConnect.
APP_NAME: Final = "sparkoperator.k8s.io/app-name"
#: Name of the SparkConnect.
CONNECT_NAME: Final = "sparkoperator.k8s.io/connect-name"
#: Name of the ScheduledSparkApplication; absent if there is none.
SCHEDULED_APP_NAME: Final = "sparkoperator.k8s.io/scheduled-app-name"
#: UUID of one submission; absent on pods of a SparkConnect.
SUBMISSION_ID: Final = "sparkoperator.k8s.io/submission-id"
#: `"true"` on pods of a SparkApplication without a pod template; nothing reads it.
MUTATED_BY_OPERATOR: Final = "sparkoperator.k8s.io/mutated-by-spark-operator"

# Apache's own operator (apache/spark-kubernetes-operator): labels that its pods have at CREATE, too.

#: `spark-kubernetes-operator`, or the name that the operator is configured with; absent on pods of a SparkCluster.
APACHE_OPERATOR_NAME: Final = "spark.operator/name"
#: Name of the SparkApplication (spark.apache.org), the same for every attempt.
APACHE_APP_NAME: Final = "spark.operator/spark-app-name"
#: Name of the SparkCluster, on its masters and workers.
CLUSTER_NAME: Final = "spark.operator/spark-cluster-name"

# Alibaba Cloud: ECI behind ACK's virtual node.

VIRTUAL_NODE_LABEL: Final = ("type", "virtual-kubelet")
VIRTUAL_NODE_TAINT: Final = ("virtual-kubelet.io/provider", "alibabacloud")
#: `"true"` on a pod sends it to ECI, above affinity, nodeSelector and ResourcePolicy.
ECI_LABEL: Final = "alibabacloud.com/eci"
#: `"true"` on a pod sends it to ACS, likewise.
ACS_LABEL: Final = "alibabacloud.com/acs"

#: `"true"` makes and matches image caches automatically; `eci-auto-imc` is the newer name.
IMAGE_CACHE_AUTO: Final = "k8s.aliyun.com/eci-image-cache"
IMAGE_CACHE_AUTO_NEW: Final = "k8s.aliyun.com/eci-auto-imc"
#: Names one image cache, `imc-…`; `eci-imc-id` is the newer name. An id that is not Ready makes the pod fail.
IMAGE_CACHE_SNAPSHOT: Final = "k8s.aliyun.com/eci-image-snapshot-id"
IMAGE_CACHE_SNAPSHOT_NEW: Final = "k8s.aliyun.com/eci-imc-id"
IMAGE_CACHE_KEYS: Final = frozenset(
    {IMAGE_CACHE_AUTO, IMAGE_CACHE_AUTO_NEW, IMAGE_CACHE_SNAPSHOT, IMAGE_CACHE_SNAPSHOT_NEW},
)

#: Prefix of the annotations that ECI reads when it creates an instance; ECS ignores them.
ECI_PREFIX: Final = "k8s.aliyun.com/eci-"
#: Ordered list of at most 5: `2-4Gi` or `ecs.c6.xlarge`.
ECI_USE_SPECS: Final = "k8s.aliyun.com/eci-use-specs"
#: `SpotAsPriceGo` or `SpotWithPriceLimit`.
ECI_SPOT_STRATEGY: Final = "k8s.aliyun.com/eci-spot-strategy"
#: A price an hour; only with, and required by, `SpotWithPriceLimit`.
ECI_SPOT_PRICE_LIMIT: Final = "k8s.aliyun.com/eci-spot-price-limit"
#: A quantity such as `50Gi`.
ECI_EXTRA_EPHEMERAL_STORAGE: Final = "k8s.aliyun.com/eci-extra-ephemeral-storage"
#: At most 10 ids, separated by commas.
ECI_VSWITCH: Final = "k8s.aliyun.com/eci-vswitch"
#: `VSwitchOrdered` or `VSwitchRandom`.
ECI_SCHEDULE_STRATEGY: Final = "k8s.aliyun.com/eci-schedule-strategy"
#: At most 5 ids, separated by commas.
ECI_SECURITY_GROUP: Final = "k8s.aliyun.com/eci-security-group"
#: What a pod does when there is no stock: `fail-back`, `fail-over` or `fail-fast`.
ECI_FAIL_STRATEGY: Final = "k8s.aliyun.com/eci-fail-strategy"

# Kubernetes.

#: The ordinal of a pod of a StatefulSet, from 0 on; from Kubernetes 1.28 on.
POD_INDEX: Final = "apps.kubernetes.io/pod-index"
#: The name of a pod of a StatefulSet.
STATEFUL_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
#: By these the controllers of StatefulSets and ReplicaSets know the version of a pod's template.
REVISION_HASH: Final = "controller-revision-hash"
TEMPLATE_HASH: Final = "pod-template-hash"
#: The default of `spec.schedulerName`. On ACK this is the ACK scheduler, which follows ResourcePolicies.
DEFAULT_SCHEDULER: Final = "default-scheduler"
