"""Answers with parts that users write and nobody reads."""

import json

import pytest

from tests.overflow.stored_pods import stored
from webhook.overflow.decoder import UnreadableError, decoded, shallow
from webhook.overflow.pods import read_pod

#: As deep as the API server accepts it.
DEEPEST = 10_000


def _pod(fields: bytes) -> bytes:
    return b'{"metadata":{"name":"a","managedFields":[{"fieldsV1":%b}],"uid":"b"},"spec":{}}' % fields


@pytest.mark.parametrize(("left", "right"), [(b'{"f:\\"a":', b"}"), (b"[", b"]")])
def test_a_pod_is_read_however_deep_its_managed_fields_are(left: bytes, right: bytes) -> None:
    pod = decoded(read_pod, _pod(left * DEEPEST + b'"[{\\\\"' + right * DEEPEST), "read")
    assert (pod.metadata.name, pod.metadata.uid) == ("a", "b")


def test_what_is_not_too_deep_is_left_as_it_is() -> None:
    found = {"a": [{"b": '\\"]}'}, [[]], "\\"], "c": stored("a").metadata.labels}
    text = json.dumps(found).encode()
    assert shallow(text) == text


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"metadata":{"name":"\xff"},"spec":{}}', b"[" * DEEPEST])
def test_an_answer_of_another_kind_is_a_fault_of_the_call(answer: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"^could not get the Pod a/b: the answer cannot be read: "):
        decoded(read_pod, answer, "get the Pod a/b")
