from collections.abc import Iterator

import pytest

from tests.page.page_process import Page, page


@pytest.fixture(scope="module")
def running() -> Iterator[Page]:
    """A page process that several tests share, and none of them breaks."""
    with page(module="webhook.page") as started:
        yield started
