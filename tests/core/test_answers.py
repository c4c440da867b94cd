"""Whole values of an answer: the facts of a review, the placement of a pod, the sentences of warnings and errors."""

import dataclasses
import importlib
import pkgutil
from typing import Any, get_args

import msgspec
import pydantic
import pytest

import webhook.core
from tests.admission_reviews import UID, review
from tests.pods import BUILT_IN_MODES
from tests.service.test_bad_input import FAULTS
from webhook.core.patch import Kind, Operation, changes
from webhook.core.placement import Origin, Verdict, decide
from webhook.core.pod import (
    Int32,
    Int64,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PreferredSchedulingTerm,
    Toleration,
    View,
)
from webhook.core.policy import Policy
from webhook.core.profile import compile_policy
from webhook.core.reasons import Caution, ChangeReason, Reason
from webhook.core.review import (
    Admission,
    AdmissionOutcome,
    GroupVersionKind,
    Response,
    ReviewError,
    answer,
    respond,
    respond_with,
)
from webhook.core.rules import Unplaceable
from webhook.core.selectors import Role
from webhook.core.text import cut, listed
from webhook.core.virtual_node import Unsupported, VirtualNode
from webhook.service.policy_file import parse_policy

POLICY = parse_policy(
    b"""
    virtualNode: {unsupported: [hostPath, hostNetwork, privileged]}
    profiles:
      plain: {driver: {mode: ecs-first, weight: 7}, executor: {mode: eci-only, unplaceable: deny}}
      observed: {driver: {mode: eci-only, observe: true}, executor: {mode: resource-policy}}
      nobody: {driver: {rollout: 0}, executor: {rollout: 0}}
      rich:
        allowOverride: false
        executor:
          imageCache: {auto: false, snapshots: [{image: "?*", id: imc-1}]}
          annotations: {k8s.aliyun.com/eci-use-specs: 2-4Gi}
          mix: [{percent: 60, mode: ecs-only}, {percent: 40, mode: eci-first}]
    """,
    "p.yaml",
)
PROFILES = compile_policy(POLICY)
LABELS = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "sparkoperator.k8s.io/app-name": "etl"}
PROVIDER = "virtual-kubelet.io/provider"


def _pod(role: str = "executor", annotations: Any = None, spec: Any = None, **labels: str) -> dict[str, Any]:
    found = LABELS | {"spark-role": role} | {key.replace("__", "-"): value for key, value in labels.items()}
    return {"metadata": {"name": "p", "labels": found, "annotations": annotations}, "spec": spec or {}}


def _record(mode: str, profile: str, reason: str = "") -> str:
    return f"mode={mode},profile={profile},policy={POLICY.digest}" + (f",reason={reason}" if reason else "")


def _caution(reason: Reason, sentence: str) -> tuple[Caution]:
    return (Caution(reason.value, sentence),)


NAMED = _caution(Reason.NODE_NAME_SET, 'nodeName is "n" already, so eci-only cannot place the pod')
POD_KIND = {"version": "v1", "kind": "Pod"}
CONFIG_MAP = {"version": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("profile", "pod", "fields", "facts"),
    [
        ("plain", _pod(), {"kind": POD_KIND}, ("patched", "default", "p", "etl", "executor", "eci-only", "", 3, ())),
        (
            "plain",
            {"metadata": {"generateName": "p-", "namespace": "own", "labels": _pod()["metadata"]["labels"]}, "spec": {}},
            {"namespace": None},
            ("patched", "own", "p-", "etl", "executor", "eci-only", "", 3, ()),
        ),
        (
            "plain",
            {"metadata": {"labels": _pod("driver")["metadata"]["labels"]}, "spec": {}},
            {"namespace": None},
            ("patched", "", "", "etl", "driver", "ecs-first", "", 3, ()),
        ),
        (
            "plain",
            _pod(annotations={"spark-eci-webhook/mode": "none", "spark-eci-webhook/placement": _record("none", "plain", "override")}),
            {},
            ("unchanged", "default", "p", "etl", "executor", "none", "override", 0, ()),
        ),
        ("plain", _pod(spec={"nodeName": "n"}), {}, ("denied", "default", "p", "etl", "executor", "eci-only", "node-name-set", 1, NAMED)),
        ("observed", _pod("driver"), {}, ("observed", "default", "p", "etl", "driver", "eci-only", "", 3, ())),
        ("nobody", _pod(), {}, ("skipped", "default", "p", "etl", "executor", "none", "outside-rollout", 0, ())),
        ("plain", _pod("history"), {"name": "q"}, ("skipped", "default", "q", "", "", "", "", 0, ())),
        ("plain", {"spec": 7}, {"kind": CONFIG_MAP, "name": None, "namespace": None}, ("skipped", "", "", "", "", "", "", 0, ())),
        ("plain", _pod(), {"kind": {"version": "v2", "kind": "Pod"}}, ("skipped", "default", "", "", "", "", "", 0, ())),
        ("plain", _pod(), {"kind": {"group": "a", "version": "v1", "kind": "Pod"}}, ("skipped", "default", "", "", "", "", "", 0, ())),
        ("plain", _pod(), {"operation": "UPDATE"}, ("skipped", "default", "", "", "", "", "", 0, ())),
        ("plain", _pod(), {"subResource": "eviction"}, ("skipped", "default", "", "", "", "", "", 0, ())),
    ],
)  # fmt: skip
def test_the_facts_of_a_review(profile: str, pod: Any, fields: Any, facts: tuple[Any, ...]) -> None:
    outcome, *others = facts
    found = answer(review(pod, **fields), PROFILES[profile]).admission
    assert msgspec.structs.astuple(found) == (UID, outcome, profile, *others)


