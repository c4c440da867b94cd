"""A namespace for the certificate controller: its permissions, a webhook configuration, and a server for the Service."""

import base64
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, VERIFY_X509_STRICT, SSLContext, create_default_context
from typing import Any, Self

from certs.state import CONTROLLER, MANAGED_BY, Target
from tests.e2e.control_plane import ControlPlane
from tests.e2e.rights import await_rights

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
PORT = 8443


def wait_for(condition: Callable[[], bool], what: str, patience: float = 180) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class CertificateCluster:
    """The parts of an installation that its certificates need."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane, self.http = control_plane, control_plane.http
        self.namespace = control_plane.create_namespace("certificates")
        self.target = Target(self.namespace, "webhook-ca", "webhook-tls", f"webhook-{self.namespace}", "webhook")
        """The names that the controller is given."""
        self._grant()
        self.kubeconfig = control_plane.service_account_kubeconfig(self.namespace, "certificates")
        """That of the controller's ServiceAccount, which has only the permissions that the controller needs."""
        service = {"metadata": {"name": "webhook"}, "spec": {"ports": [{"port": PORT}]}}
        self.address = str(self.post(f"/api/v1/namespaces/{self.namespace}/services", service)["spec"]["clusterIP"])

    def _grant(self) -> None:
        """Gives the controller exactly the permissions in its documentation."""
        core, rights = f"/api/v1/namespaces/{self.namespace}", f"{RBAC}/namespaces/{self.namespace}"
        self.post(f"{core}/serviceaccounts", {"metadata": {"name": "certificates"}})
        own = [self.target.ca_secret, self.target.serving_secret]
        rules = [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": own,
                "verbs": ["get", "list", "watch", "update"],
            },
            {"apiGroups": [""], "resources": ["secrets", "events"], "verbs": ["create"]},
        ]
        self.post(f"{rights}/roles", {"metadata": {"name": "certificates"}, "rules": rules})
        cluster_rules = [
            {
                "apiGroups": ["admissionregistration.k8s.io"],
                "resources": ["mutatingwebhookconfigurations"],
                "resourceNames": [self.target.configuration],
                "verbs": ["get", "list", "watch", "patch"],
            }
        ]
        name = self.target.configuration
        self.post(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": cluster_rules})
        subjects = [{"kind": "ServiceAccount", "name": "certificates", "namespace": self.namespace}]
        for path, kind, role in (
            (f"{rights}/rolebindings", "Role", "certificates"),
            (f"{RBAC}/clusterrolebindings", "ClusterRole", name),
        ):
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
            self.post(path, {"metadata": {"name": role}, "roleRef": reference, "subjects": subjects})
        account = f"{self.namespace}:certificates"
        await_rights(self.control_plane, account, rules, self.namespace)
        await_rights(self.control_plane, account, cluster_rules)

    def close(self) -> None:
        for path in (CONFIGURATIONS, f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"):
            self.http.delete(f"{path}/{self.target.configuration}")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def create_configuration(self, *webhooks: str) -> None:
        """Creates the configuration without a caBundle. Its webhooks are called only for the pods of this namespace."""
        entries = [
            {
                "name": f"{webhook}.spark-eci-webhook.example",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 10,
                "objectSelector": {"matchLabels": {"certificates": self.namespace}},
                "clientConfig": {
                    "service": {"name": "webhook", "namespace": self.namespace, "path": f"/{webhook}", "port": PORT}
                },
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
                ],
            }
            for webhook in webhooks
        ]
        metadata = {"name": self.target.configuration, "annotations": {"kept": "yes"}}
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
        self.post(CONFIGURATIONS, {**kind, "metadata": metadata, "webhooks": entries})

    def configuration(self) -> dict[str, Any]:
        return dict(self.http.get(f"{CONFIGURATIONS}/{self.target.configuration}").json())

    def set_bundle(self, index: int, bundle: bytes) -> None:
        patch = [
            {
                "op": "add",
                "path": f"/webhooks/{index}/clientConfig/caBundle",
                "value": base64.b64encode(bundle).decode(),
            }
        ]
        answer = self.http.patch(
            f"{CONFIGURATIONS}/{self.target.configuration}",
            content=json.dumps(patch),
            headers={"Content-Type": "application/json-patch+json"},
        )
        assert answer.is_success, answer.text

    def bundles(self) -> list[bytes]:
        """The caBundle of each webhook, as PEM."""
        webhooks = self.configuration().get("webhooks") or []
        return [base64.b64decode(webhook["clientConfig"].get("caBundle") or "") for webhook in webhooks]

    def _secret_path(self, name: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{name}"

    def data(self, name: str) -> dict[str, bytes]:
        """The data of a Secret; empty if there is none."""
        found = self.http.get(self._secret_path(name)).json()
        return {key: base64.b64decode(content) for key, content in found.get("data", {}).items()}

    @property
    def serving(self) -> dict[str, bytes]:
        return self.data(self.target.serving_secret)

    @property
    def ca(self) -> dict[str, bytes]:
        return self.data(self.target.ca_secret)

    def delete_secret(self, name: str) -> None:
        assert self.http.delete(self._secret_path(name)).is_success

    def put_secret(self, name: str, data: dict[str, bytes], *, labelled: bool = True) -> None:
        """Creates or replaces a Secret."""
        labels = {MANAGED_BY: CONTROLLER} if labelled else {}
        encoded = {key: base64.b64encode(content).decode() for key, content in data.items()}
        found = self.http.get(self._secret_path(name))
        body = {"metadata": {"name": name, "labels": labels}, "data": encoded}
        if found.is_success:
            self.http.put(self._secret_path(name), json={**body, "type": found.json()["type"]}).raise_for_status()
        else:
            self.post(f"/api/v1/namespaces/{self.namespace}/secrets", body)

    def events(self) -> list[tuple[str, str, str]]:
        """Reason, involved kind and message of each Event, the oldest first."""
        found = self.http.get(f"/api/v1/namespaces/{self.namespace}/events").json()["items"]
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["involvedObject"]["kind"], event["message"]) for event in found]

    def create_pod(self) -> str:
        """Creates a pod as a dry run; returns what went wrong, if anything."""
        container = {"name": "main", "image": "example.org/main:1"}
        pod = {
            "metadata": {"generateName": "pod-", "labels": {"certificates": self.namespace}},
            "spec": {"containers": [container]},
        }
        answer = self.http.post(f"/api/v1/namespaces/{self.namespace}/pods?dryRun=All", json=pod)
        return "" if answer.is_success else answer.text

    @contextlib.contextmanager
    def controller(self) -> Iterator["ControllerProcess"]:
        """Runs a controller as a process, with its own permissions, until the end of the block."""
        with ControllerProcess(self.target, self.kubeconfig) as process:
            yield process


