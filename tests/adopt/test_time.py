"""Cutting 500 applications takes seconds, whether they are documents or items of one list."""

import time
from collections.abc import Callable
from random import Random

import pytest
import yaml

from tests.adopt.test_styles import Generated, place
from tests.adopt.yaml_styles import Styles
from webhook.adopt.slim_file import slim

APPLICATIONS = 500
#: Of processor time. The measured times are 2 to 3 s on a busy machine.
MOST_SECONDS = 10


RANDOM = Random(0)  # noqa: S311, the same documents each time


def generated() -> list[Generated]:
    return [Generated(RANDOM, tidy=number % 2 == 0) for number in range(APPLICATIONS)]


def documents() -> bytes:
    texts = [Styles(RANDOM, one.whole, tidy=True).text(one.document) for one in generated()]
    return b"\n---\n".join(one.removeprefix(b"\xef\xbb\xbf").removesuffix(b"...") for one in texts)


def items() -> bytes:
    found = {"apiVersion": "v1", "kind": "List", "items": [one.document for one in generated()]}
    return yaml.dump(found, Dumper=_WithoutAliases, sort_keys=False).encode()


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, _: object) -> bool:
        return True


@pytest.mark.parametrize("write", [documents, items])
def test_500_applications_take_seconds(write: Callable[[], bytes]) -> None:
    content = write()
    start = time.process_time()
    found = slim(content, place)
    assert time.process_time() - start < MOST_SECONDS
    assert len(found.cuts) > APPLICATIONS
