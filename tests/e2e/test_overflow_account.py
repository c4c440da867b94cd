"""The account of the overflow controller on a real API server: what it may do, and what the ValidatingAdmissionPolicy refuses.

Kubernetes serves that kind from 1.30 on. Before, only the account's Roles limit it.
"""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest

from tests.chart.manifests import FULLNAME
from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane
from tests.e2e.release import installed
from webhook.core import names
from webhook.core.opening import opening
from webhook.core.pod import Pod
from webhook.core.profile import compile_profile
from webhook.core.review import Decision, decide_for
from webhook.service.policy_file import parse_policy

pytestmark = pytest.mark.needs("control-plane")

NAME = f"{FULLNAME}-overflow"
EXECUTOR = {names.LAUNCHED_BY_OPERATOR: "true", names.SPARK_ROLE: "executor"}
#: Taints as a policy may have them, and the tolerations that open them.
TAINTS = [
    {"key": "virtual-kubelet.io/provider", "value": "alibabacloud"},
    {"key": "example.org/any", "effect": "NoExecute"},
]
OPENING = [
    {"key": "virtual-kubelet.io/provider", "operator": "Equal", "value": "alibabacloud", "effect": "NoSchedule"},
    {"key": "example.org/any", "operator": "Exists", "effect": "NoExecute"},
]
OWN = {"key": "own", "operator": "Exists", "effect": "NoSchedule"}
POLICY = {"overflow": {}, "virtualNode": {"taints": TAINTS}}
PROFILE = compile_profile(parse_policy(json.dumps(POLICY).encode(), "policy.yaml"), "ecs-then-eci")


@dataclass(frozen=True)
class Account:
    """The controller's account, with a namespace of pods."""

    http: httpx.Client
    control_plane: ControlPlane
    home: str
    """The release's namespace."""
    namespace: str
    """The namespace of the pods."""
    policy: bool
    """Whether the release has the ValidatingAdmissionPolicy."""

    def pod(self, change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
        """Creates a pod that waits, changed as given, and returns its path."""
        pod: dict[str, Any] = {
            "metadata": {
                "generateName": "executor-",
                "labels": {**EXECUTOR, names.OVERFLOW_LABEL: names.WAITING},
                "annotations": {names.PLACEMENT_ANNOTATION: "mode=ecs-then-eci", "own": "kept"},
                "finalizers": ["example.org/kept"],
            },
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [{"name": "spark", "image": "spark:3.5", "env": [{"name": "A", "value": "b"}]}],
                "tolerations": [OWN],
                "activeDeadlineSeconds": 3600,
            },
        }
        change(pod)
        made = self.control_plane.create(f"/api/v1/namespaces/{self.namespace}/pods", pod)
        return f"/api/v1/namespaces/{self.namespace}/pods/{made['metadata']['name']}"

    def patch(self, path: str, operations: list[dict[str, Any]]) -> httpx.Response:
        headers = {"Content-Type": "application/json-patch+json"}
        return self.http.patch(path, content=json.dumps(operations), headers=headers)


@contextmanager
def account(control_plane: ControlPlane, *, everywhere: bool) -> Iterator[Account]:
    """The account of a release that opens pods everywhere, or in the namespace of the account's pods alone."""
    namespace, target = control_plane.create_namespace("placement"), control_plane.create_namespace("spark")
    limited = {} if everywhere else {"namespaces": [target]}
    values = {
        "overflow": {"enabled": True, **limited},
        "policy": {"virtualNode": POLICY["virtualNode"]},
        # Two releases may be there at once.
        "webhook": {"configurationName": f"spark-{namespace}"},
    }
    with installed(control_plane, namespace, values):
        headers = {"Authorization": f"Bearer {control_plane.token(namespace, NAME)}"}
        context = ssl.create_default_context(cafile=control_plane.ca)
        name = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{namespace}-{NAME}"
        policy = control_plane.http.get(name).is_success
        with httpx.Client(base_url=control_plane.url, verify=context, headers=headers, timeout=60) as http:
            found = Account(http, control_plane, namespace, target, policy)
            # The API server follows new rights, and a new policy, a moment later.
            wait_for(lambda: allowed(found, "patch", resource="pods", namespace=target))
            wait_for(lambda: allowed(found, "list", resource="namespaces"))
            if policy:
                wait_for(lambda: found.patch(found.pod(), [label("opened"), label("more", "other")]).is_error)
            yield found
        for pod in control_plane.get(f"/api/v1/namespaces/{target}/pods")["items"]:
            path = f"/api/v1/namespaces/{target}/pods/{pod['metadata']['name']}"
            control_plane.patch(path, {"metadata": {"finalizers": None}})
        control_plane.remove_pods(target)


