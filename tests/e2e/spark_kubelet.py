"""A kubelet's part for Spark's executors: a pod that is bound runs as a local process, and its status says so.

The process is what the entrypoint of Spark's image starts, with the variables of the pod and nothing else.
"""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx

from tests.e2e.node import Node, Pod
from tests.e2e.pod_watch import PodWatch
from webhook.core import names

_MAIN = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
#: What the entrypoint tells the executor, and by which variable it knows it.
_OPTIONS = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}


class Executor(Pod):
    """An executor that runs with the jars of a folder. Its address is the pod's IP."""

    def __init__(
        self,
        node: Node,
        namespace: str,
        spec: dict[str, Any],
        folder: Path,
        addresses: tuple[str, ...],
        name: str,
        jars: Path,
    ) -> None:
        self._fields = {"metadata.name": name, "status.podIP": addresses[0]}
        self._jars = jars
        super().__init__(node, namespace, spec, folder, addresses)

    def command(self) -> list[str]:
        """What the entrypoint of Spark's image makes of the variables.

        Source: apache/spark, resource-managers/kubernetes/docker/src/main/dockerfiles/spark/entrypoint.sh.
        """
        assert (self._container.get("command"), self._container["args"]) == (None, ["executor"])
        known = self.environment()
        options = sorted((name for name in known if name.startswith("SPARK_JAVA_OPT_")), key=_number)
        memory = known["SPARK_EXECUTOR_MEMORY"]
        line = ["java", *(known[name] for name in options), f"-Xms{memory}", f"-Xmx{memory}"]
        line += ["-cp", f"{known['SPARK_CONF_DIR']}:{self._jars}/*", _MAIN]
        return [*line, *(word for option, name in _OPTIONS.items() for word in (option, known[name]))]

    def environment(self) -> dict[str, str]:
        """The container's variables."""
        given = {one["name"]: self._value(one) for one in self._container["env"]}
        return {"PATH": "/usr/bin:/bin", **given}

    def launch(self) -> None:
        """Starts the process, and does not wait for it: the driver sees when it is there."""
        self._component.start(lambda: True)

    def _value(self, variable: dict[str, Any]) -> str:
        if "valueFrom" in variable:
            return self._fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        return self._here(variable.get("value", ""))


def _number(variable: str) -> int:
    return int(re.sub(r"\D", "", variable))


class SparkKubelet:
    """Runs the executors of a namespace, once they are bound to a node, from start to end. Drivers are said to run.

    What it saw of the pods is in `watch`.
    """

    def __init__(self, node: Node, namespace: str, jars: Path) -> None:
        self.watch = PodWatch(node.control_plane, namespace)
        self._node, self._namespace, self._jars = node, namespace, jars
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._bound: dict[str, dict[str, Any]] = {}
        self._running: dict[str, Executor] = {}
        self._known: set[str] = set()
        self._over = threading.Event()
        # Its only thread lives until the processes have ended: they would get a signal if the thread that started them ended.
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self.watch.begin()
        self._turns = self._thread.submit(self._turn)
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every process, and raises what went wrong."""
        self._over.set()
        self._thread.shutdown()
        self._turns.result()

    def _turn(self) -> None:
        try:
            while not self._over.is_set():
                for kind, pod in self.watch.events():
                    self._see(kind, pod)
                    self._start_ready()
                self._start_ready()
                self._report_ended()
        finally:
            for executor in self._running.values():
                executor.kill()

    def _see(self, kind: str, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        name = metadata["name"]
        if kind == "DELETED" or "deletionTimestamp" in metadata:
            self._bound.pop(name, None)
            if executor := self._running.pop(name, None):
                executor.stop()
            if kind != "DELETED":
                self._confirm_end(metadata)
        elif "nodeName" in pod["spec"] and metadata["uid"] not in self._known:
            self._known.add(metadata["uid"])
            self._bound[name] = pod

    def _start_ready(self) -> None:
        """Starts the pods whose volumes can be written: Spark makes the ConfigMap of its executors after the first of them."""
        for name, pod in list(self._bound.items()):
            if not _is_executor(pod) or all(self._has(volume) for volume in pod["spec"]["volumes"]):
                del self._bound[name]
                self._start(pod)

    def _has(self, volume: dict[str, Any]) -> bool:
        path = f"/api/v1/namespaces/{self._namespace}/configmaps/{volume.get('configMap', {}).get('name')}"
        return "configMap" not in volume or self._node.control_plane.http.get(path).is_success

    def _start(self, pod: dict[str, Any]) -> None:
        name, address = pod["metadata"]["name"], "127.0.0.1"
        if _is_executor(pod):
            kind = partial(Executor, name=name, jars=self._jars)
            executor = self._running[name] = self._node.add(kind, self._namespace, pod["spec"])
            executor.launch()
            address = executor.address
        status: dict[str, Any] = {"phase": "Running", "startTime": _now()}
        status |= {"hostIP": "127.0.0.1", "podIP": address, "podIPs": [{"ip": address}]}
        status |= {"conditions": _conditions(Initialized="True", ContainersReady="True", Ready="True")}
        status |= {"containerStatuses": [_status(pod["spec"], {"running": {"startedAt": _now()}}, ready=True)]}
        self._report(name, status)

    def _report_ended(self) -> None:
        for name, executor in list(self._running.items()):
            if (code := executor.code) is not None:
                del self._running[name]
                ended = {"terminated": {"exitCode": code, "finishedAt": _now()}}
                status: dict[str, Any] = {"phase": "Failed" if code else "Succeeded"}
                status |= {"conditions": _conditions(ContainersReady="False", Ready="False")}
                status |= {"containerStatuses": [_status(executor.spec, ended, ready=False)]}
                self._report(name, status)

    def _report(self, name: str, status: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/strategic-merge-patch+json"}
        path = f"{self._pods}/{name}/status"
        self._sent(self._node.control_plane.http.patch(path, content=json.dumps({"status": status}), headers=headers))

    def _confirm_end(self, metadata: dict[str, Any]) -> None:
        """Removes a pod that is being deleted and has no process any more."""
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        path = f"{self._pods}/{metadata['name']}"
        self._sent(self._node.control_plane.http.request("DELETE", path, json=body))

    @staticmethod
    def _sent(answer: httpx.Response) -> None:
        # Others may remove a pod at any time.
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()


def _is_executor(pod: dict[str, Any]) -> bool:
    return bool(pod["metadata"]["labels"][names.SPARK_ROLE] == "executor")


def _status(spec: dict[str, Any], state: dict[str, Any], *, ready: bool) -> dict[str, Any]:
    """The status of a pod's container, which was never restarted."""
    (container,) = spec["containers"]
    image = {"image": container["image"], "imageID": "none"}
    return {"name": container["name"], **image, "ready": ready, "restartCount": 0, "state": state}


def _conditions(**values: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": value, "lastTransitionTime": _now()} for kind, value in values.items()]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
