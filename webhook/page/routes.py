"""What the page answers."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from msgspec import DecodeError, Raw, Struct, json
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from webhook.core.fault import clause
from webhook.page.access import Guarded
from webhook.page.explainer import Explainer, UnansweredError
from webhook.page.feed import Hello, ReviewAddress
from webhook.page.files import PageFile, page_files
from webhook.page.live import Live
from webhook.page.pieces import JSON, EventStream, LongAnswer
from webhook.service.admission import DisconnectedError, read_body
from webhook.service.responses import RejectedError, Rejections
from webhook.service.routes import SILENT, OneATurn

#: The largest question, in bytes.
MOST_BYTES: Final = 1024 * 1024


class _Input(Struct, frozen=True):
    """What a browser asks."""

    documents: str
    policy: str
    profile: str = ""


class _Question(Struct, frozen=True):
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


_read_input: Final = json.Decoder(_Input).decode
_read_started: Final = json.Decoder(dict[str, Raw]).decode


def page_application(hello: Hello, live: Live, explainer: Explainer) -> ASGIApp:
    """The application of the page of the service that said `hello`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=SILENT)
    _handle_errors(app)
    for path, file in page_files().items():
        app.get(path)(_sender(file))

    @app.get("/start")
    async def start() -> Response:
        told = _read_started(await explainer.start())
        found = _Start(hello.version, MOST_BYTES, hello.service, told["policy"], told["profiles"], told["examples"])
        return LongAnswer(json.encode(found))

    @app.post("/explain")
    async def explain(request: Request) -> Response:
        try:
            found = await _input(request)
        except DisconnectedError:
            # Nobody reads it.
            return Response()
        question = _Question(found.documents, found.policy, found.profile, hello.service)
        return LongAnswer(await explainer.ask(json.encode(question), request.is_disconnected))

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


async def _input(request: Request) -> _Input:
    """What the browser asks. Raises RejectedError, and DisconnectedError if it has gone."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RejectedError(415, "invalid", f"the body has another type; accepted: {JSON}")
    body = await read_body(request.scope, request.receive, MOST_BYTES)
    try:
        return _read_input(body)
    except DecodeError as error:
        raise RejectedError(400, "invalid", clause(error, "the body")) from None


def _sender(file: PageFile) -> Callable[[Request], Awaitable[Response]]:
    async def send_file(request: Request) -> Response:
        headers = {"vary": "accept-encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.content, headers=headers, media_type=file.media_type)
        headers["content-encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)

    return send_file