def test_the_facts_of_a_review_without_a_profile() -> None:
    warning = Caution("r", "s")
    body, facts = respond_with(review({}, name="q"), warning)
    assert msgspec.json.decode(body)["response"] == {"uid": UID, "allowed": True, "warnings": ["s"]}
    assert facts == Admission(UID, "skipped", "", "default", "q", "", "", "", "", 0, (warning,))
    _, facts = respond_with(review({}, name=None, namespace=None), warning)
    assert facts == Admission(UID, "skipped", "", "", "", "", "", "", "", 0, (warning,))


def test_what_a_request_leaves_out_is_nothing() -> None:
    request = {"uid": "u" * 253, "kind": POD_KIND, "operation": "DELETE"}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    found = answer(msgspec.json.encode(body), PROFILES["plain"])
    left_out = {"name": None, "namespace": None, "sub_resource": None}
    assert msgspec.structs.asdict(found.request) == request | left_out | {"kind": GroupVersionKind("v1", "Pod", "")}
    assert (found.decision, found.response) == (None, Response("u" * 253, allowed=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_body_that_cannot_be_read_is_refused_in_one_sentence(fault: str) -> None:
    body, sentence = FAULTS[fault]
    with pytest.raises(ReviewError) as error:
        respond(body, PROFILES["plain"])
    assert str(error.value) == sentence


TAINT = POLICY.virtual_node.taints[0]
OPENED = ((TAINT, Toleration(PROVIDER, "Equal", "alibabacloud", "NoSchedule", None)),)
VIRTUAL, OTHERS = (NodeSelectorRequirement("type", operator, ["virtual-kubelet"]) for operator in ("In", "NotIn"))
#: What a placement holds if nothing is asked of the pod.
BARE: dict[str, Any] = {
    "verdict": Verdict.PLACE, "role": Role.EXECUTOR, "reason": None, "source": Origin.PROFILE, "share": None,
    "placed": True, "cautions": (), "tolerations": (), "requirement": None, "preference": None, "annotations": (),
    "labels": (), "withheld": (),
    "image_cache": None, "own_image_cache": "", "wait": None,
}  # fmt: skip
PREFERS_OTHERS = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 1,
                "preference": {
                    "matchExpressions": [{"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}]
                },
            }
        ]
    }
}
AUTO = ("k8s.aliyun.com/eci-image-cache", "true", ChangeReason.IMAGE_CACHE_AUTO)
ASKS = listed('spark-eci-webhook/mode: found "aaaaaaaaaaa…"; accepted: ', [*BUILT_IN_MODES, "none"])
REFUSED = "spark-eci-webhook/mode is not allowed by the profile rich"


