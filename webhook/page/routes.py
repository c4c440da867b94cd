"""What the page answers."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from fastapi import FastAPI, Request, Response
from msgspec import Raw, Struct, json
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from webhook.page.access import Guarded
from webhook.page.explainer import Explainer, UnansweredError
from webhook.page.files import PageFile, page_files
from webhook.page.live import Live
from webhook.page.pieces import JSON, EventStream, LongAnswer
from webhook.page.question import MOST_BYTES, read_question
from webhook.service.admission import DisconnectedError
from webhook.service.feed_messages import Greeting, ReviewAddress
from webhook.service.responses import RejectedError, Rejections
from webhook.service.routes import SILENT, OneATurn


class _Asked(Struct, frozen=True):
    """What the process that explains is asked."""

    documents: str
    policy: str
    profile: str
    service: ReviewAddress
    op: str = "explain"


class _Start(Struct, frozen=True, rename="camel"):
    """What the page begins with: what the process that explains says of policy, profiles and examples, and more."""

    version: str
    most_bytes: int
    service: ReviewAddress
    policy: Raw
    profiles: Raw
    examples: Raw


#: Accept-Encoding with gzip, but not with the weight 0 (RFC 9110, section 12.5.3).
_GZIP: Final = re.compile(r"(?:^|,)\s*gzip\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)
_read_started: Final = json.Decoder(dict[str, Raw]).decode


def page_application(greeting: Greeting, live: Live, explainer: Explainer) -> ASGIApp:
    """The application of the page of the service that sent `greeting`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=SILENT)
    _handle_errors(app)
    for path, file in page_files().items():
        app.get(path)(_sender(file))

    @app.get("/start")
    async def start() -> Response:
        told = _read_started(await explainer.start())
        found = _Start(
            greeting.version, MOST_BYTES, greeting.service, told["policy"], told["profiles"], told["examples"]
        )
        return LongAnswer(json.encode(found))

    @app.post("/explain")
    async def explain(request: Request) -> Response:
        try:
            found = await read_question(request)
        except DisconnectedError:
            # Nobody reads it.
            return Response()
        question = _Asked(found.documents, found.policy, found.profile, greeting.service)
        return LongAnswer(await explainer.ask(json.encode(question), partial(_gone, request)))

    @app.get("/live")
    async def stream(request: Request) -> Response:
        return EventStream(live, request.headers.get("last-event-id", ""))

    return Guarded(OneATurn(app))


def _handle_errors(app: FastAPI) -> None:
    """Makes every error of `app` one sentence in JSON."""
    rejections = Rejections()

    def rejected(status: int, reason: str, sentence: str) -> Response:
        return Response(rejections.record(status, reason, sentence), status, media_type=JSON)

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        answer = rejected(error.status_code, "not-found", error.detail.lower())
        # For a method that is not allowed: those that are.
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RejectedError)
    async def refused(_: Request, error: RejectedError) -> Response:
        return rejected(error.status, error.reason, error.sentence)

    @app.exception_handler(UnansweredError)
    async def unanswered(_: Request, error: UnansweredError) -> Response:
        return rejected(error.status, "error", str(error))

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return rejected(500, "error", "internal error")


async def _gone(request: Request) -> None:
    """Returns once the client of `request`, whose body was read, has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _sender(file: PageFile) -> Callable[[Request], Awaitable[Response]]:
    async def send_file(request: Request) -> Response:
        headers = {"vary": "accept-encoding"}
        if not _GZIP.search(request.headers.get("accept-encoding", "")):
            return Response(file.content, headers=headers, media_type=file.media_type)
        headers["content-encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)

    return send_file
