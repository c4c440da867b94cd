"""The parts of an application that its pods may depend on, each with some values.

A value is a fragment that is merged into the application: maps by key, lists one after another, and None removes a field.
The first value of a dimension is what most applications have. `ROLE` stands for both roles in turn.
"""

import json
from typing import Any, Final

JSON = dict[str, Any]
Dimensions = dict[str, dict[str, JSON]]

ROLES: Final = ("driver", "executor")
IMAGE: Final = "example.com/spark:1"
VIRTUAL = {"key": "virtual-kubelet.io/provider", "operator": "Exists"}
ARM = {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}
VIRTUAL_NODE = {"key": "type", "operator": "In", "values": ["virtual-kubelet"]}


def _prefers(weight: int, expression: JSON) -> JSON:
    preference = {"weight": weight, "preference": {"matchExpressions": [expression]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}


def _requires(expression: JSON) -> JSON:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def conf(**properties: str) -> JSON:
    """A fragment with properties."""
    return {"spec": {"sparkConf": properties}}


def part(**fields: Any) -> JSON:
    """A fragment with fields of a role."""
    return {"spec": {"ROLE": fields}}


def template(spec: JSON, metadata: JSON | None = None) -> JSON:
    """A fragment with the pod template of a role."""
    return part(template={"spec": spec} | ({"metadata": metadata} if metadata else {}))


def of_role(fragments: dict[str, Any], role: str) -> dict[str, Any]:
    """`fragments` with `role` in the place of `ROLE`."""
    found: dict[str, Any] = json.loads(json.dumps(fragments).replace("ROLE", role))
    return found


_OWN: Final = {"name": "spark-kubernetes-ROLE"}

_SCRATCH: Final[dict[str, JSON]] = {
    "emptyDir": {"emptyDir": {}},
    "memory": {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    "hostPath": {"hostPath": {"path": "/mnt/scratch"}},
    "hostPath with a type": {"hostPath": {"path": "/mnt/scratch", "type": "DirectoryOrCreate"}},
    "nfs": {"nfs": {"server": "nfs.example.com", "path": "/scratch"}},
    "claim": {"persistentVolumeClaim": {"claimName": "scratch", "readOnly": True}},
}
#: Dimensions of each role.
_OF_ROLES: Final[Dimensions] = {
    "ROLE labels": {
        "none": {},
        "field": part(labels={"team": "data"}),
        "sparkConf": conf(**{"spark.kubernetes.ROLE.label.team": "conf", "spark.kubernetes.ROLE.label.tier": "1"}),
        "both": {
            "spec": {"ROLE": {"labels": {"team": "data"}}, "sparkConf": {"spark.kubernetes.ROLE.label.team": "conf"}}
        },
        "of the operator": part(labels={"sparkoperator.k8s.io/launched-by-spark-operator": "false"}),
        "of Kueue": part(labels={"kueue.x-k8s.io/queue-name": "mine"}),
        "to ECI": part(labels={"alibabacloud.com/eci": "true"}),
    },
    "ROLE annotations": {
        "none": {},
        "field": part(annotations={"example.com/a": "1", "spark-eci-webhook/mode": "eci-only"}),
        "sparkConf": conf(**{"spark.kubernetes.ROLE.annotation.example.com/b": "2"}),
        "placeholders": part(annotations={"example.com/log": "/logs/{{APP_ID}}/{{EXECUTOR_ID}}"}),
        "both": {
            "spec": {
                "ROLE": {"annotations": {"example.com/b": "field"}},
                "sparkConf": {"spark.kubernetes.ROLE.annotation.example.com/b": "conf"},
            }
        },
    },
    "ROLE template": {
        "none": {},
        "Spark's container": template(
            {"containers": [{**_OWN, "image": "example.com/own:2", "securityContext": {"runAsUser": 185}}]}
        ),
        "others beside": template(
            {"containers": [{"name": "logs", "image": "logs:1"}, _OWN, {"name": "proxy", "image": "proxy:1"}]}
        ),
        "others alone": template(
            {"containers": [{"name": "main", "image": "main:1"}, {"name": "side", "image": "side:1"}]}
        ),
        "no image": template({"containers": [{"name": "spark"}]}),
        "metadata": template(
            {"containers": [_OWN]},
            {
                "name": "given",
                "labels": {"team": "template", "spark-role": "mine", "spark-version": "0"},
                "annotations": {"example.com/a": "template"},
            },
        ),
        "placement": template(
            {
                "containers": [_OWN],
                "tolerations": [
                    VIRTUAL,
                    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
                ],
                "affinity": _requires(VIRTUAL_NODE),
                "nodeSelector": {"disk": "template", "pool": "template"},
                "schedulerName": "of-the-template",
                "priorityClassName": "high",
            }
        ),
        "preference": template(
            {"containers": [_OWN], "affinity": _prefers(100, VIRTUAL_NODE), "tolerations": [{"operator": "Exists"}]}
        ),
        "host": template(
            {
                "containers": [{**_OWN, "volumeMounts": [{"name": "disk", "mountPath": "/disk"}]}],
                "hostNetwork": True,
                "volumes": [
                    {"name": "disk", "hostPath": {"path": "/mnt/disk", "type": "Directory"}},
                    {"name": "cache", "emptyDir": {}},
                ],
            }
        ),
        "init containers": template(
            {
                "containers": [_OWN],
                "initContainers": [{"name": "first", "image": "first:1", "securityContext": {"privileged": True}}],
                "securityContext": {"fsGroup": 185},
            }
        ),
    },
    "ROLE template properties": {
        "none": {},
        "container": conf(**{"spark.kubernetes.ROLE.podTemplateContainerName": "side"}),
        "file": conf(**{"spark.kubernetes.ROLE.podTemplateFile": "/nowhere/template.yaml"}),
    },
    "ROLE scratch": {
        "none": {},
        **{
            name: {
                "spec": {
                    "volumes": [{"name": "spark-local-dir-ROLE"} | volume],
                    "ROLE": {"volumeMounts": [{"name": "spark-local-dir-ROLE", "mountPath": "/scratch"}]},
                }
            }
            for name, volume in _SCRATCH.items()
        },
    },
    "ROLE volumes": {
        "none": {},
        "hostPath": {
            "spec": {
                "volumes": [{"name": "data-ROLE", "hostPath": {"path": "/mnt/data"}}],
                "ROLE": {"volumeMounts": [{"name": "data-ROLE", "mountPath": "/data"}]},
            }
        },
        "not mounted": {"spec": {"volumes": [{"name": "unused-ROLE", "hostPath": {"path": "/mnt/data"}}]}},
    },
    "ROLE volume properties": {
        "none": {},
        "hostPath": conf(
            **{
                "spark.kubernetes.ROLE.volumes.hostPath.raw.mount.path": "/raw",
                "spark.kubernetes.ROLE.volumes.hostPath.raw.options.path": "/mnt/raw",
            }
        ),
        "hostPath with a type": conf(
            **{
                "spark.kubernetes.ROLE.volumes.hostPath.raw.mount.path": "/raw",
                "spark.kubernetes.ROLE.volumes.hostPath.raw.mount.readOnly": "true",
                "spark.kubernetes.ROLE.volumes.hostPath.raw.options.path": "/mnt/raw",
                "spark.kubernetes.ROLE.volumes.hostPath.raw.options.type": "Directory",
            }
        ),
        "scratch": conf(
            **{
                "spark.kubernetes.ROLE.volumes.hostPath.spark-local-dir-9.mount.path": "/nine",
                "spark.kubernetes.ROLE.volumes.hostPath.spark-local-dir-9.options.path": "/mnt/nine",
            }
        ),
        "emptyDir": conf(
            **{
                "spark.kubernetes.ROLE.volumes.emptyDir.tmp.mount.path": "/temporary",
                "spark.kubernetes.ROLE.volumes.emptyDir.tmp.options.sizeLimit": "2Gi",
            }
        ),
        "claim": conf(
            **{
                "spark.kubernetes.ROLE.volumes.persistentVolumeClaim.store.mount.path": "/store",
                "spark.kubernetes.ROLE.volumes.persistentVolumeClaim.store.options.claimName": "store",
            }
        ),
        "two": conf(
            **{
                "spark.kubernetes.ROLE.volumes.hostPath.b.mount.path": "/b",
                "spark.kubernetes.ROLE.volumes.hostPath.b.options.path": "/mnt/b",
                "spark.kubernetes.ROLE.volumes.nfs.a.mount.path": "/a",
                "spark.kubernetes.ROLE.volumes.nfs.a.options.path": "/exports/a",
                "spark.kubernetes.ROLE.volumes.nfs.a.options.server": "nfs.example.com",
            }
        ),
    },
    "ROLE selector property": {
        "none": {},
        "own": conf(**{"spark.kubernetes.ROLE.node.selector.disk": "ROLE"}),
    },
    "ROLE scheduler": {
        "none": {},
        "property": conf(**{"spark.kubernetes.ROLE.scheduler.name": "of-the-ROLE"}),
        "empty": conf(**{"spark.kubernetes.ROLE.scheduler.name": ""}),
    },
    "ROLE resources": {
        "none": {},
        "cores": part(cores=2, coreRequest="500m", coreLimit="2"),
        "memory": part(memory="2g", memoryOverhead="512m"),
        "gpu": conf(**{"spark.ROLE.resource.gpu.amount": "1", "spark.ROLE.resource.gpu.vendor": "nvidia.com"}),
    },
    "ROLE environment": {
        "none": {},
        "envVars": part(envVars={"A": "1"}, javaOptions="-Da=b -Dc=d"),
        "secrets": part(
            secrets=[{"name": "key", "path": "/key", "secretType": "Generic"}],
            envSecretKeyRefs={"B": {"name": "s", "key": "k"}},
        ),
        "account": part(serviceAccount="spark"),
    },
    "ROLE webhook": {
        "none": {},
        "tolerations": part(tolerations=[VIRTUAL, VIRTUAL]),
        "affinity": part(affinity=_requires(ARM)),
        "preference": part(affinity=_prefers(100, VIRTUAL_NODE)),
        "host network": part(hostNetwork=True),
        "scheduler": part(schedulerName="of-the-field"),
        "sidecars": part(sidecars=[{"name": "sidecar", "image": "sidecar:1", "securityContext": {"privileged": True}}]),
        "init containers": part(initContainers=[{"name": "init", "image": "init:1"}]),
        "security": part(securityContext={"privileged": True}, podSecurityContext={"fsGroup": 1}),
        "more": part(
            configMaps=[{"name": "cm", "path": "/cm"}],
            env=[{"name": "C", "value": "1"}],
            gpu={"name": "nvidia.com/gpu", "quantity": 1},
            priorityClassName="low",
        ),
    },
}

#: Dimensions of the whole application.
_OF_THE_WHOLE: Final[Dimensions] = {
    "name": {
        "short": {},
        "one letter": {"metadata": {"name": "p"}},
        "dashes": {"metadata": {"name": "a--b---c"}},
        "long": {"metadata": {"name": "n" * 30 + "-" + "m" * 12}},
        "longest": {"metadata": {"name": "application-" * 5 + "end"}},
    },
    "name properties": {
        "none": {},
        "app name": conf(**{"spark.app.name": "My App_1.0 (test)"}),
        "app id": conf(**{"spark.app.id": "spark-mine"}),
    },
    "namespace": {"given": {}, "none": {"metadata": {"namespace": None}}},
    "metadata": {
        "none": {},
        "labels": {"metadata": {"labels": {"team": "application", "example.com/x": "y"}}},
        "kueue": {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "queue", "team": "application"}}},
        "of the operator": {"metadata": {"labels": {"sparkoperator.k8s.io/submission-id": "mine"}}},
        "annotations": {"metadata": {"annotations": {"spark-eci-webhook/mode": "eci-only"}}},
    },
    "pod name": {
        "none": {},
        "field": {"spec": {"driver": {"podName": "the-driver"}}},
        "property": conf(**{"spark.kubernetes.driver.pod.name": "conf-driver"}),
        "both": {
            "spec": {
                "driver": {"podName": "the-driver"},
                "sparkConf": {"spark.kubernetes.driver.pod.name": "conf-driver"},
            }
        },
    },
    "executor name": {
        "none": {},
        "prefix": conf(**{"spark.kubernetes.executor.podNamePrefix": "given-prefix"}),
    },
    "mode": {"cluster": {}, "none": {"spec": {"mode": None}}},
    "program": {
        "jar": {},
        "no type": {"spec": {"type": None}},
        "java": {"spec": {"type": "Java", "arguments": ["--a", "b"], "deps": {"jars": ["https://example.com/a.jar"]}}},
        "python": {
            "spec": {
                "type": "Python",
                "mainClass": None,
                "mainApplicationFile": "local:///opt/pi.py",
                "pythonVersion": "3",
            }
        },
        "remote python": {
            "spec": {"type": "Python", "mainClass": None, "mainApplicationFile": "https://example.com/pi.py"}
        },
        "r": {"spec": {"type": "R", "mainClass": None, "mainApplicationFile": "local:///opt/pi.R"}},
        "remote": {"spec": {"mainApplicationFile": "https://example.com/pi.jar"}},
    },
    "image": {
        "application": {},
        "roles": {"spec": {"image": None, "driver": {"image": "driver:1"}, "executor": {"image": "executor:1"}}},
        "application and driver": {"spec": {"driver": {"image": "driver:1"}}},
        "application and executor": {"spec": {"executor": {"image": "executor:1"}, "imagePullPolicy": "Always"}},
    },
    "selectors": {
        "none": {},
        "application": {"spec": {"nodeSelector": {"disk": "application", "zone": "a"}}},
        "driver": {"spec": {"driver": {"nodeSelector": {"disk": "field"}}}},
        "executor": {"spec": {"executor": {"nodeSelector": {"disk": "field", "type": "virtual-kubelet"}}}},
    },
    "selector property": {
        "none": {},
        "all": conf(**{"spark.kubernetes.node.selector.disk": "all", "spark.kubernetes.node.selector.zone": "b"}),
    },
    "scheduler property": {
        "none": {},
        "all": conf(**{"spark.kubernetes.scheduler.name": "of-all"}),
        "empty": conf(**{"spark.kubernetes.scheduler.name": ""}),
    },
    "executors": {
        "two": {},
        "none": {"spec": {"executor": {"instances": None}}},
        "property": {"spec": {"executor": {"instances": None}, "sparkConf": {"spark.executor.instances": "3"}}},
        "dynamic": {
            "spec": {
                "dynamicAllocation": {"enabled": True, "initialExecutors": 2, "minExecutors": 1, "maxExecutors": 4}
            }
        },
        "dynamic property": conf(
            **{"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.maxExecutors": "5"}
        ),
    },
    "monitoring": {
        "none": {},
        "driver": {
            "spec": {
                "monitoring": {
                    "exposeDriverMetrics": True,
                    "exposeExecutorMetrics": False,
                    "prometheus": {"jmxExporterJar": "/jmx.jar"},
                }
            }
        },
        "both": {
            "spec": {
                "monitoring": {
                    "exposeDriverMetrics": True,
                    "exposeExecutorMetrics": True,
                    "prometheus": {"jmxExporterJar": "/jmx.jar", "port": 9090},
                }
            }
        },
        "without Prometheus": {"spec": {"monitoring": {"exposeDriverMetrics": True, "exposeExecutorMetrics": True}}},
    },
    "batch scheduler": {
        "none": {},
        "empty": {"spec": {"batchScheduler": ""}},
        "volcano": {"spec": {"batchScheduler": "volcano"}},
        "yunikorn": {"spec": {"batchScheduler": "yunikorn", "batchSchedulerOptions": {"queue": "root.spark"}}},
    },
    "allocator": {
        "none": {},
        "direct": conf(**{"spark.kubernetes.allocation.pods.allocator": "direct"}),
        "statefulset": conf(**{"spark.kubernetes.allocation.pods.allocator": "statefulset"}),
    },
    "dependencies": {
        "none": {},
        "remote": {
            "spec": {
                "deps": {
                    "files": ["https://example.com/f"],
                    "pyFiles": ["https://example.com/p.zip"],
                    "archives": ["https://example.com/a.zip"],
                }
            }
        },
        "local": {"spec": {"deps": {"files": ["local:///opt/f"], "pyFiles": ["local:///opt/a.py"]}}},
    },
    "more": {
        "none": {},
        "tmpfs": conf(**{"spark.kubernetes.local.dirs.tmpfs": "true"}),
        "secrets": {"spec": {"imagePullSecrets": ["one", "two"], "hadoopConf": {"fs.x": "y"}}},
        "hadoop": conf(**{"spark.kubernetes.hadoop.configMapName": "hadoop"}),
        "no service": conf(
            **{
                "spark.kubernetes.executor.disableConfigMap": "true",
                "spark.kubernetes.authenticate.driver.mounted.oauthTokenFile": "/token",
            }
        ),
        "overhead": {"spec": {"memoryOverheadFactor": "0.2", "proxyUser": "someone"}},
    },
}


DIMENSIONS: Final[Dimensions] = {
    name: values for role in ROLES for name, values in of_role(_OF_ROLES, role).items()
} | _OF_THE_WHOLE