@pytest.mark.parametrize(
    ("profile", "pod", "mode", "asked", "values"),
    [
        ("plain", _pod(), "eci-only", "eci-only", {"tolerations": OPENED, "requirement": VIRTUAL, "image_cache": AUTO}),
        (
            "plain",
            _pod("driver", annotations={"k8s.aliyun.com/eci-imc-id": "i", "k8s.aliyun.com/eci-auto-imc": "true"}),
            "ecs-first",
            "ecs-first",
            {
                "role": Role.DRIVER,
                "tolerations": OPENED,
                "preference": PreferredSchedulingTerm(7, NodeSelectorTerm([OTHERS], None)),
                "own_image_cache": "k8s.aliyun.com/eci-auto-imc",
            },
        ),
        (
            "plain",
            _pod(spec={"nodeName": "n"}),
            "eci-only",
            "eci-only",
            {"verdict": Verdict.DENY, "reason": Reason.NODE_NAME_SET, "placed": False, "cautions": NAMED},
        ),
        (
            "plain",
            _pod("driver", spec={"nodeName": "n"}),
            "ecs-first",
            "ecs-first",
            {
                "role": Role.DRIVER,
                "reason": Reason.NODE_NAME_SET,
                "placed": False,
                "cautions": _caution(
                    Reason.NODE_NAME_SET, 'nodeName is "n" already, so ecs-first cannot place the pod'
                ),
            },
        ),
        (
            "plain",
            _pod(annotations={"spark-eci-webhook/mode": "none"}),
            "none",
            "none",
            {"reason": Reason.OVERRIDE, "source": Origin.OVERRIDE},
        ),
        (
            "plain",
            _pod(annotations={"spark-eci-webhook/mode": "ecs-only"}, spec={"tolerations": [{"operator": "Exists"}]}),
            "ecs-only",
            "ecs-only",
            {"reason": Reason.OVERRIDE, "source": Origin.OVERRIDE, "requirement": OTHERS},
        ),
        (
            "plain",
            _pod(spec={"hostNetwork": True}),
            "ecs-only",
            "eci-only",
            {
                "reason": Reason.UNSUPPORTED,
                "cautions": _caution(
                    Reason.UNSUPPORTED, "ECI cannot run hostNetwork: placed as ecs-only instead of eci-only"
                ),
            },
        ),
        (
            "nobody",
            _pod(annotations={"spark-eci-webhook/mode": "a" * 13}),
            "none",
            "none",
            {
                "verdict": Verdict.LEAVE,
                "reason": Reason.OUTSIDE_ROLLOUT,
                "source": Origin.ROLLOUT,
                "cautions": _caution(Reason.OVERRIDE_REFUSED, ASKS),
            },
        ),
        (
            "rich",
            _pod(
                annotations={"spark-eci-webhook/mode": "eci-only"},
                spec={"containers": [{"name": "a", "image": "x"}]},
                spark__exec__id="104",
            ),
            "eci-first",
            "eci-first",
            {
                "reason": Reason.OVERRIDE_REFUSED,
                "source": Origin.MIX,
                "share": 40,
                "cautions": _caution(Reason.OVERRIDE_REFUSED, REFUSED),
                "tolerations": OPENED,
                "preference": PreferredSchedulingTerm(1, NodeSelectorTerm([VIRTUAL], None)),
                "annotations": (("k8s.aliyun.com/eci-use-specs", "2-4Gi", ChangeReason.POLICY),),
                "image_cache": ("k8s.aliyun.com/eci-image-snapshot-id", "imc-1", ChangeReason.IMAGE_CACHE_SNAPSHOT),
            },
        ),
        (
            "rich",
            _pod(spec={"containers": [{"name": "a"}]}),
            "ecs-first",
            "ecs-first",
            {
                "tolerations": OPENED,
                "preference": PreferredSchedulingTerm(1, NodeSelectorTerm([OTHERS], None)),
                "annotations": (("k8s.aliyun.com/eci-use-specs", "2-4Gi", ChangeReason.POLICY),),
                "reason": Reason.NO_EXECUTOR_NUMBER,
            },
        ),
        ("rich", _pod(spark__exec__id=f"{10**17 + 1}"), "ecs-only", "ecs-only", {"source": Origin.MIX, "share": 60}),
        (
            "plain",
            _pod(
                annotations={"spark-eci-webhook/mode": "ecs-first"}, spec={"nodeSelector": {"type": "virtual-kubelet"}}
            ),
            "ecs-first",
            "ecs-first",
            {
                "reason": Reason.OWN_REQUIREMENT,
                "source": Origin.OVERRIDE,
                "cautions": _caution(
                    Reason.OWN_REQUIREMENT,
                    "ecs-first does not decide: the pod's own affinity or nodeSelector leaves only virtual nodes",
                ),
                "tolerations": OPENED,
                "preference": PreferredSchedulingTerm(1, NodeSelectorTerm([OTHERS], None)),
                "image_cache": AUTO,
            },
        ),
        (
            "plain",
            _pod(annotations={"spark-eci-webhook/mode": "eci-first"}, spec={"affinity": PREFERS_OTHERS}),
            "eci-first",
            "eci-first",
            {
                "reason": Reason.OWN_PREFERENCE,
                "source": Origin.OVERRIDE,
                "cautions": _caution(
                    Reason.OWN_PREFERENCE,
                    "eci-first does not decide: with the pod's own preferred terms, virtual nodes weigh 1 and other nodes 1",
                ),
                "tolerations": OPENED,
                "preference": PreferredSchedulingTerm(1, NodeSelectorTerm([VIRTUAL], None)),
                "image_cache": AUTO,
            },
        ),
    ],
)
def test_the_whole_placement(profile: str, pod: Any, mode: str, asked: str, values: dict[str, Any]) -> None:
    found = decide(
        msgspec.convert(pod, Pod), "default", Role(pod["metadata"]["labels"]["spark-role"]), PROFILES[profile]
    )
    expected = (
        BARE | {"mode": mode, "asked": asked, "record": _record(mode, profile, values.get("reason", ""))} | values
    )
    assert msgspec.structs.asdict(found) == expected


