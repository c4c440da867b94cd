"""Which Events are kept until they are sent."""

from datetime import UTC, datetime
from typing import Any, cast

from webhook.overflow.api_server import ApiServer
from webhook.overflow.events import Events, Happening


def test_many_pods_that_are_not_opened_leave_room_for_the_events_of_others() -> None:
    lost: list[None] = []
    events = Events(cast(ApiServer, None), lambda: datetime.now(UTC), "one", lambda: lost.append(None))

    def tell(happening: Happening, count: int) -> int:
        before = len(lost)
        for number in range(count):
            events.tell(happening, "spark", f"pod{number}", f"{number}", "told")
        return count - (len(lost) - before)

    kept: list[Any] = [tell(happening, 5000) for happening in (Happening.NOT_OPENED, Happening.LIMIT_REACHED)]
    assert kept == [1000, 0]
    assert tell(Happening.OPENED, 5000) == 1000
