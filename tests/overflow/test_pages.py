"""Lists of pods of any size, from a server in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, ClassVar, cast

import pytest

from certs.cluster import Cluster
from webhook.overflow.api_server import _PAGE, _PAGE_BYTES, ApiServer, waiting_pods
from webhook.overflow.clock import ServerClock

#: The longest object that etcd stores by default.
LARGEST = 1_500_000


class _Answer(BytesIO):
    headers: ClassVar[dict[str, str]] = {}


class _Server:
    """Pods of the given sizes."""

    def __init__(self, sizes: list[int]) -> None:
        self._pods = [
            {"metadata": {"uid": f"{index}", "annotations": {"text": "x" * size}}, "spec": {}}
            for index, size in enumerate(sizes)
        ]
        self.taken: list[int] = []

    @contextmanager
    def opened(
        self, _what: str, _method: str, _path: str, query: dict[str, str], *_: Any, **__: Any
    ) -> Iterator[_Answer]:
        begin = int(query.get("continue", "0"))
        end = begin + int(query["limit"])
        following = str(end) if end < len(self._pods) else ""
        answer = _Answer(json.dumps({"metadata": {"continue": following}, "items": self._pods[begin:end]}).encode())
        yield answer
        self.taken.append(answer.tell())


@pytest.mark.parametrize(
    ("sizes", "most_calls"),
    [
        ([10] * 1000, 4),
        ([10_000] * 1000, 4),
        ([*[10] * 700, *[LARGEST] * 8, *[10] * 2000], 35),
        ([3 * _PAGE_BYTES, 10], 6),
        ([], 1),
    ],
    ids=["small", "usual", "some are large", "one is larger than a page", "none"],
)
def test_every_pod_is_listed_and_no_page_takes_much_memory(sizes: list[int], most_calls: int) -> None:
    server = _Server(sizes)
    pages = list(ApiServer(cast(Cluster, server), ServerClock()).pages(waiting_pods(None)))
    assert [int(pod.metadata.uid) for page in pages for pod in page.items or ()] == list(range(len(sizes)))
    assert len(server.taken) <= most_calls
    assert max(server.taken) <= max(_PAGE_BYTES + 1, *sizes, 0) + 1000
    assert max(len(page.items or ()) for page in pages) <= _PAGE