IN, OUT = ({"key": "type", "operator": operator, "values": ["virtual-kubelet"]} for operator in ("In", "NotIn"))
TERMS = [{"matchExpressions": [OUT]}, {}, {"matchFields": [OUT]}, {"matchExpressions": [OUT, IN]}]
OWN = _pod(
    annotations={"k8s.aliyun.com/eci-use-specs": "4-8Gi", "k8s.aliyun.com/eci-imc-id": "i"},
    spec={
        "tolerations": [{"key": PROVIDER, "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": TERMS},
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 3, "preference": {"matchExpressions": [OUT]}}
                ],
            }
        },
    },
)


EXISTS = {"key": PROVIDER, "operator": "Exists"}
RECORD = "spark-eci-webhook/placement"
RECORDED = f"annotation {RECORD} add record None ()"
CACHED = "annotation k8s.aliyun.com/eci-image-cache add image-cache-auto None ()"
CACHE_KEPT = "imageCache k8s.aliyun.com/eci-imc-id keep own-image-cache i ()"
ADDED = f"toleration {PROVIDER} add opens-virtual-node None ()"
TOLERATED = f"toleration {PROVIDER} keep already-tolerated {EXISTS} ()"
PREFERRED, REQUIRED = "preferredNodeAffinity type", "requiredNodeAffinity type"
SPECS = "annotation k8s.aliyun.com/eci-use-specs"


@pytest.mark.parametrize(
    ("profile", "role", "pod", "made"),
    [
        ("plain", "driver", _pod("driver"), [CACHED, RECORDED, ADDED, f"{PREFERRED} add prefers-other-nodes None ()"]),
        ("plain", "driver", OWN, [CACHE_KEPT, RECORDED, TOLERATED, f"{PREFERRED} keep already-there None ()"]),
        ("plain", "executor", _pod(), [CACHED, RECORDED, ADDED, f"{REQUIRED} add only-virtual-nodes None ()"]),
        (
            "plain",
            "executor",
            OWN,
            [
                CACHE_KEPT,
                RECORDED,
                TOLERATED,
                f"{REQUIRED} add only-virtual-nodes None (0, 2)",
                f"{REQUIRED} keep already-there None (3,)",
                f"{REQUIRED} keep empty-term None (1,)",
            ],
        ),
        (
            "rich",
            "driver",
            OWN,
            [
                RECORDED,
                f"{REQUIRED} add keeps-off-virtual-nodes None (2,)",
                f"{REQUIRED} keep already-there None (0, 3)",
                f"{REQUIRED} keep empty-term None (1,)",
            ],
        ),
        (
            "rich",
            "executor",
            _pod(spark__exec__id="2", annotations={"k8s.aliyun.com/eci-use-specs": "4-8Gi", RECORD: "old"}),
            [
                f"{SPECS} keep own-value 4-8Gi ()",
                f"annotation {RECORD} add record old ()",
                ADDED,
                f"{PREFERRED} add prefers-virtual-nodes None ()",
            ],
        ),
        (
            "rich",
            "executor",
            _pod(annotations={"k8s.aliyun.com/eci-use-specs": "2-4Gi"}),
            [
                f"{SPECS} keep already-there 2-4Gi ()",
                RECORDED,
                ADDED,
                f"{PREFERRED} add prefers-other-nodes None ()",
            ],
        ),
        (
            "rich",
            "executor",
            _pod(spec={"containers": [{"name": "a", "image": "x"}]}),
            [
                f"{SPECS} add policy None ()",
                "annotation k8s.aliyun.com/eci-image-snapshot-id add image-cache-snapshot None ()",
                RECORDED,
                ADDED,
                f"{PREFERRED} add prefers-other-nodes None ()",
            ],
        ),
    ],
)
def test_every_change_of_a_pod(profile: str, role: str, pod: Any, made: list[str]) -> None:
    read = msgspec.convert(pod, Pod)
    placement = decide(read, "default", Role(role), PROFILES[profile])
    found = changes(read, placement)
    wanted = {
        **{key: value for key, value, _ in placement.annotations},
        "spark-eci-webhook/placement": placement.record,
    }
    assert {one.key: one.value for one in found if one.key in wanted} == wanted
    assert made == [
        f"{one.kind} {one.key} {one.operation} {one.reason} {msgspec.to_builtins(one.found)} {one.terms}"
        for one in found
    ]