@pytest.fixture(scope="module")
def everywhere(control_plane: ControlPlane) -> Iterator[Account]:
    """The account of a release that opens pods of every namespace."""
    with account(control_plane, everywhere=True) as found:
        yield found


def label(value: str, key: str = names.OVERFLOW_LABEL) -> dict[str, Any]:
    return {"op": "add", "path": f"/metadata/labels/{key.replace('/', '~1')}", "value": value}


def annotation(value: str, key: str = names.PLACEMENT_ANNOTATION) -> dict[str, Any]:
    return {"op": "add", "path": f"/metadata/annotations/{key.replace('/', '~1')}", "value": value}


def toleration(**changes: Any) -> dict[str, Any]:
    return {"op": "add", "path": "/spec/tolerations/-", "value": {**OPENING[0], **changes}}


#: What the controller does.
OPEN = [
    *({"op": "add", "path": "/spec/tolerations/-", "value": one} for one in OPENING),
    label(names.OPENED),
    annotation("mode=ecs-then-eci,opened"),
]
#: What the account must not do beside it, although a plain update may.
ILLEGAL: dict[str, list[dict[str, Any]]] = {
    "another image": [{"op": "replace", "path": "/spec/containers/0/image", "value": "evil"}],
    "a shorter deadline": [{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 1}],
    "a toleration of another taint": [toleration(key="node-role.kubernetes.io/control-plane")],
    "a toleration of every taint": [
        {"op": "add", "path": "/spec/tolerations/-", "value": {"operator": "Exists"}},
    ],
    "another operator": [
        {"op": "add", "path": "/spec/tolerations/-", "value": {**OPENING[0], "operator": "Exists", "value": ""}}
    ],
    "another effect": [toleration(effect="NoExecute")],
    "another value": [toleration(value="other")],
    "a toleration for a time": [
        {"op": "add", "path": "/spec/tolerations/-", "value": {**OPENING[1], "tolerationSeconds": 9}},
    ],
    "a label more": [label("x", "team")],
    "another label": [label("driver", names.SPARK_ROLE)],
    "a label less": [{"op": "remove", "path": f"/metadata/labels/{names.SPARK_ROLE}"}],
    "an annotation more": [annotation("x", "more")],
    "another annotation": [annotation("x", "own")],
    "an annotation less": [{"op": "remove", "path": "/metadata/annotations/own"}],
    "a finalizer more": [{"op": "add", "path": "/metadata/finalizers/-", "value": "example.org/more"}],
    "a finalizer less": [{"op": "remove", "path": "/metadata/finalizers"}],
    "an owner": [
        {
            "op": "add",
            "path": "/metadata/ownerReferences",
            "value": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}],
        }
    ],
    "the label still waiting": [label(names.WAITING)],
    "another value of the label": [label("done")],
    "no label": [{"op": "remove", "path": f"/metadata/labels/{names.OVERFLOW_LABEL.replace('/', '~1')}"}],
    "no labels": [{"op": "remove", "path": "/metadata/labels"}],
}


def test_the_policy_is_there_exactly_if_the_api_server_serves_its_kind(everywhere: Account) -> None:
    control_plane = everywhere.control_plane
    served = control_plane.serves("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
    assert everywhere.policy is served is control_plane.version.serves_validating_admission_policies


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda pod: pod["spec"].pop("tolerations"),
        lambda pod: pod["metadata"].pop("annotations"),
        lambda pod: pod["metadata"]["annotations"].pop("own"),
        lambda pod: pod["spec"]["tolerations"].append(OPENING[1]),
        lambda pod: pod["spec"]["containers"][0].update(
            env=[{"name": f"E{index}", "value": "x" * 100} for index in range(4000)]
        ),
        lambda pod: pod["metadata"]["annotations"].update({f"a{index}": "x" * 1000 for index in range(240)}),
    ],
    ids=["plain", "no tolerations", "no annotations", "one annotation", "one toleration", "large", "long annotations"],
)
def test_it_opens_a_pod_that_waits(everywhere: Account, change: Callable[[dict[str, Any]], object]) -> None:
    path = everywhere.pod(change)
    answer = everywhere.http.get(path)
    before, pod = answer.json(), msgspec.json.decode(answer.content, type=Pod)
    decision = decide_for(pod, everywhere.namespace, PROFILE)
    assert isinstance(decision, Decision)
    operations = opening(pod, before["metadata"]["resourceVersion"], decision.placement)
    answer = everywhere.patch(path, msgspec.to_builtins(operations))
    assert answer.is_success, answer.text
    after = answer.json()
    tolerations = before["spec"].get("tolerations", [])
    added = [one for one in OPENING if one not in tolerations]
    assert after["spec"] == before["spec"] | {"tolerations": [*tolerations, *added]}
    assert after["metadata"]["labels"][names.OVERFLOW_LABEL] == names.OPENED


