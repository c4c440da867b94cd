"""Reviews: ordinary ones, and the largest that make the most work."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from string import ascii_letters, digits
from typing import Any, Final

from tests.admission_reviews import review

POD: dict[str, Any] = {
    "metadata": {
        "name": "p",
        "labels": {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "executor"},
    },
    "spec": {"containers": [{"name": "spark", "image": "registry/spark:3.5.2"}]},
}
#: The largest body that the service reads by default.
MAX_BODY: Final = 4 * 1024**2
#: The most tolerations, terms and values of a pod that is placed.
TOLERATIONS, TERMS, VALUES = 1_000, 1_000, 10_000

_HOLE: Final = "@@"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def metadata(**fields: Any) -> bytes:
    """A review of POD with other fields in its metadata."""
    return review(POD | {"metadata": POD["metadata"] | fields})


def spec(**fields: Any) -> bytes:
    """A review of POD with other fields in its spec."""
    return review(POD | {"spec": POD["spec"] | fields})


def required(terms: Any) -> bytes:
    """A review of a pod with the `terms` of a required node affinity."""
    return spec(affinity={"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": terms}}})


def values_of(values: Any) -> bytes:
    """A review of a pod with one requirement with `values` on the virtual node's label."""
    return required([{"matchExpressions": [{"key": "type", "operator": "In", "values": values}]}])


def filled(template: bytes, units: Iterable[bytes], brackets: bytes = b"[]", most: int = MAX_BODY) -> bytes:
    """`template` with as many of `units` in its hole as a body of `most` bytes may have."""
    before, after = template.split(f'"{_HOLE}"'.encode())
    room = most - len(before) - len(after) - 2
    parts = []
    for unit in units:
        room -= len(unit) + 1
        if room < 0:
            break
        parts.append(unit)
    return b"".join([before, brackets[:1], b",".join(parts), brackets[1:], after])


def repeated(unit: bytes, count: int = MAX_BODY) -> Iterable[bytes]:
    """`unit`, `count` times."""
    return (unit for _ in range(count))


def _keys() -> Iterable[bytes]:
    """Different short keys with the value of the empty string."""
    return (b'"%s":""' % "".join(letters).encode() for letters in product(ascii_letters + digits, repeat=4))


def _nested(depth: int) -> bytes:
    return spec(volumes=_HOLE).replace(b'"@@"', b'[{"name":' + b"[" * depth + b"]" * depth + b"}]")