def test_the_codes_in_json_stay_as_they_are() -> None:
    enumerations = (Kind, Operation, Verdict, Origin, Role, Reason, ChangeReason, Unsupported, Unplaceable)
    assert [" ".join(one) for one in (get_args(AdmissionOutcome), *enumerations)] == [
        "patched unchanged observed denied skipped",
        "pod label annotation imageCache toleration nodeAffinity requiredNodeAffinity preferredNodeAffinity",
        "add keep",
        "place observe leave deny",
        "profile mix first rollout override guard",
        "driver executor",
        "outside-rollout override override-refused no-executor-number other-scheduler outranked own-preference "
        "own-toleration own-requirement unsupported excludes-virtual-nodes demands-virtual-nodes node-name-set too-large",
        "record policy always image-cache-auto image-cache-snapshot waits opens-virtual-node only-virtual-nodes "
        "keeps-off-virtual-nodes prefers-virtual-nodes prefers-other-nodes already-there own-value own-image-cache "
        "already-tolerated outranks-affinity empty-term outside-rollout asks-for-none own-placement closed-by-taint opened-later no-virtual-nodes own-toleration nothing-removed "
        "resource-policy-chooses no-preference",
        "hostPath hostNetwork privileged",
        "allow deny",
    ]


LONG = "a" * 61


@pytest.mark.parametrize(
    ("role", "spec", "sentence"),
    [
        ("driver", {"nodeName": LONG}, f'nodeName is "{"a" * 59}…" already, so ecs-first cannot place the pod'),
        ("driver", {"nodeName": "a" * 60}, f'nodeName is "{"a" * 60}" already, so ecs-first cannot place the pod'),
        (
            "driver",
            {"volumes": [{"name": "b"}, {"name": LONG, "hostPath": {}}]},
            f'ECI cannot run the hostPath volume "{"a" * 39}…": placed as ecs-only instead of ecs-first',
        ),
        (
            "driver",
            {"volumes": [{"hostPath": {}}]},
            'ECI cannot run the hostPath volume "": placed as ecs-only instead of ecs-first',
        ),
        (
            "driver",
            {
                "containers": [
                    {"name": "b", "securityContext": {}},
                    {"name": LONG, "securityContext": {"privileged": True}},
                ]
            },
            f'ECI cannot run the privileged container "{"a" * 39}…": placed as ecs-only instead of ecs-f…',
        ),
        (
            "driver",
            {"initContainers": [{"securityContext": {"privileged": True}}]},
            'ECI cannot run the privileged container "": placed as ecs-only instead of ecs-first',
        ),
        (
            "executor",
            {"schedulerName": LONG},
            f'the scheduler "{"a" * 39}…" follows no ResourcePolicy, only default-scheduler does',
        ),
        ("executor", {"schedulerName": ""}, None),
        ("executor", {"schedulerName": "default-scheduler"}, None),
    ],
)
def test_a_warning_names_what_stands_in_the_way(role: str, spec: Any, sentence: str | None) -> None:
    profile = PROFILES["plain" if role == "driver" else "observed"]
    facts = answer(review(_pod(role, spec=spec)), profile).admission
    assert [one.sentence for one in facts.cautions] == ([] if sentence is None else [sentence])


