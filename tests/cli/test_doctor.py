"""What `doctor` says about objects as an API server stores them; tests/e2e/test_doctor.py uses a real one."""

import dataclasses
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import yaml

from certs.authority import KeyPair, issue, new_authority
from certs.cluster import Cluster
from certs.cluster_errors import ClusterError, ForbiddenError, NotFoundError
from certs.material import pem_files
from certs.server import Handshake
from tests.certs.stand_in import StandIn
from tests.chart.manifests import FULLNAME, NAMESPACE, render
from tests.cli.conftest import ROOT, Run
from tests.overlays import ABSENT, overlaid
from tests.pods import BUILT_IN_MODES
from tests.virtual_node import TAINT
from webhook.cli.doctor.examination import judge
from webhook.cli.doctor.finding import Finding, Unknown
from webhook.cli.doctor.service import Contact, ProbeAnswer, call_service
from webhook.cli.doctor.snapshot import Installation, read_snapshot
from webhook.cli.live.installation import UNLABELLED
from webhook.core.policy import Policy
from webhook.overflow.lease import LABELS
from webhook.service.policy_file import parse_policy

JSON = dict[str, Any]
NOW: Final = datetime(2026, 9, 1, 12, tzinfo=UTC)
WITHIN: Final = f"--namespace {NAMESPACE}"
CONFIGURATIONS: Final = "mutatingwebhookconfigurations"
OURS: Final = f"{CONFIGURATIONS}/spark-placement"
INSIDE: Final = f"namespaces/{NAMESPACE}"
SECRET, ENDPOINTS = f"{INSIDE}/secrets/{FULLNAME}-tls", f"{INSIDE}/endpoints/{FULLNAME}"
SERVICE, POLICY = f"{INSIDE}/services/{FULLNAME}", f"{INSIDE}/configmaps/{FULLNAME}-policy"
DEPLOYMENT, CONTROLLER = (f"{INSIDE}/deployments/{FULLNAME}{end}" for end in ("", "-certificate-controller"))
ETL, STRICT, VIRTUAL = "namespaces/etl", "namespaces/strict", "nodes/virtual"
POLICIES, CONNECTS = f"{STRICT}/resourcepolicies", f"{STRICT}/sparkconnects"
PROFILE, LAUNCHED = "spark-eci-webhook/profile", "sparkoperator.k8s.io/launched-by-spark-operator"
SUBMISSION, APP = "sparkoperator.k8s.io/submission-id", "sparkoperator.k8s.io/app-name"
OVERFLOW, LEASE, HOLDER = "spark-eci-webhook/overflow", f"{FULLNAME}-overflow", "overflow-1_0c"
LEASES, WAITING = f"{INSIDE}/leases", f"{ETL}/pods/waiting"
ECI, ACS = "alibabacloud.com/eci", "alibabacloud.com/acs"
ARM: Final = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}
DENIED: Final = ForbiddenError("could not get it", 403, reason="no such right")

AUTHORITY: Final = new_authority(NOW)
STRANGER: Final = new_authority(NOW - timedelta(days=100))
HOST: Final = f"{FULLNAME}.{NAMESPACE}.svc"
PAIR, OTHER = issue(AUTHORITY, [HOST], NOW), issue(STRANGER, [HOST], NOW)
FORWARD, PROXY = "through a port-forward to the pod webhook-0", "through the API server's proxy"
RECORD: Final = f"mode=ecs-first,profile=default,policy={Policy().digest}"
CONTACT: Final = Contact(FORWARD, Handshake(PAIR.certificate_pem, ""), ProbeAnswer(PROXY, RECORD))


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def secret(pair: KeyPair, *authorities: KeyPair) -> JSON:
    files = pem_files(pair, [one.certificate for one in authorities])
    return {"data": {name: base64(content) for name, content in files.items()}}


def namespace(profile: str = "") -> JSON:
    fields: JSON = {"f:metadata": {"f:labels": {".": {}, f"f:{PROFILE}": {}}}}
    managed = {"manager": "kubectl", "time": "2026-08-02T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {"metadata": {"labels": {PROFILE: profile}, "managedFields": [managed]} if profile else {}}


def pod(created: str, record: str | None = None, phase: str = "Running", **labels: str) -> Any:
    """An executor as the API server sent it for review, now stored."""
    review = json.loads((ROOT / "tests/reviews/spark-3.5.2-executor-1.json").read_text(encoding="utf-8"))
    annotations = {"spark-eci-webhook/placement": record} if record else {}
    metadata = {"creationTimestamp": f"{created}T00:00:00Z", "labels": labels, "annotations": annotations}
    return overlaid(review["request"]["object"], {"metadata": metadata, "status": {"phase": phase}})


def waiting(label: str = "waiting", **spec: str) -> Any:
    """An executor in the mode ecs-then-eci that has no node."""
    found = pod("2026-08-03", RECORD, phase="Pending", **{OVERFLOW: label})
    return overlaid(found, {"spec": spec})


def lease(digest: str, age: float = 2, holder: str = HOLDER, *, name: str = LEASE) -> JSON:
    """A Lease that its holder renewed `age` seconds ago, as the overflow controller writes it."""
    metadata = {"labels": LABELS, "annotations": {"spark-eci-webhook/policy": digest}}
    renewed = f"{NOW - timedelta(seconds=age):%Y-%m-%dT%H:%M:%S.%fZ}"
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 13, "renewTime": renewed}
    return {f"{INSIDE}/leases/{name}": {"metadata": metadata, "spec": spec}}


def node(kind: str | None, *taints: dict[str, str]) -> JSON:
    return {"metadata": {"labels": {"type": kind} if kind else {}}, "spec": {"taints": list(taints)} if taints else {}}


def resource_policy(selector: dict[str, str], *keys: str) -> JSON:
    return {"spec": {"strategy": "prefer", "selector": selector, "matchLabelKeys": list(keys)}}


def others(*configured: str, entry: str = "sidecars.example.org", **rule: list[str]) -> JSON:
    """Configurations of others, which change new pods unless `rule` says otherwise."""
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]} | rule]
    webhook = {"name": entry, "clientConfig": {"url": "https://127.0.0.1/"}, "rules": rules}
    return {f"{CONFIGURATIONS}/{name}": {"webhooks": [webhook]} for name in configured}


