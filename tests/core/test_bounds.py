"""Pods with too much of something: what happens to them, and that they are never built in memory."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import jsonpatch
import msgspec
import pytest

from tests.admission_reviews import UID, answer, patched, review
from tests.pods import EVERY_MODE
from tests.service.test_bad_input import FAULTS
from webhook.core.bounds import MOST_ADDED, MOST_ENTRIES, MOST_KEYS, MOST_VALUES
from webhook.core.executor_number import MOST_OWNERS
from webhook.core.opening import opening
from webhook.core.outline import SMALL
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_policy, compile_profile
from webhook.core.reasons import Caution
from webhook.core.review import Admission, Decision, ReviewError, decide_for, respond
from webhook.core.text import LIMIT
from webhook.service.policy_file import parse_policy

MIB = 1024**2
LABELS = {
    "sparkoperator.k8s.io/launched-by-spark-operator": "true",
    "spark-role": "executor",
    "spark-exec-id": "2",
    "spark-app-name": "etl",
}
POLICY = parse_policy(
    b"""
    profiles:
      default: {executor: {mode: eci-only}}
      deny: {executor: {mode: eci-first, unplaceable: deny}}
      observe: {executor: {mode: eci-only, observe: true, unplaceable: deny}}
      nobody: {executor: {mode: eci-only, rollout: 0}}
      strict: {allowOverride: false, executor: {mode: ecs-only}}
      mix: {executor: {mode: ecs-only, mix: [{percent: 50, mode: eci-only}, {percent: 50, mode: eci-first}]}}
    """,
    "p.yaml",
)
PROFILES = compile_policy(POLICY)
MODE = "spark-eci-webhook/mode"


def _pod(metadata: Any = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "labels": LABELS} | (metadata or {}), "spec": spec}


def _affinity(terms: Any = (), preferred: Any = ()) -> dict[str, Any]:
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)},
            "preferredDuringSchedulingIgnoredDuringExecution": list(preferred),
        }
    }


def _in(*values: str, key: str = "zone") -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _values(count: int) -> dict[str, Any]:
    """A pod of `count` values: all kinds of places, and requirements that have no values and count as one."""
    exists = {"key": "zone", "operator": "Exists"}
    fields = {"matchFields": [_in("n", key="metadata.name")]}
    term = {"matchExpressions": [_in(*(f"v{index}" for index in range(count - 5))), exists]}
    preferred = {"weight": 1, "preference": {"matchExpressions": [_in("a", "b"), exists | {"values": []}]}}
    return _pod(affinity=_affinity([term, fields], [preferred]))


def _terms(count: int) -> dict[str, Any]:
    return _pod(affinity=_affinity([{"matchExpressions": [_in("a")]}] * (count - count // 2), _preferred(count // 2)))


def _preferred(count: int) -> list[dict[str, Any]]:
    return [{"weight": 1, "preference": {"matchExpressions": [_in("a")]}}] * count


def _map(count: int, **first: str) -> dict[str, str]:
    return first | {f"k{index}": "" for index in range(count - len(first))}


#: A pod of a number of something, the bound, and its name in the warning.
BOUNDS: dict[str, tuple[Callable[[int], dict[str, Any]], int, str]] = {
    "tolerations": (
        lambda count: _pod(tolerations=[{"key": "k", "operator": "Exists"}] * count),
        MOST_ENTRIES,
        "tolerations",
    ),
    "terms": (_terms, MOST_ENTRIES, "terms in the node affinity"),
    "required terms": (
        lambda count: _pod(affinity=_affinity([{}] * count)),
        MOST_ENTRIES,
        "terms in the node affinity",
    ),
    "preferred terms": (
        lambda count: _pod(
            affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": _preferred(count)}}
        ),
        MOST_ENTRIES,
        "terms in the node affinity",
    ),
    "values": (_values, MOST_VALUES, "values in the node affinity"),
    "requirements": (
        lambda count: _pod(
            affinity=_affinity(
                [
                    {"matchExpressions": [{"key": "zone", "operator": "Exists"}] * (count - 1)},
                    {},
                    {"matchFields": [_in("n", key="metadata.name")]},
                ]
            )
        ),
        MOST_VALUES,
        "values in the node affinity",
    ),
    "containers": (lambda count: _pod(containers=[{"name": "c"}] * count), MOST_ENTRIES, "containers"),
    "initContainers": (lambda count: _pod(initContainers=[{"name": "c"}] * count), MOST_ENTRIES, "initContainers"),
    "volumes": (lambda count: _pod(volumes=[{"name": "v"}] * count), MOST_ENTRIES, "volumes"),
    "labels": (lambda count: _pod({"labels": LABELS | _map(count - len(LABELS))}), MOST_KEYS, "labels"),
    "annotations": (lambda count: _pod({"annotations": _map(count)}), MOST_KEYS, "annotations"),
    "owners": (
        lambda count: _pod({"ownerReferences": [{"kind": "StatefulSet", "name": "s"}] * count}),
        MOST_OWNERS,
        "ownerReferences",
    ),
    "nodeSelector": (lambda count: _pod(nodeSelector=_map(count)), MOST_KEYS, "labels in the nodeSelector"),
}


def _sentence(what: str, accepted: int) -> str:
    return f"the pod has too many {what} to be placed; accepted: at most {accepted}"


def _sizes(body: bytes) -> list[bytes]:
    """`body`, and the same review in a body that is read as a large one."""
    return [body, body.ljust(SMALL + 1)]


@pytest.mark.parametrize("kind", BOUNDS)
def test_a_pod_at_the_bound_is_placed_and_reviewed_again(kind: str) -> None:
    make, most, _ = BOUNDS[kind]
    pod = make(most)
    # A required term that is empty matches no node.
    mode = "ecs-first" if kind == "required terms" else "eci-only"
    pod["metadata"].setdefault("annotations", {}).setdefault(MODE, mode)
    if kind == "annotations":
        del pod["metadata"]["annotations"]["k0"]
    for body in _sizes(review(pod)):
        found, facts = respond(body, PROFILES["deny"])
        assert (facts.outcome, facts.reason, facts.cautions) == ("patched", "override", ())
    after = patched(json.loads(json.dumps(pod)), json.loads(found)["response"])
    again = respond(review(after), PROFILES["deny"])[1]
    assert (again.outcome, again.reason, again.cautions, again.operations) == ("unchanged", "override", (), 0)


@pytest.mark.parametrize("kind", BOUNDS)
def test_a_pod_at_the_bound_waits_and_is_opened(kind: str) -> None:
    make, most, _ = BOUNDS[kind]
    profile = compile_profile(EVERY_MODE, "ecs-then-eci")
    pod = make(most)
    pod["metadata"] |= {"resourceVersion": "1"}
    (found, first), (_, large) = (respond(body, profile) for body in _sizes(review(pod)))
    # A required term that is empty matches no node.
    reason = "own-requirement" if kind == "required terms" else ""
    assert first == large
    assert (first.outcome, first.reason) == ("patched", reason)
    waiting = patched(pod, json.loads(found)["response"])
    assert respond(review(waiting), profile)[1].operations == 0
    decision = decide_for(msgspec.convert(waiting, Pod), "default", profile)
    assert isinstance(decision, Decision)
    if reason:
        assert decision.placement.wait is None
        return
    operations = msgspec.json.encode(opening(decision.pod, "1", decision.placement))
    opened = jsonpatch.apply_patch(waiting, json.loads(operations))
    for body in _sizes(review(opened)):
        assert respond(body, profile)[1].reason == "own-toleration"


@pytest.mark.parametrize("beyond", [1, 300, 40_000])
@pytest.mark.parametrize("kind", BOUNDS)
def test_a_pod_beyond_the_bound_is_allowed_unchanged(kind: str, beyond: int) -> None:
    make, most, what = BOUNDS[kind]
    sentence = _sentence(what, most)
    record = f"mode=eci-only,profile=default,policy={POLICY.digest},reason=too-large"
    for body in _sizes(review(make(most + beyond))):
        found, facts = respond(body, PROFILES["default"])
        assert json.loads(found)["response"] == {
            "uid": UID,
            "allowed": True,
            "warnings": [sentence],
            "auditAnnotations": {"placement": record},
        }
        assert facts == Admission(
            uid=UID,
            outcome="unchanged",
            profile="default",
            namespace="default",
            name="p",
            application="etl",
            role="executor",
            mode="eci-only",
            reason="too-large",
            cautions=(Caution("too-large", sentence),),
        )
    assert len(sentence) <= LIMIT


ADDING = compile_profile(
    parse_policy(
        b"profiles: {default: {executor: {mode: eci-only, labels: {%b}, always: {labels: {%b}, annotations: {%b}}}}}"
        % tuple(b",".join(b"%b%d: b" % (kind, index) for index in range(100)) for kind in (b"a", b"b", b"c")),
        "p.yaml",
    ),
    "default",
)


def test_what_the_policy_adds_does_not_count() -> None:
    pod = _pod({"labels": LABELS | _map(MOST_KEYS - len(LABELS)), "annotations": _map(MOST_KEYS)})
    for body in _sizes(review(pod)):
        found, facts = respond(body, ADDING)
        assert (facts.outcome, facts.cautions) == ("patched", ())
    after = patched(json.loads(json.dumps(pod)), json.loads(found)["response"])
    assert len(after["metadata"]["labels"]) == MOST_KEYS + 200
    assert len(after["metadata"]["annotations"]) == MOST_KEYS + 102
    for body in _sizes(review(after)):
        assert respond(body, ADDING)[1].outcome == "unchanged"


@pytest.mark.parametrize("more", [0, MOST_ADDED, MOST_ADDED + 1])
def test_keys_of_a_policy_in_the_pod_itself_count_beyond_what_one_pod_can_get(more: int) -> None:
    """So a large body is answered as a small one, even if shares of a mix could add thousands of labels."""
    shares = b",".join(
        b"{percent: 1, mode: eci-only, labels: {%b}}" % b",".join(b"s%d-%d: b" % (share, index) for index in range(100))
        for share in range(100)
    )
    policy = parse_policy(b"profiles: {default: {executor: {mix: [%b]}}}" % shares, "p.yaml")
    profile = compile_policy(policy)["default"]
    own = {f"s{number // 100}-{number % 100}": "" for number in range(MOST_KEYS + more - len(LABELS))}
    answers = [respond(body, profile) for body in _sizes(review(_pod({"labels": LABELS | own})))]
    assert answers[0] == answers[1]
    assert (answers[0][1].reason == "too-large") == (more > MOST_ADDED)


@pytest.mark.parametrize("count", [MOST_OWNERS, MOST_OWNERS + 1, 40_000])
def test_the_owners_of_a_large_review_number_an_executor_as_those_of_a_small_one(count: int) -> None:
    policy = b"profiles: {default: {executor: {mode: eci-only, first: {count: 9, mode: ecs-only}}}}"
    profile = compile_policy(parse_policy(policy, "p.yaml"))["default"]
    pod = _pod({"name": "s-3", "labels": LABELS | {"spark-exec-id": "EXECID"}})
    pod["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": "s"}] * count
    small, large = (respond(body, profile) for body in _sizes(review(pod)))
    assert small == large
    assert small[1].mode == ("ecs-only" if count == MOST_OWNERS else "eci-only")


def _many(metadata: Any = None) -> dict[str, Any]:
    return _pod(metadata, tolerations=[{"operator": "Exists"}] * 1_001)


TOLERATIONS = _sentence("tolerations", 1000)
REFUSED = f"{MODE} is not allowed by the profile strict"


@pytest.mark.parametrize(
    ("profile", "annotations", "outcome", "mode", "reason", "warnings", "audit"),
    [
        ("deny", {}, "denied", "eci-first", "too-large", [TOLERATIONS], ""),
        ("observe", {}, "observed", "eci-only", "too-large", [TOLERATIONS], ",observed"),
        ("nobody", {}, "skipped", "none", "outside-rollout", [], ""),
        ("nobody", {MODE: "eci-first"}, "unchanged", "eci-first", "too-large", [TOLERATIONS], ""),
        ("default", {MODE: "ecs-only"}, "unchanged", "ecs-only", "too-large", [TOLERATIONS], ""),
        ("default", {MODE: "none"}, "patched", "none", "override", [], ""),
        ("strict", {MODE: "none"}, "unchanged", "ecs-only", "too-large", [REFUSED, TOLERATIONS], ""),
        ("mix", {}, "unchanged", "eci-first", "too-large", [TOLERATIONS], ""),
    ],
)
def test_overrides_rollout_mix_and_observe_keep_their_meaning(
    profile: str, annotations: dict[str, str], outcome: str, mode: str, reason: str, warnings: list[str], audit: str
) -> None:
    large = annotations | {f"k{index}": "" for index in range(40_000)}
    for pod in (_many({"annotations": annotations}), _pod({"annotations": large})):
        told = [one.replace("tolerations", "annotations").replace("1000", "10000") for one in warnings]
        expected = warnings if "tolerations" in pod["spec"] else told
        found, facts = respond(review(pod), PROFILES[profile])
        response = json.loads(found)["response"]
        assert (facts.outcome, facts.mode, facts.reason) == (outcome, mode, reason)
        assert response.get("warnings", []) == expected
        record = f"mode={mode},profile={profile},policy={POLICY.digest},reason={reason}{audit}"
        assert response["auditAnnotations"] == {"placement": record}
        assert ("patch" in response) == (outcome == "patched")
        if outcome == "denied":
            assert response["status"] == {"message": expected[-1], "code": 403, "reason": "Forbidden"}


def test_a_pod_that_is_not_selected_is_left_alone_whatever_its_size() -> None:
    for labels in ({}, LABELS | {"spark-role": "other"}):
        for many in ({}, _map(40_000)):
            found, facts = respond(review(_many({"labels": labels | many})), PROFILES["default"])
            assert json.loads(found)["response"] == {"uid": UID, "allowed": True}
            assert (facts.outcome, facts.cautions) == ("skipped", ())


def test_of_too_many_labels_those_that_decide_are_read() -> None:
    labels = LABELS | _map(40_000, spark__app__name="x")
    found, facts = respond(review(_pod({"labels": labels})), PROFILES["mix"])
    assert (facts.application, facts.role, facts.mode, facts.reason) == ("etl", "executor", "eci-first", "too-large")
    with pytest.raises(ReviewError, match=r"^request\.object\.metadata\.labels\.spark-role: expected str, got int$"):
        respond(review(_pod({"labels": labels | {"spark-role": 7}})), PROFILES["mix"])
    assert found


@pytest.mark.parametrize(
    "text",
    ['"' * 200_000, "\\" * 200_000, '\\"' * 100_000, '{"a":[1,' * 30_000, "," * 300_000, "é😀" * 30_000, "\n" * 99_999],
)
def test_what_stands_in_a_string_does_not_count(text: str) -> None:
    """As in an annotation that holds the JSON of a whole object."""
    pod = _pod(
        {"annotations": {"a": text, text: "b"}},
        containers=[{"name": "spark", "args": [text], "env": [{"name": "A", "value": "b"}] * 5000}],
        volumes=[{"name": text, "projected": {"sources": [{}] * 5000}}],
        nodeSelector={"a": text},
        affinity=_affinity([{"matchExpressions": [_in(text)]}]) | {"podAffinity": [{"a": {}}] * 50_000},
        tolerations=[{"key": "k", "operator": "Equal", "value": text}],
    )
    assert respond(review(pod), PROFILES["default"])[1].outcome == "patched"


@pytest.mark.parametrize("fault", [name for name, (_, sentence) in FAULTS.items() if sentence.startswith("request.")])
def test_a_fault_in_a_large_review_has_the_same_sentence(fault: str) -> None:
    body, sentence = FAULTS[fault]
    with pytest.raises(ReviewError) as error:
        respond(body.ljust(SMALL + 1), PROFILES["default"])
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"tolerations": [{"key": 7}]}, "spec.tolerations[0].key: expected str | null, got int"),
        ({"containers": 7}, "spec.containers: expected array | null, got int"),
        ({"volumes": [{"name": "a" * SMALL}, 7]}, "spec.volumes[1]: expected object, got int"),
        ({"nodeSelector": {"a": None}}, "spec.nodeSelector[...]: expected str, got null"),
        (
            {"affinity": _affinity([{"matchExpressions": [{"key": "a"}]}])},
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
            ".matchExpressions[0].operator: required, but missing",
        ),
        (
            {"affinity": _affinity([], [{"weight": 2**31, "preference": {}}])},
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: expected int <= "
            "2147483647",
        ),
    ],
)
def test_a_field_of_a_large_review_is_named_as_in_a_small_one(spec: Any, sentence: str) -> None:
    for body in _sizes(review(_pod(**spec))):
        with pytest.raises(ReviewError) as error:
            respond(body, PROFILES["default"])
        assert str(error.value) == f"request.object.{sentence}"


def test_a_bytearray_is_read_as_bytes_are() -> None:
    for body in _sizes(review(_pod())):
        assert respond(bytearray(body), PROFILES["default"]) == respond(body, PROFILES["default"])
    with pytest.raises(ReviewError, match="the body is not UTF-8 at byte 0"):
        respond(bytearray(b"\xff"), PROFILES["default"])


def test_a_bytearray_is_free_after_it_was_read() -> None:
    """Its owner may change its size again."""
    body = bytearray(review(_many()).ljust(SMALL + 1))
    respond(body, PROFILES["default"])
    body += b" "


def test_only_short_images_are_compared_with_patterns() -> None:
    text = "imageCache: {auto: false, snapshots: [{image: 'a*', id: imc-1}]}"
    policy = parse_policy(f"profiles: {{default: {{executor: {{mode: eci-only, {text}}}}}}}".encode(), "p.yaml")
    for length, matches in ((1024, True), (1025, False)):
        pod = _pod(containers=[{"image": "a" * length}])
        annotations = patched(pod, answer(pod, policy))["metadata"]["annotations"]
        assert ("k8s.aliyun.com/eci-image-snapshot-id" in annotations) == matches


def _fill(entry: str) -> str:
    """As many entries as fit into 4 MiB, each with its number."""
    return ",".join([entry.replace("#", f"{index:06}") for index in range(4 * MIB // (len(entry) + 7))])


def _list(field: str, entries: str) -> str:
    return f'"{field}":[{entries}]'


def _map_of(field: str) -> str:
    return f'"{field}":{{' + _fill('"#":""') + "}"


EMPTY = ",".join(["{}"] * (MIB * 4 // 3))
TERMS = '"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[%s]}}}'
PREFERRED = '"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[%s]}}'
HOSTILE = {
    "tolerations": _list("tolerations", EMPTY),
    "terms": TERMS % EMPTY,
    "preferred": PREFERRED % _fill('{"weight":1,"preference":{}}'),
    "requirements": TERMS % '{"matchExpressions":[%s]}' % _fill('{"key":"#","operator":""}'),
    "values": TERMS % '{"matchExpressions":[{"key":"type","operator":"NotIn","values":[%s]}]}' % _fill('"#"'),
    "values just unnoticed": TERMS
    % '{"matchExpressions":[{"key":"type","operator":"NotIn","values":[%s]}]}'
    % ",".join(f'"😀{index:050}"' for index in range(68_000)),
    "containers": _list("containers", EMPTY),
    "initContainers": _list("initContainers", _fill('{"name":"#","securityContext":{}}')),
    "volumes": _list("volumes", _fill('{"hostPath":{}}')),
    "volumes of the wrong type": _list("volumes", ",".join(["7"] * (MIB * 2))),
    "nodeSelector": _map_of("nodeSelector"),
    "repeated fields": _fill('"tolerations":[{},{},{},{}],"x":"#"'),
    "a repeated list": _list("tolerations", EMPTY) + ',"tolerations":[]',
    "a wide string": f'"nodeName":"{"a" * (4 * MIB - 8)}😀"',
    "other fields": _list("x", _fill('{"#":{}}')),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_memory_stays_bounded(kind: str) -> None:
    """4 MiB of one thing take less than 40 MiB to decide about, in every profile."""
    body = review({"metadata": {"labels": LABELS}, "spec": {"MARK": 0}}).replace(b'"MARK": 0', HOSTILE[kind].encode())
    assert _peak(body, PROFILES["default"]) < 40 * MIB


@pytest.mark.parametrize("field", ["labels", "annotations", "ownerReferences"])
def test_memory_stays_bounded_for_metadata(field: str) -> None:
    body = review({"metadata": {"labels": LABELS, "MARK": 0}, "spec": {}})
    assert _peak(body.replace(b'"MARK": 0', _map_of(field).encode()), PROFILES["default"]) < 40 * MIB


def test_memory_stays_bounded_for_the_rollout() -> None:
    labels = LABELS | {"spark-app-name": "-1" * (2 * MIB - 500)}
    body = json.dumps(json.loads(review(_pod({"labels": labels}))), ensure_ascii=False).encode()
    assert _peak(body, PROFILES["nobody"]) < 40 * MIB


def _peak(body: bytes, profile: CompiledProfile) -> int:
    """The most memory (bytes) that Python allocates while it answers `body`."""
    tracemalloc.start()
    try:
        respond(body, profile)
    except ReviewError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_the_answer_stays_small() -> None:
    term = {"matchExpressions": [_in(*(f"v{index}" for index in range(10)))]}
    found, facts = respond(review(_pod(affinity=_affinity([term] * 1000))), PROFILES["default"])
    assert facts.operations == 1002
    assert len(found) < MIB // 2


def test_the_built_in_policy_reads_only_the_role_and_the_selector() -> None:
    pod = _pod({"labels": LABELS | _map(40_000)})
    assert answer(pod, Policy())["warnings"] == [_sentence("labels", 10_000)]


@pytest.mark.parametrize("text", ['"\\x"', '"\\ud800"', '"\x01"', "01"])
def test_what_a_large_review_skips_at_first_must_be_json(text: str) -> None:
    with pytest.raises(ReviewError, match=r"^the body: JSON is malformed: "):
        respond(_with_containers(f'[{{"name": {text}}}]'), PROFILES["default"])


def test_a_large_review_of_any_depth_is_answered_or_refused() -> None:
    """What is skipped at first is read from a deeper place, so its recursion ends a little sooner or later."""
    answered, refused = 1, 2
    while _of_depth(refused) == "patched":
        answered, refused = refused, 2 * refused
    while refused - answered > 1:
        middle = (answered + refused) // 2
        answered, refused = (middle, refused) if _of_depth(middle) == "patched" else (answered, middle)
    # Python 3.11 ends the recursion at less than 1,000, Python 3.13 at 10,000.
    outcomes = {_of_depth(depth) for depth in range(refused - 100, refused + 100)}
    assert outcomes == {"patched", "the body is nested too deeply"}


def _of_depth(depth: int) -> str:
    """The outcome of a large review whose container has a field of `depth` lists in each other, or why it is refused."""
    nested = "[" * depth + "]" * depth
    try:
        return respond(_with_containers(f'[{{"x": "{"y" * 70_000}", "z": {nested}}}]'), PROFILES["default"])[1].outcome
    except ReviewError as error:
        return str(error)


def _with_containers(containers: str) -> bytes:
    pod = json.dumps(_pod(containers="CONTAINERS")).replace('"CONTAINERS"', containers)
    return review("POD", padding="x" * SMALL).replace(b'"POD"', pod.encode())
