"""What the service answers for a pod, and the verdict that follows, found without the code of adopt.

The service's own answer to the pod's AdmissionReview says what it does. Whether something of the pod's own wins is found
by asking again, for the same pod without it.
"""

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import jsonpatch

from tests.admission_reviews import review
from tests.adopt import policies
from tests.adopt.documents import KUBEFLOW
from tests.adopt.placements import TAINT
from tests.adopt.spark_pods import Made
from webhook.core.profile import CompiledProfile, compile_policy
from webhook.core.review import respond
from webhook.service.policy_file import parse_policy

JSON = dict[str, Any]

RECORD: Final = "spark-eci-webhook/placement"
SEVERITY: Final = {"same": 0, "changes": 1, "conflicts": 2}
#: The reasons by which something of the pod's own wins.
_OWN_WINS: Final = {
    *("own-requirement", "own-preference", "own-toleration", "excludes-virtual-nodes", "demands-virtual-nodes"),
    *("outranked", "other-scheduler", "node-name-set"),
}
_ECI: Final = "k8s.aliyun.com/eci-"
_CACHES: Final = [_ECI + key for key in ("image-cache", "image-snapshot-id", "auto-imc", "imc-id")]
_OUTRANKING: Final = ("alibabacloud.com/eci", "alibabacloud.com/acs")
#: How many executors are tried where their numbers matter: each share has one of them.
_NUMBERS: Final = 4


@dataclass(frozen=True)
class Answered:
    """A pod, and what the service makes of it."""

    title: str
    before: JSON
    after: JSON
    """The pod with the service's patch; as before if it sends none."""
    mode: str
    reason: str
    own: bool
    """Whether the pod says itself where it runs."""
    verdict: str


class Service:
    """The service with one policy."""

    def __init__(self, policy: str) -> None:
        self._rules = policies.profiles(policy)
        self._profiles = compile_policy(policies.parsed(policy))
        # An observed rule tells what it would do, but shows it only if it does it.
        text = policies.text(policy).replace("observe: true", "observe: false")
        self._acting = compile_policy(parse_policy(text.encode(), policy)) if policy != "built-in" else self._profiles

    def answers(self, made: Made, profile: str) -> list[Answered]:
        """The answer for each pod of an application that is made."""
        found = []
        for title, pod in made.pods.items():
            numbered = title == "worker" or (title == "executor" and _is_numbered(pod))
            shared = numbered and {"mix", "first"} & self._rules[profile]["executor"].keys()
            count = min(made.executors, _NUMBERS) if shared else 1
            found += [self._answer(title, _with_number(pod, number), profile) for number in range(1, count + 1)]
        return found

    def _answer(self, title: str, pod: JSON, profile: str) -> Answered:
        after, facts = _asked(pod, self._profiles[profile])
        acting, _ = _asked(pod, self._acting[profile])
        added = _without_record(acting) != _without_record(pod)
        decided = bool(facts["mode"])
        own = decided and _has_own(pod)
        verdict = "changes" if own and added else "same"
        if decided and (
            facts["denied"]
            or _OWN_WINS & facts["cautions"]
            or any(self._wins(pod, acting, keys, profile) for keys in _own_entries(pod))
        ):
            verdict = "conflicts"
        return Answered(title, pod, after, facts["mode"], facts["reason"], own, verdict)

    def _wins(self, pod: JSON, after: JSON, keys: tuple[str, ...], profile: str) -> bool:
        """Whether the service would give the pod another value if it had no annotations or labels of these keys."""
        bare = copy.deepcopy(pod)
        for part in ("annotations", "labels"):
            bare["metadata"][part] = {
                key: value for key, value in bare["metadata"].get(part, {}).items() if key not in keys
            }
        given, _ = _asked(bare, self._acting[profile])
        return any(
            after["metadata"].get(part, {}).get(key) != value
            for part in ("annotations", "labels")
            for key, value in given["metadata"][part].items()
            if key != RECORD and key not in bare["metadata"][part]
        )