def objects() -> JSON:
    """An installation without faults: each object by its path below the API's version."""
    chart = render()
    configured = chart.one("MutatingWebhookConfiguration", "spark-placement")
    bundle = {"clientConfig": {"caBundle": base64(AUTHORITY.certificate_pem)}}
    release = {"meta.helm.sh/release-name": "placing", "meta.helm.sh/release-namespace": NAMESPACE}
    metadata = configured["metadata"] | {"creationTimestamp": "2026-08-01T00:00:00Z", "annotations": release}
    return {
        OURS: {"metadata": metadata, "webhooks": [overlaid(one, bundle) for one in configured["webhooks"]]},
        SERVICE: chart.one("Service"),
        POLICY: chart.one("ConfigMap", f"{FULLNAME}-policy"),
        DEPLOYMENT: chart.one("Deployment"),
        CONTROLLER: chart.one("Deployment", f"{FULLNAME}-certificate-controller"),
        ENDPOINTS: {"subsets": [{"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}, {"notReadyAddresses": []}]},
        SECRET: secret(PAIR, AUTHORITY),
        ETL: namespace("default"),
        STRICT: namespace("resource-policy"),
        "namespaces/plain": namespace(),
        **{f"{ETL}/pods/pi-{number}": pod("2026-08-03", RECORD) for number in range(3)},
        f"{ETL}/pods/ended": pod("2026-08-03", phase="Succeeded"),
        "nodes/ecs": node(None),
        VIRTUAL: node("virtual-kubelet", TAINT),
        f"{POLICIES}/counting": resource_policy({LAUNCHED: "true"}, SUBMISSION),
    }


OBJECTS: Final = objects()


class Stored(Cluster):
    """Serves objects, two on a page; if there is an error at a path, raises it."""

    def __init__(self, objects: JSON) -> None:
        super().__init__(None)
        self.objects = objects

    def _request(self, method: str, path: str, query: Any, body: Any = None, what: str = "") -> Any:
        assert (method == "POST", what) == (body is not None, "")
        path = re.sub("^/(api|apis/[^/]+)/[^/]+/", "", path)
        parent, _, name = path.rpartition("/")
        if isinstance(found := self.objects.get(path), ClusterError):
            raise found
        if found is not None:
            return self.named(path)
        if path.count("/") % 2:
            raise NotFoundError("could not get it", 404, reason=f'{parent.rpartition("/")[2]} "{name}" not found')
        within = f"^{path if '/' in path else f'(namespaces/[^/]+/)?{path}'}/[^/]+$"
        paths = sorted(one for one in self.objects if re.match(within, one))
        kept = [one for one in map(self.named, paths) if selected(one, query)]
        start = int(query.get("continue", 0))
        return {"items": kept[start : start + 2], "metadata": {"continue": str(start + 2) if kept[start + 2 :] else ""}}

    @contextmanager
    def opened(self, what: str, method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> Iterator[Any]:
        assert what
        content = json.dumps(self._request(method, path, query, body)).encode()
        yield SimpleNamespace(headers={"Date": format_datetime(NOW, usegmt=True)}, read=BytesIO(content).read)

    def named(self, path: str) -> Any:
        *_, inside, _, name = ["", "", *path.split("/")]
        return overlaid(self.objects[path], {"metadata": {"name": name, **({"namespace": inside} if inside else {})}})


def selected(stored: JSON, query: Any) -> bool:
    labels, phase = stored["metadata"].get("labels") or {}, stored.get("status", {}).get("phase")
    fields = query.get("fieldSelector", "")
    if fields.startswith("spec.nodeName=,") and (stored["spec"].get("nodeName") or phase != "Pending"):
        return False
    wanted = [one.partition("=") for one in query.get("labelSelector", "").split(",") if one]
    right = all(labels.get(key) == value if sign else key in labels for key, sign, value in wanted)
    return right and f"status.phase!={phase}" not in fields


def findings(overlay: JSON) -> list[Finding]:
    """The findings. `overlay` changes the objects, and may also contain `contact` and the namespace `only`."""
    objects = overlaid(OBJECTS, {key: value for key, value in overlay.items() if key not in ("contact", "only")})
    changes = overlay.get("contact", {})
    contact = None if changes is None else dataclasses.replace(CONTACT, **changes)
    return judge(read_snapshot(Stored(objects), overlay.get("only")), contact, NOW)


def doctor(overlay: JSON) -> list[str]:
    """The findings as text."""
    found = findings(overlay)
    assert all(bool(one.fix) is (one.level != "ok") for one in found)
    return [f"{one.level} {one.check}: {one.sentence}{' | ' if one.fix else ''}{one.fix}" for one in found]


PROFILES: Final = ", ".join(sorted(["default", *BUILT_IN_MODES]))
TAINTED: Final = "virtual-kubelet.io/provider=alibabacloud:NoSchedule"
WELL: Final = [
    f"ok configuration: spark-placement has the profiles {PROFILES}",
    "ok order: spark-placement is called last",
    "ok certificates: caBundle, Secret and service certificate match, valid for 90 days, until 2026-11-30 12:00 UTC",
    f"ok service: 2 ready; answered a review {PROXY}: {RECORD}",
    "ok namespaces: opted in: etl (default), strict (resource-policy)",
    f"ok outranked: no namespace and no Spark pod has a label {ECI} or {ACS} of its own",
    "ok pods: 3 running Spark pods have a placement",
    f"ok virtual nodes: nodes with the label type=virtual-kubelet and the taint {TAINTED}: virtual",
    "ok ResourcePolicies: strict has counting",
]


def check(line: str) -> str:
    return line.partition(" ")[2].partition(":")[0]


def expected(*found: str) -> list[str]:
    """`WELL`, with the lines of `found` in place of their check's, or after a `+` before it; `none` removes it.

    Lines of other checks come last.
    """
    lines = []
    for well in WELL:
        own = [line for line in found if check(line) == check(well)]
        lines += [line.removeprefix("+") for line in own if not line.startswith("none ")]
        lines += [] if own and own[0][0] != "+" else [well]
    known = {check(well) for well in WELL}
    return [*lines, *(line for line in found if check(line) not in known)]


def entries(change: JSON, only: str = "") -> JSON:
    """The configuration with `change` applied to all its entries, or to those whose names begin with `only`."""
    found = OBJECTS[OURS]["webhooks"]
    return {OURS: {"webhooks": [overlaid(one, change) if one["name"].startswith(only) else one for one in found]}}


def bundle(pem: bytes, only: str = "") -> JSON:
    return entries({"clientConfig": {"caBundle": base64(pem)}}, only)


def configured(**webhook: str) -> list[JSON]:
    """The entries of the chart for these values of `webhook`."""
    chart = render({"webhook": webhook})
    bundle = {"clientConfig": {"caBundle": base64(AUTHORITY.certificate_pem)}}
    entries = chart.one("MutatingWebhookConfiguration", "spark-placement")["webhooks"]
    return [overlaid(one, bundle) for one in entries]


def by_default(profile: str, **webhook: str) -> JSON:
    """The configuration with an entry for namespaces without the label, written on the 4th."""
    fields: JSON = {"f:webhooks": {f'k:{{"name":"{UNLABELLED}"}}': {".": {}, "f:clientConfig": {}}}}
    managed = {"manager": "helm", "time": "2026-08-04T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {OURS: {"metadata": {"managedFields": [managed]}, "webhooks": configured(defaultProfile=profile, **webhook)}}


def policy(content: JSON) -> JSON:
    return {POLICY: {"data": {"policy.yaml": json.dumps(content)}}}


def digest(content: JSON) -> str:
    return parse_policy(json.dumps(content).encode(), "policy.yaml").digest


def not_in_force(content: JSON) -> str:
    return f"warning service: the service answers {PROXY} with policy {Policy().digest}, but the ConfigMap has {digest(content)} | kubectl rollout status deployment/{FULLNAME} {WITHIN}"


def presented(pair: KeyPair, fault: str = "") -> JSON:
    return {"handshake": Handshake(pair.certificate_pem, fault)}


def renewed(days: int) -> JSON:
    """A certificate that was issued `days` days ago, in the Secret, trusted and presented."""
    pair = issue(STRANGER, [HOST], NOW - timedelta(days=days))
    both = AUTHORITY.certificate_pem + STRANGER.certificate_pem
    return {**bundle(both), SECRET: secret(pair, AUTHORITY, STRANGER), "contact": presented(pair)}


INSTALL = "helm install spark-eci-webhook charts/spark-eci-webhook --namespace spark-eci-webhook --create-namespace"
UPGRADE: Final = f"helm upgrade placing charts/spark-eci-webhook {WITHIN} --reuse-values"
RENAME: Final = f"which may overwrite the placement | {UPGRADE} --set webhook.configurationName"
LOGS: Final = f"kubectl logs deployment/{FULLNAME}-certificate-controller --tail 50 {WITHIN}"
RESTART: Final = f"kubectl rollout restart deployment/{FULLNAME} {WITHIN}"
DESCRIBE: Final = f"kubectl describe pods {WITHIN}"
STORED: Final = f"the Secret {NAMESPACE}/{FULLNAME}-tls"
NO_BUNDLE: Final = "fault certificates: no caBundle in default.spark-eci-webhook.io of spark-placement, so the API server cannot trust the service"
SINCE: Final = f"kubectl logs deployment/{FULLNAME} --since-time 2026-08-0{{}}T00:00:00Z {WITHIN}"
UNASKED: Final = "fault pods: pods without a placement in strict, probably because the webhook was not reached when they were created"
WRITE: Final = "spark-eci-webhook resource-policy --namespace strict --ecs-max 10 | kubectl apply -f -"
NO_NODE: Final = "virtual nodes: no node has the label type=virtual-kubelet"
GET_NODES: Final = "kubectl get nodes --selector type=virtual-kubelet"
TWO_TAINTS: Final = {"virtualNode": {"taints": [{"key": "vnode"}, ARM]}}
MIX: Final = [{"percent": 50, "mode": "resource-policy"}, {"percent": 50, "mode": "ecs-only"}]
MIXED: Final = {"executor": {"observe": True, "mix": MIX}}
LEAVING: Final = {"profiles": {"default": {"executor": {"rollout": 0}}, "resource-policy": MIXED}}
ON_ACS: Final = {
    "profiles": {
        "default": {"executor": {"mode": "eci-only", "labels": {ACS: "true"}}},
        "resource-policy": {"executor": {"mode": "resource-policy"}},
    }
}
#: No pods, because the others are of another kind.
LEFT_ALONE: Final = {f"{ETL}/pods/pi-{number}": ABSENT for number in range(3)}


def kinds(*alternatives: str) -> JSON:
    """The built-in policy for other alternatives."""
    return dict(yaml.safe_load(f"selector: {{anyOf: [{', '.join(alternatives)}]}}"))


OVERFLOWING: Final = {
    "overflow": {},
    "profiles": {
        "default": {"executor": {"mode": "ecs-then-eci"}},
        "resource-policy": {"executor": {"mode": "resource-policy"}},
    },
}
#: The policy OVERFLOWING, in force.
IN_FORCE: Final = {
    **policy(OVERFLOWING),
    "contact": {"answer": ProbeAnswer(PROXY, f"mode=ecs-then-eci,profile=default,policy={digest(OVERFLOWING)}")},
}
ANSWERED: Final = (
    f"ok service: 2 ready; answered a review {PROXY}: mode=ecs-then-eci,profile=default,policy={digest(OVERFLOWING)}"
)
DESCRIBE_OVERFLOW: Final = f"kubectl describe pods --selector app.kubernetes.io/component=overflow {WITHIN}"
UNKNOWN: Final = Unknown("it", "x" * 500, "kubectl get it")
UNCHECKED: Final = f"it could not be checked: {'x' * 399}… | kubectl get it"
MANY: Final = [f"odd-{number:02}" for number in range(60)]
POLICY_UNSEEN: Final = f"service: the policy could not be checked: no such right | kubectl auth can-i get configmap/{FULLNAME}-policy {WITHIN}"
#: With a default profile, of the namespaces of OBJECTS.
BY_DEFAULT: Final = "ok namespaces: without the label, and so placed by the default profile default: plain"
PUBLIC: Final = "namespaces/kube-public"
NO_INSTALLATION: Final = ("none order", "none certificates", "none service", "none pods")
OPERATOR: Final = "mutate--v1-pod.sparkoperator.k8s.io"
URLS: Final = [
    overlaid(one, {"clientConfig": {"service": ABSENT, "url": f"https://a{one['clientConfig']['service']['path']}"}})
    for one in OBJECTS[OURS]["webhooks"]
]

# fmt: off
#: What differs from an installation without faults, and the lines of the output that differ.
CASES: Final[dict[str, tuple[Any, ...]]] = {
    "nothing is wrong": ({},),
    "no configuration": ({OURS: ABSENT}, *NO_INSTALLATION,
        f"fault configuration: this webhook has no MutatingWebhookConfiguration, so no pod is placed | {INSTALL}",
        f'fault namespaces: etl: unknown profile "default": no MutatingWebhookConfiguration of this webhook has a profile | {INSTALL}',
        f'fault namespaces: strict: unknown profile "resource-policy": no MutatingWebhookConfiguration of this webhook has a profile | {INSTALL}'),
    "no right to see configurations": ({CONFIGURATIONS: DENIED}, *NO_INSTALLATION,
        f"warning configuration: the webhook configurations could not be checked: no such right | kubectl auth can-i list {CONFIGURATIONS}",
        f"warning namespaces: opted in: etl (default), strict (resource-policy); their profiles could not be checked: no such right | kubectl auth can-i list {CONFIGURATIONS}"),
    "objects of the installation that may not be seen or do not exist": (dict.fromkeys((SERVICE, DEPLOYMENT, POLICY, ENDPOINTS, CONNECTS), DENIED) | {SECRET: ABSENT},
        f'warning certificates: the Secret {FULLNAME}-tls could not be checked: secrets "{FULLNAME}-tls" not found | kubectl auth can-i get secret/{FULLNAME}-tls {WITHIN}',
        f"warning service: the Service's endpoints could not be checked: no such right | kubectl auth can-i get endpoints {WITHIN}",
        f"warning {POLICY_UNSEEN}",
        f"ok service: answered a review {PROXY}: {RECORD}",
        "warning ResourcePolicies: the SparkConnects of strict could not be checked: no such right | kubectl auth can-i list sparkconnects --namespace strict"),
    "no right to see nodes, pods and ResourcePolicies": ({"nodes": DENIED, f"{ETL}/pods": DENIED, POLICIES: DENIED},
        "warning pods: the pods of etl could not be checked: no such right | kubectl auth can-i list pods --namespace etl",
        "warning virtual nodes: the nodes could not be checked: no such right | kubectl auth can-i list nodes",
        "warning ResourcePolicies: the ResourcePolicies of strict could not be checked: no such right | kubectl auth can-i list resourcepolicies --namespace strict"),
    "no right to see namespaces": ({"namespaces": DENIED, VIRTUAL: ABSENT}, "none outranked", "none pods", "none ResourcePolicies",
        "warning namespaces: the namespaces could not be checked: no such right | kubectl auth can-i list namespaces",
        f"warning {NO_NODE} | {GET_NODES}"),
    "no namespace opted in": ({ETL: ABSENT, STRICT: ABSENT}, "none outranked", "none pods", "none ResourcePolicies",
        f"warning namespaces: no namespace opted in, so no pod is placed | kubectl label namespace NAMESPACE {PROFILE}=default"),
    "only one namespace is checked": ({"only": "etl"},
        "ok namespaces: opted in: etl (default)", "none ResourcePolicies"),
    "the one namespace did not opt in": ({"only": "plain"}, "none pods", "none ResourcePolicies",
        f"warning namespaces: plain has no label {PROFILE}, so its pods are not placed | kubectl label namespace plain {PROFILE}=default"),
    "a namespace opted out": ({ETL: namespace("none")}, "none pods",
        "ok namespaces: opted in: strict (resource-policy)", "ok namespaces: opted out: etl"),
    "all namespaces opted out": ({ETL: namespace("none"), STRICT: namespace("none")}, "none pods", "none ResourcePolicies",
        f"warning namespaces: no namespace opted in, so no pod is placed | kubectl label namespace NAMESPACE {PROFILE}=default",
        "ok namespaces: opted out: etl, strict"),
    "the one namespace opted out": ({ETL: namespace("none"), "only": "etl"}, "none pods", "none ResourcePolicies", "ok namespaces: opted out: etl"),
    "a default profile": ({**by_default("default"), PUBLIC: namespace(), INSIDE: namespace(), "namespaces/plain/pods/a": pod("2026-08-05", RECORD)},
        WELL[4], BY_DEFAULT, "ok pods: 4 running Spark pods have a placement"),
    "a default profile, and namespaces of all other kinds": ({**by_default("default"), ETL: ABSENT, STRICT: namespace("none"), PUBLIC: namespace("typo")},
        f'fault namespaces: kube-public: unknown profile "typo"; accepted: {PROFILES} | kubectl label namespace kube-public {PROFILE}=default --overwrite',
        BY_DEFAULT, "ok namespaces: opted out: strict", "none pods", "none ResourcePolicies"),
    "no namespace but a default profile": ({**by_default("default"), ETL: ABSENT, STRICT: ABSENT}, BY_DEFAULT, "none pods", "none ResourcePolicies"),
    "the one namespace is placed by default": ({**by_default("default"), "only": "plain"}, BY_DEFAULT, "none pods", "none ResourcePolicies"),
    "the default profile does not apply to the one namespace": ({**by_default("default"), PUBLIC: namespace(), "only": "kube-public"}, "none pods", "none ResourcePolicies",
        f"warning namespaces: kube-public has no label {PROFILE}, so its pods are not placed | kubectl label namespace kube-public {PROFILE}=default"),
    "pods that the default profile should have placed": ({**by_default("default"), "namespaces/plain/pods/old": pod("2026-08-03"), "namespaces/plain/pods/new": pod("2026-08-05")},
        WELL[4], BY_DEFAULT,
        "warning pods: pods without a placement in plain, probably older than the opt-in or the policy: old | kubectl get pods --namespace plain --selector spark-role --watch",
        f"fault pods: pods without a placement in plain, probably because the webhook was not reached when they were created (failurePolicy Ignore lets such pods pass): new | {SINCE.format(4)}",
        WELL[6]),
    "the same, and pods of a namespace with the label, under failurePolicy Fail": ({**by_default("default", failurePolicy="Fail"), "namespaces/plain/pods/new": pod("2026-08-05"), f"{STRICT}/pods/young": pod("2026-08-03")},
        WELL[4], BY_DEFAULT,
        f"fault pods: pods without a placement in plain, probably because the webhook was not reached when they were created (failurePolicy Ignore lets such pods pass): new | {SINCE.format(4)}",
        f"{UNASKED}: young | {SINCE.format(2)}",
        WELL[6]),
    "a default profile that needs ResourcePolicies": ({**by_default("resource-policy"), PUBLIC: namespace(), "namespaces/idle": namespace(), "namespaces/plain/pods/a": pod("2026-08-05", RECORD)},
        WELL[4], BY_DEFAULT.replace("profile default", "profile resource-policy").replace("plain", "idle, plain"), "ok pods: 4 running Spark pods have a placement",
        "fault ResourcePolicies: plain needs a ResourcePolicy, but has none | spark-eci-webhook resource-policy --namespace plain --ecs-max 10 | kubectl apply -f -", WELL[8]),
    "a default profile, and no right to see the pods of all namespaces": ({**by_default("default"), "pods": DENIED, "namespaces/other": namespace()},
        WELL[4], BY_DEFAULT.replace("plain", "other, plain"),
        "warning pods: the Spark pods could not be checked: no such right | kubectl auth can-i list pods --all-namespaces", WELL[6]),
    "three configurations of this webhook": (others("x-2", "x-3", entry="default.spark-eci-webhook.io"),
        f"warning configuration: spark-placement has the profiles {PROFILES}, but the same pods are placed by x-2, x-3 | kubectl delete mutatingwebhookconfiguration x-2 x-3"),
    "the operator is called before and ACK after": (others("spark-operator", entry=OPERATOR) | others("vk-webhook"),
        "ok order: spark-placement is called last, after spark-operator"),
    "the operator is called after": (others("spark-z", entry=OPERATOR),
        f"fault order: spark-placement is called before spark-z, {RENAME}=spark-z-spark-placement"),
    "others are called after": (others("a", "zy", "zz"),
        f"warning order: spark-placement is called before zy, zz, {RENAME}=zz-spark-placement"),
    "others change no new pods": (others("zx", apiGroups=["apps"]) | others("zy", resources=["services"]) | others("zz", operations=["UPDATE"]),),
    "ACK is called before": ({OURS: ABSENT, f"{CONFIGURATIONS}/zz": OBJECTS[OURS], **others("vk-webhook", resources=["*/*"])},
        f"ok configuration: zz has the profiles {PROFILES}",
        f"warning order: zz is called after vk-webhook, which therefore does not see the placement | {UPGRADE} --set webhook.configurationName=spark-placement"),
    "an entry is called once": (entries({"reinvocationPolicy": "Never"}, "eci-only"),
        "warning order: not called again if a later webhook changes the pod: eci-only.spark-eci-webhook.io | kubectl edit mutatingwebhookconfiguration spark-placement"),
    "URLs instead of the Service": ({OURS: {"webhooks": URLS}, "contact": None},
        "none certificates", "warning service: spark-placement calls a URL instead of a Service, so the service and its certificate were not checked | kubectl describe mutatingwebhookconfiguration spark-placement"),
    "no caBundle, and a certificate controller": (bundle(b"", "default"), f"{NO_BUNDLE} | {LOGS}"),
    "no caBundle, and cert-manager": (overlaid(bundle(b"", "default"), {OURS: {"metadata": {"annotations": {"cert-manager.io/inject-ca-from": "a/b"}}}}),
        f"{NO_BUNDLE} | kubectl describe certificate b --namespace a"),
    "no caBundle, and a Secret made by hand": ({**bundle(b"", "default"), CONTROLLER: ABSENT, SECRET: {"data": {"tls.key": ABSENT}}},
        f"{NO_BUNDLE} | {UPGRADE} --set-file certificates.provided.caBundle=ca.crt",
        f"fault certificates: {STORED}: tls.key is missing | kubectl create secret tls {FULLNAME}-tls {WITHIN} --cert tls.crt --key tls.key --dry-run=client -o yaml | kubectl apply -f -"),
    "a caBundle that is not a certificate": ({**bundle(b"rubbish"), CONTROLLER: DENIED},
        f"fault certificates: a caBundle of spark-placement holds no readable PEM certificate | {LOGS}"),
    "another caBundle in one entry": (bundle(STRANGER.certificate_pem, "unknown-profile"),
        f"fault certificates: the entries of spark-placement have different caBundles | {LOGS}"),
    "the caBundle of a stranger": ({**bundle(STRANGER.certificate_pem), "contact": presented(PAIR, "unable to get local issuer certificate")},
        f"fault certificates: {STORED}: tls.crt is not signed by any certificate of the caBundle, but by {AUTHORITY.certificate.subject.rfc4514_string()} | {LOGS}",
        f"fault certificates: the service, reached {FORWARD}, presents a certificate that the caBundle does not trust: unable to get local issuer certificate | {RESTART}"),
    "the key of another certificate": ({SECRET: {"data": {"tls.key": base64(OTHER.key_pem)}}},
        f"fault certificates: {STORED}: tls.key does not belong to tls.crt | {LOGS}"),
    "an expired certificate": (renewed(91),
        f"fault certificates: {STORED}: tls.crt expired on 2026-08-31 12:00 UTC | {LOGS}"),
    "a certificate that was not renewed": (renewed(80),
        f"warning certificates: {STORED}: tls.crt expires in 10 days and was not renewed | {LOGS}"),
    "another certificate than the Secret's": ({"contact": presented(OTHER)},
        f"warning certificates: the service, reached {FORWARD}, does not present the certificate in the Secret {FULLNAME}-tls; after a change, loading it takes up to two minutes | {RESTART}"),
    "no contact": ({"contact": {"handshake": UNKNOWN, "answer": UNKNOWN}},
        f"warning certificates: {UNCHECKED}", f"warning service: {UNCHECKED}"),
    "no endpoint": ({ENDPOINTS: {"subsets": ABSENT}, "contact": {"answer": None}},
        f"fault service: the Service {NAMESPACE}/{FULLNAME} has no ready endpoint | {DESCRIBE}"),
    "no answer": ({"contact": {"answer": f"{PROXY}: timed out"}},
        f"fault service: the service does not answer a review {PROXY}: timed out | {DESCRIBE}"),
    "an answer of something else": ({"contact": {"answer": ProbeAnswer(PROXY, "")}},
        f"fault service: something answers {PROXY}, but it is not this webhook | {DESCRIBE}"),
    "a wrong policy": (policy({"profiles": 1}),
        f"+warning service: the policy could not be checked: policy.yaml: profiles: found 1; accepted: a map | kubectl get configmap/{FULLNAME}-policy {WITHIN}"),
    "a policy that is not in use yet and leaves pods alone": ({**policy(LEAVING), f"{ETL}/pods/left": pod("2026-08-04"), f"{STRICT}/pods/left": pod("2026-08-04")},
        not_in_force(LEAVING), "none pods"),
    "an unknown profile": ({"namespaces/typo": namespace("eci-olny"), "namespaces/typo/pods/unplaced": pod("2026-08-04")},
        f'+fault namespaces: typo: unknown profile "eci-olny"; accepted: {PROFILES} | kubectl label namespace typo {PROFILE}=default --overwrite'),
    "namespaces that are never selected": ({"namespaces/kube-system": namespace("default"), INSIDE: namespace("default")},
        *(f"+warning namespaces: {name} opted in, but kube-system and the webhook's own namespace are never selected | kubectl label namespace {name} {PROFILE}-" for name in ("kube-system", NAMESPACE))),
    "labels that outrank the placement": ({ETL: {"metadata": {"labels": {ECI: "yes", ACS: "false"}}}, f"{ETL}/pods/pi-0": pod("2026-08-03", RECORD, **{ACS: "true"}), f"{ETL}/pods/pi-1": pod("2026-08-03", RECORD, **{ACS: "true", ECI: "true"})},
        f"warning outranked: the label {ECI} of the namespace etl outranks the placement of all its pods | kubectl label namespace etl {ECI}-",
        f"warning outranked: the label {ECI} outranks the placement of pods in etl: pi-1 | kubectl get pods --namespace etl --selector {ECI} --show-labels",
        f"warning outranked: the label {ACS} outranks the placement of pods in etl: pi-0, pi-1 | kubectl get pods --namespace etl --selector {ACS} --show-labels"),
    "labels that outrank the placement, as the policy adds them": ({**policy(ON_ACS), f"{ETL}/pods/pi-0": pod("2026-08-03", RECORD, **{ACS: "true"}), f"{ETL}/pods/pi-1": pod("2026-08-03", RECORD, **{ACS: "yes"}), f"{STRICT}/pods/a": pod("2026-08-03", RECORD, **{ACS: "true"})},
        not_in_force(ON_ACS),
        f"warning outranked: the label {ACS} outranks the placement of pods in etl: pi-1 | kubectl get pods --namespace etl --selector {ACS} --show-labels",
        f"warning outranked: the label {ACS} outranks the placement of pods in strict: a | kubectl get pods --namespace strict --selector {ACS} --show-labels",
        "ok pods: 4 running Spark pods have a placement"),
    "pods older than the configuration and the opt-in": ({f"{STRICT}/pods/old-1": pod("2026-07-31"), f"{STRICT}/pods/old-2": pod("2026-08-01")},
        "+warning pods: pods without a placement in strict, probably older than the opt-in or the policy: old-1, old-2 | kubectl get pods --namespace strict --selector spark-role --watch"),
    "pods older than a change of the policy": ({POLICY: {"metadata": {"managedFields": [{"time": "2026-08-02T12:00:00Z"}, {"time": "2026-08-01T12:00:00Z"}]}}, f"{STRICT}/pods/old": pod("2026-08-02"), f"{STRICT}/pods/young": pod("2026-08-03")},
        "+warning pods: pods without a placement in strict, probably older than the opt-in or the policy: old | kubectl get pods --namespace strict --selector spark-role --watch",
        f"+{UNASKED} (failurePolicy Ignore lets such pods pass): young | {SINCE.format(2).replace('T00', 'T12')}"),
    "a pod that is too large to get a record": ({f"{STRICT}/pods/large": overlaid(pod("2026-08-02"), {"spec": {"volumes*1001": {"name": "a"}}})},),
    "pods that the webhook was not asked about": ({f"{STRICT}/pods/young": pod("2026-08-02"), f"{STRICT}/pods/others": pod("2026-08-02", **{LAUNCHED: "false"})},
        f"+{UNASKED} (failurePolicy Ignore lets such pods pass): young | {SINCE.format(2)}"),
    "the same under failurePolicy Fail, without the policy and the time of the opt-in": ({OURS: {"webhooks": configured(failurePolicy="Fail")}, POLICY: DENIED, STRICT: {"metadata": {"managedFields": ABSENT}}, f"{STRICT}/pods/young": pod("2026-08-01")},
        f"+warning {POLICY_UNSEEN}",
        f"+{UNASKED.replace('fault', 'warning')}, or because their rule observes or has a rollout: young | {SINCE.format(1)}"),
    "no virtual node": ({VIRTUAL: ABSENT}, f"fault {NO_NODE}, so pods that need ECI stay Pending | {GET_NODES}"),
    "halves of virtual nodes": ({"nodes/unlabelled": node(None, ARM, TAINT), "nodes/other": node(None, {**TAINT, "value": "azure"}, {**TAINT, "effect": "NoExecute"}), **{f"nodes/{name}": node("virtual-kubelet") for name in MANY}},
        f"+fault virtual nodes: nodes with the taint {TAINTED} but without the label type=virtual-kubelet: unlabelled | kubectl label node unlabelled type=virtual-kubelet",
        f"+warning virtual nodes: nodes with the label type=virtual-kubelet but without the taint {TAINTED}, so any pod may run there: {', '.join(MANY[:30])}, and 30 more | kubectl taint node odd-00 {TAINTED}"),
    "virtual nodes of two taints": ({**policy(TWO_TAINTS), VIRTUAL: node("virtual-kubelet", ARM), "nodes/arm-ecs": node(None, ARM), "nodes/x86": node("virtual-kubelet", {"key": "vnode", "value": "1", "effect": "NoSchedule"})},
        not_in_force(TWO_TAINTS),
        "ok virtual nodes: nodes with the label type=virtual-kubelet and the taint vnode:NoSchedule or kubernetes.io/arch=arm64:NoSchedule: virtual, x86"),
    "no ResourcePolicy": ({f"{POLICIES}/counting": ABSENT},
        f"fault ResourcePolicies: strict needs a ResourcePolicy, but has none | {WRITE}"),
    "no kind ResourcePolicy": ({POLICIES: NotFoundError("not found")},
        "fault ResourcePolicies: strict needs a ResourcePolicy, but the cluster has no kind ResourcePolicy | kubectl api-resources --api-group scheduling.alibabacloud.com"),
    "ResourcePolicies that select other pods": ({f"{POLICIES}/counting": resource_policy({LAUNCHED: "false"})},
        f"fault ResourcePolicies: strict needs a ResourcePolicy, but its ResourcePolicies select other pods: counting | {WRITE}"),
    "ResourcePolicies that no label contradicts": ({f"{POLICIES}/all": {"spec": {"strategy": "prefer"}}, f"{POLICIES}/executors": resource_policy({LAUNCHED: "true", "spark-role": "executor"}), CONNECTS: NotFoundError("not found")},
        "ok ResourcePolicies: strict has all, counting, executors"),
    **{f"a ResourcePolicy that counts by {key}, and a SparkConnect": ({f"{POLICIES}/counting": resource_policy({}, key), f"{CONNECTS}/shared": {}},
        f"fault ResourcePolicies: counting of strict counts by {key}, a label that SparkConnect pods lack, so it rejects those of shared | kubectl edit resourcepolicy counting --namespace strict") for key in (APP, SUBMISSION)},
    **{f"a ResourcePolicy of other pods than those of {kind}": ({**policy(kinds(kind)), f"{POLICIES}/counting": resource_policy({LAUNCHED: "true"}), **LEFT_ALONE},
        not_in_force(kinds(kind)), "none pods",
        f"fault ResourcePolicies: strict needs a ResourcePolicy, but its ResourcePolicies select other pods: counting | {WRITE.replace('--ecs-max', '--label KEY=VALUE --ecs-max')}") for kind in ("apache", "cluster")},
    **{f"a ResourcePolicy that counts by {key}, and {' and '.join(lacking)}": ({**policy(kinds(*lacking)), f"{POLICIES}/counting": ABSENT, f"{POLICIES}/own": resource_policy({}, key), **LEFT_ALONE},
        not_in_force(kinds(*lacking)), "none pods",
        f"warning ResourcePolicies: own of strict counts by {key}, a label that pods of {' and '.join(lacking)} lack, so it rejects them | kubectl edit resourcepolicy own --namespace strict") for key, lacking in ((SUBMISSION, ("apache", "cluster")), (SUBMISSION, ("spark",)), ("spark-app-selector", ("cluster",)))},
    **{f"a ResourcePolicy that suits {kind}": ({**policy(kinds(kind)), f"{POLICIES}/counting": ABSENT, f"{POLICIES}/own": resource_policy(selector, *keys), **LEFT_ALONE},
        not_in_force(kinds(kind)), "none pods", "ok ResourcePolicies: strict has own") for kind, selector, *keys in (
            ("apache", {"spark.operator/name": "spark-kubernetes-operator"}, "spark-app-selector"), ("spark", {LAUNCHED: "true"}, SUBMISSION), ("{matchLabels: {team: etl}}", {"team": "etl"}))},
    "ResourcePolicies for one application each, and a SparkConnect": ({f"{POLICIES}/counting": resource_policy({APP: "pi"}, SUBMISSION), f"{POLICIES}/one": resource_policy({SUBMISSION: "8c1f"}, APP), f"{CONNECTS}/shared": {}},
        "ok ResourcePolicies: strict has counting, one"),
    "a policy of the overflow controller, and nothing else": ({**IN_FORCE}, ANSWERED,
        f"warning overflow: no overflow controller runs (there is no Lease of one), but the policy lets pods wait for it | {DESCRIBE_OVERFLOW}"),
    "an overflow controller": ({**IN_FORCE, **lease(digest(OVERFLOWING)), WAITING: waiting(), f"{ETL}/pods/opened": waiting("opened"), f"{ETL}/pods/bound": waiting(nodeName="ecs")},
        ANSWERED, "ok pods: 6 running Spark pods have a placement",
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}; 1 pod waits"),
    "an overflow controller, and pods that may not be seen": ({**IN_FORCE, **lease(digest(OVERFLOWING)), "pods": DENIED}, ANSWERED,
        "warning overflow: the pods that wait could not be checked: no such right | kubectl auth can-i list pods --all-namespaces",
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}"),
    "an overflow controller that is looked for in one namespace": ({**IN_FORCE, **lease(digest(OVERFLOWING), 17), "only": "etl", WAITING: waiting(), f"{STRICT}/pods/waiting": waiting()},
        ANSWERED, "none ResourcePolicies", "ok namespaces: opted in: etl (default)", "ok pods: 4 running Spark pods have a placement",
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}; 1 pod waits"),
    "Leases that may not be seen": ({**IN_FORCE, LEASES: DENIED, WAITING: waiting()}, ANSWERED, "ok pods: 4 running Spark pods have a placement",
        f"warning overflow: the Leases of the overflow controller could not be checked: no such right | kubectl auth can-i list leases {WITHIN}"),
    "no overflow controller": ({**IN_FORCE, WAITING: waiting(), f"{ETL}/pods/waiting-2": waiting()}, ANSWERED, "ok pods: 5 running Spark pods have a placement",
        f"fault overflow: no overflow controller runs (there is no Lease of one), so 2 pods wait for ever: etl/waiting, etl/waiting-2 | {DESCRIBE_OVERFLOW}"),
    "an overflow controller that was switched off": ({WAITING: waiting(), **lease(digest(OVERFLOWING), holder="")}, "ok pods: 4 running Spark pods have a placement",
        f"fault overflow: no overflow controller runs (nobody holds the Lease {LEASE}), so 1 pod waits for ever: etl/waiting | {UPGRADE} --set overflow.enabled=true"),
    "an overflow controller that is dead": ({**IN_FORCE, WAITING: waiting(), **lease(digest(OVERFLOWING), 60)}, ANSWERED, "ok pods: 4 running Spark pods have a placement",
        f"fault overflow: no overflow controller runs ({HOLDER} has not renewed the Lease {LEASE} for 60 s), so 1 pod waits for ever: etl/waiting | {DESCRIBE_OVERFLOW}"),
    "two Leases, of which one is held": ({**IN_FORCE, **lease(digest(OVERFLOWING), 60, name="old"), **lease(digest(OVERFLOWING)), **lease("", 1, "", name="z")}, ANSWERED,
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}; 0 pods wait"),
    "an overflow controller with another policy than the service": ({**IN_FORCE, **lease("0badc0de")}, ANSWERED,
        f"warning overflow: the overflow controller {HOLDER} opens pods by policy 0badc0de, but the service has {digest(OVERFLOWING)} | kubectl rollout status deployment/{LEASE} {WITHIN}"),
    "an overflow controller with another policy than the ConfigMap": ({**IN_FORCE, **lease("0badc0de"), "contact": {"answer": UNKNOWN}}, f"warning service: {UNCHECKED}",
        f"warning overflow: the overflow controller {HOLDER} opens pods by policy 0badc0de, but the ConfigMap has {digest(OVERFLOWING)} | kubectl rollout status deployment/{LEASE} {WITHIN}"),
    "pods that wait by the default profile, and where it does not apply": ({**IN_FORCE, **by_default("default"), **lease(digest(OVERFLOWING)), PUBLIC: namespace(), STRICT: namespace("none"),
        "namespaces/plain/pods/waiting": waiting(), f"{PUBLIC}/pods/waiting": waiting(), f"{STRICT}/pods/waiting": waiting()}, ANSWERED,
        "ok namespaces: opted in: etl (default)", BY_DEFAULT, "ok namespaces: opted out: strict", "ok pods: 4 running Spark pods have a placement", "none ResourcePolicies",
        f"warning overflow: pods wait that are never opened, because no profile applies to their namespaces: kube-public/waiting, strict/waiting | kubectl get namespaces --label-columns {PROFILE}",
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}; 3 pods wait"),
    "pods that wait in namespaces that opted out": ({**IN_FORCE, **lease(digest(OVERFLOWING)), "namespaces/plain/pods/waiting": waiting(), INSIDE: namespace("default"), f"{INSIDE}/pods/waiting": waiting(), WAITING: waiting()}, ANSWERED, "ok pods: 5 running Spark pods have a placement",
        f"warning overflow: pods wait that are never opened, because no profile applies to their namespaces: plain/waiting, {NAMESPACE}/waiting | kubectl get namespaces --label-columns {PROFILE}",
        f"warning namespaces: {NAMESPACE} opted in, but kube-system and the webhook's own namespace are never selected | kubectl label namespace {NAMESPACE} {PROFILE}-",
        "ok namespaces: opted in: etl (default), strict (resource-policy)",
        f"ok overflow: {HOLDER} opens pods by policy {digest(OVERFLOWING)}; 3 pods wait"),
}
# fmt: on


@pytest.mark.parametrize("case", CASES)
def test_every_finding(case: str) -> None:
    overlay, *lines = CASES[case]
    assert doctor(overlay) == expected(*lines)


@pytest.mark.parametrize("name", ["typo", "../etl", ""])
def test_a_namespace_that_does_not_exist_is_a_fault_of_the_call(run: Run, tmp_path: Path, name: str) -> None:
    with StandIn(tmp_path) as cluster:
        cluster.store("/version", {"metadata": {}, "gitVersion": "v1.31.14"})
        ran = run("doctor", "--kubeconfig", cluster.kubeconfig, "-n", name)
        assert ran == (2, "", f'found no namespace "{name}"; accepted: one that exists\n')
        several = run("doctor", "--kubeconfig", cluster.kubeconfig, "--context=a", "--context=b", "-n", name)
    assert several.code == 2
    assert several.err.startswith(f'context a: found no namespace "{name}"; accepted: one that exists\n')


def test_a_namespace_that_may_not_be_seen_is_a_warning() -> None:
    (found,) = [one for one in doctor({"only": "etl", ETL: DENIED}) if "namespaces:" in one]
    assert found == (
        "warning namespaces: the namespace etl could not be checked: no such right | kubectl auth can-i get namespace/etl"
    )


def test_the_commands_about_the_overflow_controller_name_what_the_chart_makes() -> None:
    chart = render({"overflow": {"enabled": True}})
    template = chart.one("Deployment", LEASE)["spec"]["template"]
    assert f"--lease={LEASE}" in template["spec"]["containers"][0]["args"]
    assert template["metadata"]["labels"]["app.kubernetes.io/component"] == LABELS["app.kubernetes.io/component"]


def test_the_service_is_called_at_the_port_of_the_configuration() -> None:
    chart = render({"service": {"port": 8443}})
    installation = Installation(
        chart.one("MutatingWebhookConfiguration", "spark-placement"), spec=chart.one("Service")["spec"]
    )
    assert installation.port == 8443
    assert [one["port"] for one in installation.spec["ports"]] == [8443]
    assert Installation({"webhooks": [{"clientConfig": {"service": {"name": "a"}}}]}).port == 443


def test_a_service_that_cannot_be_reached() -> None:
    review = f"{INSIDE}/services/https:{FULLNAME}:443/proxy/mutate/default"
    pending = pod("2026-08-01", phase="Pending", **OBJECTS[SERVICE]["spec"]["selector"])
    pending["spec"]["containers"] = [{"name": "webhook", "ports": [{"name": "https", "containerPort": 8443}]}]
    may = f"kubectl auth can-i create services/proxy {WITHIN}"
    for overlay, refused, answer in (
        (
            {f"{INSIDE}/pods/pending": pending, review: DENIED},
            "no pod of the Service is running",
            Unknown("the service's answer", "no such right", may),
        ),
        ({f"{INSIDE}/pods": DENIED, review: ClusterError("timed out")}, "no such right", f"{PROXY}: timed out"),
    ):
        cluster = Stored(overlaid(OBJECTS, {SERVICE: {"spec": {"clusterIP": "None"}}, **overlay}))
        installation = read_snapshot(cluster, None).installation
        assert installation is not None
        why = f"a port-forward was not possible: {refused}"
        unknown = Unknown("the service's certificate", why, f"kubectl get pods {WITHIN}")
        assert call_service(cluster, installation) == Contact("", unknown, answer)
