"""Answers that are sent in pieces, so that their clients have time for each piece and not for the whole answer."""

from typing import Final

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from webhook.page.live import Live
from webhook.service.direct_reviews import PIECE_BYTES
from webhook.service.protocol import STREAM

JSON: Final = "application/json"


class LongAnswer(Response):
    """An answer of JSON that may be long."""

    media_type = JSON

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002, ASGI 3.0
        """Answers one call (ASGI 3.0)."""
        scope[STREAM] = True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(self.body), PIECE_BYTES):
            piece = self.body[start : start + PIECE_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


class EventStream(StreamingResponse):
    """The answer to a live view. It holds its place from its first byte until its client has gone."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, last_event: str) -> None:
        """Sends the events of `live` after the one of the id `last_event`."""
        super().__init__(live.events(last_event))
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call (ASGI 3.0). Raises RejectedError if there is no place."""
        with self._live.place():
            scope[STREAM] = True
            await super().__call__(scope, receive, send)