@pytest.mark.parametrize("kind", ILLEGAL)
def test_it_does_nothing_else_beside_it(everywhere: Account, kind: str) -> None:
    """Where there is no such policy, its Role lets it do all of this, as the threat model says."""
    path = everywhere.pod()
    before = everywhere.http.get(path).json()
    answer = everywhere.patch(path, [*OPEN, *ILLEGAL[kind]])
    if everywhere.policy:
        assert (answer.status_code, "the overflow controller" in answer.text) == (403, True), answer.text
        assert everywhere.http.get(path).json() == before
    else:
        assert answer.is_success, answer.text


@pytest.mark.parametrize("value", [None, names.OPENED, "done"])
def test_it_opens_no_pod_that_does_not_wait(everywhere: Account, value: str | None) -> None:
    labels = {names.OVERFLOW_LABEL: value} if value else {}
    path = everywhere.pod(lambda pod: pod["metadata"].update(labels=EXECUTOR | labels))
    answer = everywhere.patch(path, OPEN)
    assert answer.is_success is not everywhere.policy, answer.text


def test_others_change_pods_as_before(everywhere: Account) -> None:
    body = {"metadata": {"labels": {"team": "etl", names.OVERFLOW_LABEL: None}}}
    assert everywhere.control_plane.patch(everywhere.pod(), body)["metadata"]["labels"]["team"] == "etl"


def test_it_has_the_rights_that_it_needs_and_no_other(everywhere: Account) -> None:
    assert rights(everywhere, everywhere.namespace) == NEEDED
    assert rights(everywhere, "default") == NEEDED


def test_its_rights_to_pods_can_end_at_namespaces(control_plane: ControlPlane) -> None:
    with account(control_plane, everywhere=False) as limited:
        assert rights(limited, limited.namespace) == NEEDED
        assert rights(limited, "default") == {"list namespaces", "watch namespaces"}


def test_it_keeps_one_lease_in_the_releases_namespace(everywhere: Account) -> None:
    lease = {"group": "coordination.k8s.io", "resource": "leases"}
    asked = [(verb, name) for verb in VERBS for name in (NAME, "other", "")]
    for namespace, expected in (
        (everywhere.home, {("get", NAME), ("update", NAME), ("create", NAME), ("create", "other"), ("create", "")}),
        (everywhere.namespace, set()),
    ):
        found = {
            (verb, name) for verb, name in asked if allowed(everywhere, verb, name=name, namespace=namespace, **lease)
        }
        assert found == expected


VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
#: What the account needs, and what it could be given by mistake.
KINDS = (
    "pods",
    *(f"pods/{one}" for one in ("status", "binding", "eviction", "exec")),
    "namespaces",
    "events",
    "secrets",
)
NEEDED = {
    *(f"{verb} pods" for verb in ("get", "list", "watch", "patch")),
    *(f"{verb} namespaces" for verb in ("list", "watch")),
    "create events",
}


def rights(account: Account, namespace: str) -> set[str]:
    found = set()
    for kind in KINDS:
        resource, _, subresource = kind.partition("/")
        attributes = {"resource": resource, "subresource": subresource, "namespace": namespace}
        found |= {f"{verb} {kind}" for verb in VERBS if allowed(account, verb, **attributes)}
    return found


def allowed(account: Account, verb: str, **attributes: str) -> bool:
    """Whether the account may do this, as the API server says."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, **attributes}},
    }
    answer = account.http.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    return bool(answer.json()["status"]["allowed"])