class ControllerProcess:
    """``python -m certs controller``, ended by its id."""

    def __init__(self, target: Target, kubeconfig: Path) -> None:
        flags = {
            "namespace": target.namespace,
            "ca-secret": target.ca_secret,
            "serving-secret": target.serving_secret,
            "configuration": target.configuration,
            "service": target.service,
            "deployment": "webhook-certificates",
            "health-port": "0",
            "kubeconfig": str(kubeconfig),
        }
        self._command = [sys.executable, "-m", "certs", "controller"]
        self._command += [part for name, value in flags.items() for part in (f"--{name}", value)]
        self.lines: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.lines if "reason" in line]

    @property
    def health_url(self) -> str:
        wait_for(lambda: bool(self.said("answering")), "the health endpoint")
        return str(self.said("answering")[0]["url"]).replace("[::]", "127.0.0.1")

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        if self.process.stderr:
            self.process.stderr.close()


class Server:
    """A server that admits every pod, on the Service's address, with the certificate of the serving Secret.

    It acts as the kubelet and the admission service: `load` reads the pair that is in the Secret now. Every second answer
    closes its connection, so that new and persistent connections are in use at all times.
    """

    def __init__(self, cluster: CertificateCluster, folder: Path) -> None:
        self._cluster, self._file = cluster, folder / "pair.pem"
        self._context: SSLContext
        self.served = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write for each answer: a second one would wait for an acknowledgement

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                response = {"uid": review["request"]["uid"], "allowed": True}
                body = json.dumps({**review, "request": None, "response": response}).encode()
                server.served += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if server.served % 2:
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Logs no calls."""

        self._handler = Handler

    def load(self) -> None:
        """Serves new connections with the pair that is in the Secret now."""
        serving = self._cluster.serving
        self._file.touch(mode=0o600)
        self._file.write_bytes(serving["tls.crt"] + serving["tls.key"])
        # A new context: a context in use has no key for a moment while a pair is loaded into it.
        fresh = SSLContext(PROTOCOL_TLS_SERVER)
        fresh.load_cert_chain(self._file)
        self._context = fresh

    def __enter__(self) -> Self:
        self.load()
        server = self

        class TlsServer(ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request: Any, client_address: Any) -> None:
                """Does the handshake in the connection's own thread."""
                with contextlib.suppress(OSError), server._context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)

        self._http = TlsServer((self._cluster.address, PORT), self._handler)
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Traffic:
    """Creates pods without a pause, connects clients that trust only the current caBundle, and keeps the failures."""

    def __init__(self, cluster: CertificateCluster) -> None:
        self._cluster, self._end = cluster, threading.Event()
        calls = [self._cluster.create_pod] * 3 + [self._trust_ca_bundle, self._trust_ca_file]
        self._counts = [0] * len(calls)
        self._threads = [threading.Thread(target=self._run, args=(number, call)) for number, call in enumerate(calls)]
        self.failures: list[str] = []

    def _run(self, number: int, call: Callable[[], str]) -> None:
        while not self._end.is_set():
            failure = call()
            if failure:
                self.failures.append(failure)
            else:
                self._counts[number] += 1

    def _trust_ca_bundle(self) -> str:
        return self._shake_hands(self._cluster.bundles()[0])

    def _trust_ca_file(self) -> str:
        return self._shake_hands(self._cluster.serving["ca.crt"])

    def _shake_hands(self, bundle: bytes) -> str:
        """Connects as a client with Python's strict checks; returns what went wrong, if anything."""
        context = create_default_context(cadata=bundle.decode())
        context.verify_flags |= VERIFY_X509_STRICT
        name = f"webhook.{self._cluster.namespace}.svc"
        try:
            with (
                socket.create_connection((self._cluster.address, PORT)) as plain,
                context.wrap_socket(plain, server_hostname=name),
            ):
                return ""
        except OSError as error:
            return str(error)

    def go_on(self, calls: int = 20) -> None:
        """Returns once each client has received some more answers."""
        goals = [count + calls for count in self._counts]
        wait_for(
            lambda: bool(self.failures) or all(count >= goal for count, goal in zip(self._counts, goals, strict=True)),
            "more calls",
        )

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