def test_the_longest_warning_about_an_own_choice_is_told_in_full() -> None:
    terms = [{"weight": 100, "preference": {"matchExpressions": [{"key": "type", "operator": "Exists"}]}}] * 999
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    facts = answer(review(_pod("driver", spec={"affinity": affinity})), PROFILES["plain"]).admission
    assert [one.sentence for one in facts.cautions] == [
        "ecs-first does not decide: with the pod's own preferred terms, virtual nodes weigh 99900 and other nodes 7"
    ]


def test_each_warning_is_told_once() -> None:
    pod = _pod(spec={"schedulerName": "volcano"})
    pod["metadata"]["labels"] |= {"alibabacloud.com/eci": "true", "alibabacloud.com/acs": "true"}
    assert answer(review(pod), PROFILES["observed"]).response.warnings == [
        "the pod label alibabacloud.com/eci outranks the placement resource-policy",
        'the scheduler "volcano" follows no ResourcePolicy, only default-scheduler does',
    ]


def test_only_a_resource_policy_depends_on_the_scheduler() -> None:
    body = review(_pod(spec={"schedulerName": "volcano"}))
    profiles = compile_policy(Policy()).items()
    assert [name for name, one in profiles if answer(body, one).admission.cautions] == ["resource-policy"]


@pytest.mark.parametrize(("bits", "kind"), [(32, Int32), (64, Int64)])
def test_an_integer_fits_its_type(bits: int, kind: Any) -> None:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    assert msgspec.convert([least, most], list[kind]) == [least, most]
    for beyond in (least - 1, most + 1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(beyond, kind)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [(11, "a: b, c, d"), (10, "a: b, c, d"), (9, "a: 3 more"), (2, "a: 3 more"), (0, "a: 3 more")],
)
def test_a_list_is_cut_to_its_limit(limit: int, sentence: str) -> None:
    assert listed("a: ", ["b", "c", "d"], limit) == sentence
    assert listed("a: ", ["b" * 9, "c" * 9, "d"], 24) == "a: bbbbbbbbb, and 2 more"
    assert [cut("abc", 3), cut("abc", 2)] == ["abc", "a…"]


def test_a_list_of_any_length_is_cut() -> None:
    """A call with an unknown profile lists the accepted ones, so it must not take longer with many of them."""
    found = listed("accepted: ", (f"team-{index:05}" for index in range(200_000)), 60)
    assert found == "accepted: team-00000, team-00001, and 199998 more"


def test_a_fault_of_a_policy_has_its_own_type() -> None:
    with pytest.raises(pydantic.ValidationError) as error:
        VirtualNode(unsupported=(Unsupported.PRIVILEGED, Unsupported.PRIVILEGED))
    assert [one["type"] for one in error.value.errors()] == ["fault"]


def _classes() -> list[type]:
    names = [f"webhook.core.{one.name}" for one in pkgutil.iter_modules(webhook.core.__path__)]
    found = [(name, one) for name in names for one in vars(importlib.import_module(name)).values()]
    return [one for name, one in found if isinstance(one, type) and one.__module__ == name]


def test_values_are_immutable_and_take_no_more_memory_than_they_need() -> None:
    """Except for the parts of a review and its answer, which nobody keeps."""
    structs: list[Any] = [one for one in _classes() if issubclass(one, msgspec.Struct)]
    passing = {"_Review", "_PodReview", "Request", "PodRequest", "GroupVersionKind", "Response", "_Envelope", "_Status"}
    passing |= {"_OutlineReview", "_OutlineRequest"}
    assert {one.__name__ for one in structs if not one.__struct_config__.frozen} <= passing
    tracked = {"Admission", "Caution", "Mismatch", "PatchOperation", "Unmet"}
    assert {one.__name__ for one in structs if one.__struct_config__.gc} <= passing | tracked
    fields = [field for one in structs if issubclass(one, View) for field in msgspec.structs.fields(one)]
    assert all(field.default is None for field in fields if not field.required)
    records: list[Any] = [one for one in _classes() if dataclasses.is_dataclass(one)]
    assert all("__slots__" in vars(one) for one in records)
    assert all(one.__dataclass_params__.frozen for one in records)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        setattr(Policy(), "selector", None)  # noqa: B010, an assignment is refused by mypy too
    assert (len(structs) > 20, len(records) > 3) == (True, True)