def _text(text: bytes) -> bytes:
    """An annotation whose value fills the body with `text`, whole characters of it."""
    template = metadata(annotations={"a": _HOLE})
    return template.replace(b"@@", text * ((MAX_BODY - len(template)) // len(text)))


@dataclass(frozen=True)
class Work:
    """A review that makes work, and the answer that it must have."""

    body: Callable[[], bytes]
    answer: str
    """`too-large`: allowed, unpatched, with the reason. `patched`: allowed and patched. `allowed`: either.
    `read`: allowed, or refused with 400."""
    profile: str = "eci-only"

    @property
    def request(self) -> bytes:
        """The whole request."""
        body = self.body()
        assert len(body) <= MAX_BODY
        return b"POST /mutate/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (
            self.profile.encode(),
            len(body),
            body,
        )


_OTHER: Final = {"group": "", "version": "v1", "kind": "ConfigMap"}
_EXISTS: Final = b'{"key":"a","operator":"Exists"}'
_TERM: Final = b'{"matchExpressions":[%s]}' % _EXISTS
_ONE: Final = b'{"weight":1,"preference":%s}' % _TERM


def _large_terms(count: int, value: int) -> bytes:
    term = b'{"matchExpressions":[{"key":"zone","operator":"In","values":["%s"]}]}' % (b"x" * value)
    return filled(required(_HOLE), repeated(term, count))


def _expressions() -> bytes:
    term = b'{"matchExpressions":[%s]}' % b",".join(repeated(_EXISTS, 130))
    return filled(required(_HOLE), repeated(term, TERMS))


def _preferences(count: int) -> bytes:
    return filled(spec(affinity={"nodeAffinity": {_PREFERRED: _HOLE}}), repeated(_ONE, count))


#: Reviews at the limits, which are answered like any other.
LEGAL: Final[dict[str, Work]] = {
    "1,000 tolerations": Work(lambda: filled(spec(tolerations=_HOLE), repeated(b"{}", TOLERATIONS)), "patched"),
    "1,000 terms": Work(lambda: filled(required(_HOLE), repeated(_TERM, TERMS)), "patched"),
    "1,000 large terms": Work(lambda: _large_terms(TERMS, 4_000), "patched"),
    "10,000 values": Work(
        lambda: filled(
            required([{"matchExpressions": [{"key": "zone", "operator": "In", "values": _HOLE}]}]),
            (b'"v%d"' % n for n in range(VALUES)),
        ),
        "patched",
    ),
}

LARGE: Final[dict[str, Work]] = LEGAL | {
    "1.4 million tolerations": Work(lambda: filled(spec(tolerations=_HOLE), repeated(b"{}")), "too-large"),
    "1,001 tolerations": Work(lambda: filled(spec(tolerations=_HOLE), repeated(b"{}", TOLERATIONS + 1)), "too-large"),
    "own tolerations": Work(
        lambda: filled(spec(tolerations=_HOLE), (b'{"key":"k%d","operator":"Exists"}' % n for n in range(MAX_BODY))),
        "too-large",
    ),
    "400,000 values": Work(lambda: filled(values_of(_HOLE), (b'"%d"' % n for n in range(400_000))), "too-large"),
    "one-letter values": Work(lambda: filled(values_of(_HOLE), repeated(b'"v"')), "too-large"),
    "1,001 terms": Work(lambda: filled(required(_HOLE), repeated(_TERM, TERMS + 1)), "too-large"),
    "terms": Work(lambda: filled(required(_HOLE), repeated(_TERM)), "too-large"),
    "empty terms": Work(lambda: filled(required(_HOLE), repeated(b"{}")), "too-large"),
    "terms of profile ecs-only": Work(lambda: filled(required(_HOLE), repeated(_TERM)), "too-large", "ecs-only"),
    "preferences": Work(lambda: _preferences(MAX_BODY), "too-large", "ecs-first"),
    "expressions": Work(_expressions, "allowed"),
    "empty expressions": Work(
        lambda: filled(required([{"matchExpressions": _HOLE}]), repeated(b'{"key":"","operator":""}')), "allowed"
    ),
    "labels": Work(lambda: filled(review(POD | {"metadata": {"labels": _HOLE}}), _keys(), b"{}"), "allowed"),
    "annotations": Work(lambda: filled(metadata(annotations=_HOLE), _keys(), b"{}"), "allowed"),
    "node selector": Work(lambda: filled(spec(nodeSelector=_HOLE), _keys(), b"{}"), "allowed"),
    "volumes": Work(lambda: filled(spec(volumes=_HOLE), repeated(b"{}")), "allowed"),
    "containers": Work(lambda: filled(spec(containers=_HOLE), repeated(b"{}")), "allowed"),
    "init containers": Work(lambda: filled(spec(initContainers=_HOLE), repeated(b'{"securityContext":{}}')), "allowed"),
    "a long string": Work(lambda: _text(b"x"), "allowed"),
    "escapes": Work(lambda: _text(rb"\u00e9"), "allowed"),
    "not ASCII": Work(lambda: _text("日本".encode()), "allowed"),
    "not UTF-8": Work(lambda: _text(b"\xff"), "read"),
    "nested": Work(lambda: _nested(2_000_000), "read"),
    "numbers": Work(lambda: filled(spec(volumes=_HOLE), repeated(b"9")), "read"),
    "unread fields": Work(lambda: filled(spec(other=_HOLE), repeated(b"{}")), "allowed"),
    "names again and again": Work(
        lambda: filled(review(POD | {"spec": _HOLE}), repeated(b'"tolerations":[]'), b"{}"), "allowed"
    ),
    "another kind of object": Work(lambda: filled(review(_HOLE, kind=_OTHER), repeated(b"{}")), "allowed"),
}


@cache
def request(name: str) -> bytes:
    """The request of one of LARGE."""
    return LARGE[name].request


def wrong(expected: str, status: int, body: bytes) -> str | None:
    """What is wrong with an answer, or None."""
    if status == 400 and expected == "read":
        return None
    if status != 200:
        return f"status {status}: {body[:100].decode()}"
    response = json.loads(body)["response"]
    if not response["allowed"]:
        return "not allowed"
    told = "reason=too-large" in str(response.get("auditAnnotations"))
    if expected == "too-large":
        return (
            None
            if told and "patch" not in response
            else "patched, not too large"
            if "patch" in response
            else "unmarked"
        )
    if expected == "patched" and "patch" not in response:
        return "unpatched"
    return None
