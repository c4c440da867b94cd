"""What the page answers."""

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from msgspec import DecodeError, Raw, Struct, json
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from webhook.core.fault import clause
from webhook.page.access import Guarded
from webhook.page.explainer import Explainer, UnansweredError
from webhook.page.feed import Hello, ReviewAddress
from webhook.page.files import PageFile, page_files
from webhook.page.live import MOST_STREAMS, Live
from webhook.service.admission import DisconnectedError, read_body
from webhook.service.protocol import STREAM
from webhook.service.responses import RejectedError, Rejections
from webhook.service.routes import SILENT, OneATurn

#: The largest question, in bytes.
MOST_BYTES: Final = 1024 * 1024
_JSON: Final = "application/json"


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
    rejections = Rejections()

    def rejected(status: int, reason: str, sentence: str) -> Response:
        return Response(rejections.record(status, reason, sentence), status, media_type=_JSON)

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        return rejected(error.status_code, "not-found", error.detail.lower())

    @app.exception_handler(RejectedError)
    async def refused(_: Request, error: RejectedError) -> Response:
        return rejected(error.status, error.reason, error.sentence)

    @app.exception_handler(UnansweredError)
    async def unanswered(_: Request, error: UnansweredError) -> Response:
        return rejected(error.status, "error", str(error))

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return rejected(500, "error", "internal error")

    for path, file in page_files().items():
        app.get(path)(_sender(file))

    @app.get("/start")
    async def start() -> Response:
        told = _read_started(await explainer.start())
        found = _Start(hello.version, MOST_BYTES, hello.service, told["policy"], told["profiles"], told["examples"])
        return Response(json.encode(found), media_type=_JSON)

    @app.post("/explain")
    async def explain(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            raise RejectedError(415, "invalid", f"the body has another type; accepted: {_JSON}")
        try:
            body = await read_body(request.scope, request.receive, MOST_BYTES)
        except DisconnectedError:
            return Response()
        try:
            found = _read_input(body)
        except DecodeError as error:
            raise RejectedError(400, "invalid", clause(error, "the body")) from None
        question = _Question(found.documents, found.policy, found.profile, hello.service)
        answer = await explainer.ask(json.encode(question), request.is_disconnected)
        return Response(answer, media_type=_JSON)

    @app.get("/live")
    async def stream(request: Request) -> Response:
        if live.full:
            sentence = f"{MOST_STREAMS} live views are open; accepted: no more, so close one"
            raise RejectedError(503, "overloaded", sentence)
        request.scope[STREAM] = True
        return StreamingResponse(live.stream(request.headers.get("last-event-id", "")), media_type="text/event-stream")

    return Guarded(OneATurn(app))


def _sender(file: PageFile):  # noqa: ANN202, FastAPI reads the annotations of the inner function
    async def send_file(request: Request) -> Response:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = {"content-encoding": "gzip", "vary": "accept-encoding"}
            return Response(file.compressed, headers=headers, media_type=file.media_type)
        return Response(file.content, headers={"vary": "accept-encoding"}, media_type=file.media_type)

    return send_file
