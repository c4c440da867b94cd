"""Fragments of which most make the operator or Spark refuse the application, or one of its roles."""

from typing import Final

from tests.spark.judge.dimensions import JSON, ROLES, conf, of_role, part, template

#: In client mode spark-submit downloads what is remote, for which a test has no network.
CLIENT: Final = {
    "mode": "client",
    "mainClass": "org.example.Pi",
    "mainApplicationFile": "local:///opt/pi.jar",
    "deps": None,
}
_OF_ROLES: Final[dict[str, JSON]] = {
    **{
        f"ROLE label {label}": part(labels={label: "mine"})
        for label in (
            "spark-role",
            "spark-version",
            "spark-app-name",
            "spark-app-selector",
            "spark-exec-id",
            "spark-exec-resourceprofile-id",
        )
    },
    "ROLE label property spark-role": conf(**{"spark.kubernetes.ROLE.label.spark-role": "mine"}),
    "ROLE mount without volume": part(volumeMounts=[{"name": "spark-local-dir-1", "mountPath": "/one"}]),
    "ROLE scratch of another kind": {
        "spec": {
            "volumes": [{"name": "spark-local-dir-1", "configMap": {"name": "c"}}],
            "ROLE": {"volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/one"}]},
        }
    },
    "ROLE scratch without a path": {
        "spec": {
            "volumes": [{"name": "spark-local-dir-1", "emptyDir": {}}],
            "ROLE": {"volumeMounts": [{"name": "spark-local-dir-1"}]},
        }
    },
    "ROLE hostPath without mount.path": conf(**{"spark.kubernetes.ROLE.volumes.hostPath.raw.options.path": "/mnt/raw"}),
    "ROLE hostPath without options.path": conf(**{"spark.kubernetes.ROLE.volumes.hostPath.raw.mount.path": "/raw"}),
    "ROLE nfs without server": conf(
        **{
            "spark.kubernetes.ROLE.volumes.nfs.a.mount.path": "/a",
            "spark.kubernetes.ROLE.volumes.nfs.a.options.path": "/a",
        }
    ),
    "ROLE claim without a name": conf(**{"spark.kubernetes.ROLE.volumes.persistentVolumeClaim.a.mount.path": "/a"}),
    "ROLE claim on demand": conf(
        **{
            "spark.kubernetes.ROLE.volumes.persistentVolumeClaim.a.mount.path": "/a",
            "spark.kubernetes.ROLE.volumes.persistentVolumeClaim.a.options.claimName": "OnDemand",
            "spark.kubernetes.ROLE.volumes.persistentVolumeClaim.a.options.sizeLimit": "1Gi",
        }
    ),
    "ROLE volume of an unknown type": conf(**{"spark.kubernetes.ROLE.volumes.csi.a.mount.path": "/a"}),
    "ROLE two volumes at one path": conf(
        **{
            "spark.kubernetes.ROLE.volumes.emptyDir.a.mount.path": "/same",
            "spark.kubernetes.ROLE.volumes.emptyDir.b.mount.path": "/same",
        }
    ),
    "ROLE volume with subPath": conf(
        **{
            "spark.kubernetes.ROLE.volumes.hostPath.raw.mount.path": "/raw",
            "spark.kubernetes.ROLE.volumes.hostPath.raw.mount.subPath": "a",
            "spark.kubernetes.ROLE.volumes.hostPath.raw.options.path": "/mnt/raw",
        }
    ),
    "ROLE template without containers": template({"nodeSelector": {"a": "b"}}),
    "ROLE template with an empty list of containers": template({"containers": []}),
    "ROLE template without a spec": part(template={"metadata": {"labels": {"a": "b"}}}),
    "ROLE template of nothing": part(template={}),
    "ROLE memory without a number": conf(**{"spark.ROLE.memory": "much"}),
    "ROLE no cores": part(cores=0),
    "ROLE image alone": {"spec": {"image": None, "ROLE": {"image": "alone:1"}}},
    "ROLE secret key without a key": conf(**{"spark.kubernetes.ROLE.secretKeyRef.A": "nokey"}),
}
REFUSED: Final[dict[str, JSON]] = {
    **{name: fragment for role in ROLES for name, fragment in of_role(_OF_ROLES, role).items()},
    "no image": {"spec": {"image": None}},
    "empty image": {"spec": {"image": ""}},
    "image of the templates alone": {
        "spec": {
            "image": None,
            **{
                role: {"template": {"spec": {"containers": [{"name": f"spark-kubernetes-{role}", "image": "t:1"}]}}}
                for role in ROLES
            },
        }
    },
    "no executors": {"spec": {"executor": {"instances": None}, "sparkConf": {"spark.executor.instances": "0"}}},
    "fewer than no executors": {
        "spec": {"executor": {"instances": None}, "sparkConf": {"spark.executor.instances": "-1"}}
    },
    "executors of no number": {
        "spec": {"executor": {"instances": None}, "sparkConf": {"spark.executor.instances": "two"}}
    },
    "no executors beside dynamic allocation": {
        "spec": {
            "executor": {"instances": None},
            "dynamicAllocation": {"enabled": True},
            "sparkConf": {"spark.executor.instances": "0"},
        }
    },
    "program without a scheme": {"spec": {"mainApplicationFile": "/opt/pi.jar"}},
    "program of the operator": {"spec": {"mainApplicationFile": "file:///opt/pi.jar"}},
    "python program of the operator": {
        "spec": {"type": "Python", "mainClass": None, "mainApplicationFile": "file:///opt/pi.py"}
    },
    "R and a jar": {
        "spec": {
            "type": "R",
            "mainClass": None,
            "mainApplicationFile": "local:///opt/pi.R",
            "deps": {"jars": ["local:///opt/a.jar"]},
        }
    },
    "a jar of the operator": {"spec": {"deps": {"jars": ["/opt/missing.jar"]}}},
    "a file of the operator": {"spec": {"deps": {"files": ["file:///opt/missing"]}}},
    "a bad pod name prefix": conf(**{"spark.kubernetes.executor.podNamePrefix": "Not_A_Name"}),
    "a long pod name prefix": conf(**{"spark.kubernetes.executor.podNamePrefix": "p" * 240}),
    "more executors at least than at most": {
        "spec": {"dynamicAllocation": {"enabled": True, "minExecutors": 5, "maxExecutors": 2}}
    },
    "no executors at most": {"spec": {"dynamicAllocation": {"enabled": True, "maxExecutors": 0}}},
    "more executors at first than at most": {
        "spec": {"dynamicAllocation": {"enabled": True, "initialExecutors": 9, "maxExecutors": 2}}
    },
    "dynamic allocation without tracking": {
        "spec": {"dynamicAllocation": {"enabled": True, "shuffleTrackingEnabled": False}}
    },
    "dynamic allocation of no boolean": conf(**{"spark.dynamicAllocation.enabled": "yes"}),
    "an unknown allocator": conf(**{"spark.kubernetes.allocation.pods.allocator": "unknown"}),
    "the deployment allocator": conf(**{"spark.kubernetes.allocation.pods.allocator": "deployment"}),
    "the deployment allocator and dynamic allocation": {
        "spec": {
            "dynamicAllocation": {"enabled": True},
            "sparkConf": {"spark.kubernetes.allocation.pods.allocator": "deployment"},
        }
    },
    "an empty allocator": conf(**{"spark.kubernetes.allocation.pods.allocator": ""}),
    "no executors in a batch": conf(**{"spark.kubernetes.allocation.batch.size": "0"}),
    "selectors of both": {"spec": {"nodeSelector": {"a": "b"}, "executor": {"nodeSelector": {"c": "d"}}}},
    "an image property": conf(**{"spark.kubernetes.container.image": "conf:1"}),
    "an executor's image property": conf(**{"spark.kubernetes.executor.container.image": "conf:1"}),
    "another namespace": conf(**{"spark.kubernetes.namespace": "other"}),
    "a token property": conf(**{"spark.kubernetes.authenticate.driver.oauthToken": "t"}),
    "a name that begins with a digit": {"metadata": {"name": "1pi"}},
    "a long name": {"metadata": {"name": "n" * 64}},
    "a name with a dot": {"metadata": {"name": "a.b"}},
    "a pull policy of no meaning": {"spec": {"imagePullPolicy": "Sometimes"}},
    "a label of no value": {"spec": {"driver": {"labels": {"a": ""}}, "executor": {"labels": {"a": ""}}}},
    "a template and no version": {
        "spec": {
            "sparkVersion": None,
            "driver": {"template": {"spec": {"containers": [{"name": "spark-kubernetes-driver"}]}}},
        }
    },
    "no version": {"spec": {"sparkVersion": None}},
    "no type and no version": {"spec": {"sparkVersion": None, "type": None}},
}

#: What Spark refuses because something is missing that explain assumes to be there, each with the note that says so.
ASSUMED: Final[dict[str, tuple[JSON, str]]] = {
    "no main class": (
        {"spec": {"mainClass": None}},
        "spec.mainClass is missing; assumed that it will be there, since spark-submit cannot look into the image",
    ),
    **{
        name: (
            {"spec": {"mainApplicationFile": None, "arguments": arguments}},
            "spec.mainApplicationFile is missing; assumed that it will be there, since an application needs one",
        )
        for name, arguments in (("no program", None), ("no program but arguments", ["1000"]))
    },
    **{
        f"client mode with the pod {pod}": (
            {"spec": CLIENT | {"driver": {"podName": name}}},
            f"in mode client there is no driver pod; Spark looks for a pod called {pod}, and makes no executors if there "
            "is none",
        )
        for name, pod in ((None, "pi-driver"), ("mine", "mine"))
    },
}
