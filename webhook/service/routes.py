"""The two FastAPI applications of the serving process: reviews over HTTPS, operations over HTTP."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from webhook.core.policy import Policy
from webhook.core.profile import compile_policy
from webhook.core.reasons import caution
from webhook.core.review import respond, respond_to_canary, respond_with
from webhook.core.text import cut, listed
from webhook.service.admission import Admissions
from webhook.service.direct_reviews import Respond
from webhook.service.feed import Feed
from webhook.service.logs import AdmissionLog, Logger
from webhook.service.metrics import Measured, Metrics
from webhook.service.responses import Rejections
from webhook.service.turn import Ration

SILENT: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


class OneATurn:
    """An ASGI application that begins one call of another one in each turn of the event loop.

    FastAPI takes a part of a millisecond for a call, and a scrape some milliseconds. Hundreds of calls in one turn
    would keep reviews waiting.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Passes all calls to `app`."""
        self._app = app
        self._ration = Ration(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call (ASGI 3.0)."""
        await self._ration.turn()
        await self._app(scope, receive, send)


def admission_application(
    policy: Policy,
    max_body_bytes: int,
    metrics: Metrics,
    log: AdmissionLog,
    logger: Logger,
    feed: Feed | None = None,
) -> Admissions:
    """The application that answers AdmissionReviews under `policy`, and tells them to `feed`, if there is one."""
    rejections = Rejections(metrics, log)
    app = _application(rejections)

    @app.post("/mutate")
    @app.post("/mutate/{profile}")
    async def mutate_unknown(profile: str = "default") -> Response:
        sentence = listed(f'unknown profile "{cut(profile, 63)}"; accepted: ', policy.profiles)
        return _rejection(rejections, 404, "unknown-profile", sentence)

    @app.get("/readyz")
    async def answering() -> Response:
        return Response("ok\n", media_type="text/plain")

    return Admissions(OneATurn(app), admission_paths(policy), max_body_bytes, metrics, log, logger, feed)


def admission_paths(policy: Policy) -> dict[str, Respond]:
    """The paths of reviews, each with the function that answers a body."""
    profiles = compile_policy(policy)
    paths: dict[str, Respond] = {
        f"/mutate/{name}": partial(respond, profile=profile) for name, profile in profiles.items()
    }
    if "default" in profiles:
        paths["/mutate"] = paths["/mutate/default"]
    sentence = listed("namespace label spark-eci-webhook/profile: unknown profile; accepted: ", profiles)
    paths["/canary"] = respond_to_canary
    paths["/unknown-profile"] = partial(respond_with, warning=caution("unknown-profile", sentence))
    return paths


async def _alive() -> None:
    """Why a process that answers is stuck: it is not."""


def operations_application(
    metrics: Measured,
    ready: Callable[[], Awaitable[str | None]],
    live: Callable[[], Awaitable[str | None]] = _alive,
    live_path: str = "/livez",
) -> ASGIApp:
    """The application for probes and scrapes.

    `ready` returns why the process is not ready, and `live`, at `live_path`, why it is stuck; or None.
    """
    app = _application(Rejections(metrics))

    @app.get(live_path)
    async def livez() -> Response:
        return _probed(await live())

    @app.get("/readyz")
    async def readyz() -> Response:
        return _probed(await ready())

    @app.get("/metrics")
    async def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return OneATurn(app)


def _probed(fault: str | None) -> Response:
    return Response(f"{fault or 'ok'}\n", 503 if fault else 200, media_type="text/plain")


def _application(rejections: Rejections) -> FastAPI:
    """An application without FastAPI's own pages. Its errors are JSON without a traceback."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=SILENT)

    @app.exception_handler(HTTPException)
    async def rejected(_: Request, error: HTTPException) -> Response:
        reason = "method" if error.status_code == 405 else "not-found"  # noqa: PLR2004
        return _rejection(rejections, error.status_code, reason, error.detail.lower(), error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return _rejection(rejections, 500, "error", "internal error")

    return app


def _rejection(rejections: Rejections, status: int, reason: str, sentence: str, headers: Any = None) -> Response:
    return Response(rejections.record(status, reason, sentence), status, headers, "application/json")
