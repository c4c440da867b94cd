"""Cutting takes work in proportion to the applications, whether they are documents or items of one list."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
import yaml

from tests.adopt.test_styles import Generated, place
from tests.adopt.yaml_styles import Styles
from webhook.adopt.slim_file import slim
from webhook.explain.explanation import WorkloadExplanation

FEW, MANY = 40, 200
#: How often an application is explained, on average. 6 are measured.
MOST_EXPLANATIONS = 8
#: How much more processor time an application of many takes than one of few. About 1 is measured, and 5 if each
#: application were compared with all others.
MOST_GROWTH = 2


RANDOM = Random(0)  # noqa: S311, the same documents each time


def generated(size: int) -> list[Generated]:
    return [Generated(RANDOM, tidy=number % 2 == 0) for number in range(size)]


def documents(size: int) -> bytes:
    texts = [Styles(RANDOM, one.whole, tidy=True).text(one.document) for one in generated(size)]
    return b"\n---\n".join(one.removeprefix(b"\xef\xbb\xbf").removesuffix(b"...") for one in texts)


def items(size: int) -> bytes:
    found = {"apiVersion": "v1", "kind": "List", "items": [one.document for one in generated(size)]}
    return yaml.dump(found, Dumper=_WithoutAliases, sort_keys=False).encode()


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, _: object) -> bool:
        return True


@pytest.mark.parametrize("write", [documents, items])
def test_work_grows_as_the_applications_do(write: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        explained = 0

        def counted(document: Any) -> Sequence[WorkloadExplanation]:
            nonlocal explained
            found = place(document)
            explained += len(found)
            return found

        content = write(size)
        start = time.process_time()
        found = slim(content, counted)
        taken = time.process_time() - start
        assert len(found.cuts) > size
        assert explained < MOST_EXPLANATIONS * size
        return taken / size

    few = min(seconds(FEW) for _ in range(3))
    # A busy machine only adds to the time.
    assert any(seconds(MANY) < MOST_GROWTH * few for _ in range(3))