def equal(one: JSON, other: JSON) -> bool:
    """Whether two pods are equal, apart from the record; tolerations as a set, and nothing is as good as empty."""
    return _compared(one) == _compared(other)


def _compared(pod: JSON) -> JSON:
    found = _without_record(pod)
    tolerations = found["spec"].get("tolerations") or []
    found["spec"]["tolerations"] = sorted({json.dumps(one, sort_keys=True) for one in tolerations})
    for part in ("metadata", "spec"):
        found[part] = {key: value for key, value in found[part].items() if value not in ({}, [], None, "")}
    return found


def _without_record(pod: JSON) -> JSON:
    found: JSON = copy.deepcopy(pod)
    annotations = found["metadata"].get("annotations", {})
    annotations.pop(RECORD, None)
    if not annotations:
        found["metadata"].pop("annotations", None)
    return found


def _asked(pod: JSON, profile: CompiledProfile) -> tuple[JSON, JSON]:
    """The pod after the service, and the facts of its answer."""
    body, admission = respond(review(pod, namespace=pod["metadata"]["namespace"]), profile)
    response = json.loads(body)["response"]
    facts = {
        "mode": str(admission.mode),
        "reason": str(admission.reason),
        "denied": not response["allowed"],
        "cautions": {str(one.reason) for one in admission.cautions},
    }
    if "patch" not in response:
        return pod, facts
    return jsonpatch.apply_patch(pod, json.loads(base64.b64decode(response["patch"]))), facts


def _is_numbered(pod: JSON) -> bool:
    return str(pod["metadata"]["labels"].get("spark-exec-id", "")).isdigit()


def _with_number(pod: JSON, number: int) -> JSON:
    """The executor or worker with a number, made of the first one."""
    if number == 1:
        return pod
    found: JSON = copy.deepcopy(pod)
    metadata, labels = found["metadata"], found["metadata"]["labels"]
    if "spark-exec-id" in labels:
        labels["spark-exec-id"] = str(number)
        metadata["name"] = f"{metadata['name'].rpartition('-')[0]}-{number}"
        return found
    metadata["name"] = f"{metadata['name'].rpartition('-')[0]}-{number - 1}"
    labels["statefulset.kubernetes.io/pod-name"] = metadata["name"]
    labels["apps.kubernetes.io/pod-index"] = str(number - 1)
    return found


def _own_entries(pod: JSON) -> Iterator[tuple[str, ...]]:
    """The keys of annotations and labels that go together: each for itself, and those of image caches."""
    metadata = pod["metadata"]
    for key in {**metadata.get("annotations", {}), **metadata.get("labels", {})}:
        operators = ("spark-", f"{KUBEFLOW}/", "spark.operator/", "spark-eci-webhook/")
        if key not in _CACHES and not key.startswith(operators):
            yield (key,)
    if any(key in metadata.get("annotations", {}) for key in _CACHES):
        yield tuple(_CACHES)


def _has_own(pod: JSON) -> bool:
    """Whether a pod says itself where it runs."""
    labels, spec = pod["metadata"].get("labels", {}), pod["spec"]
    node = spec.get("affinity", {}).get("nodeAffinity", {})
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    preferred = node.get("preferredDuringSchedulingIgnoredDuringExecution", [])
    terms = [*required, *(one["preference"] for one in preferred)]
    return (
        any(_opens(one) for one in spec.get("tolerations", []))
        or any(one["key"] == "type" for term in terms for one in term.get("matchExpressions", []))
        or "type" in spec.get("nodeSelector", {})
        or any(labels.get(key, "false") != "false" for key in _OUTRANKING)
    )


def _opens(toleration: JSON) -> bool:
    """Whether a toleration tolerates the taint of the virtual node."""
    if toleration.get("effect") not in (None, "", "NoSchedule"):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", TAINT)
    return toleration.get("key") == TAINT and toleration.get("value") == "alibabacloud"
