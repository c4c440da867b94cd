"""The process that explains, shared by all tests of a module: no request may change what a later one gets."""

from collections.abc import Iterator

import pytest

from tests.playground.explainer import Explainer, explaining


@pytest.fixture(scope="module")
def explainer() -> Iterator[Explainer]:
    with explaining() as one:
        yield one
