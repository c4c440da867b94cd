"""The two FastAPI applications of the serving process: reviews over HTTPS, operations over HTTP."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from webhook.core.policy import Policy
from webhook.core.profile import compile_policy
from webhook.core.reasons import caution
from webhook.core.review import respond, respond_with
from webhook.core.text import cut, listed
from webhook.service.admission import Admissions, Respond
from webhook.service.logs import AdmissionLog, Logger
from webhook.service.metrics import Metrics

#: The path for namespaces whose label names no profile.
UNKNOWN_PROFILE: Final = "/unknown-profile"

_SILENT: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def admission_application(
    policy: Policy, max_body_bytes: int, metrics: Metrics, log: AdmissionLog, logger: Logger
) -> Admissions:
    """The application that answers AdmissionReviews under `policy`."""
    app = _application(metrics)

    @app.post("/mutate")
    @app.post("/mutate/{profile}")
    async def mutate_unknown(profile: str = "default") -> Response:
        metrics.rejected("unknown-profile")
        return _error(404, listed(f'there is no profile "{cut(profile, 63)}"; profiles: ', policy.profiles))

    @app.get("/readyz")
    async def answering() -> Response:
        return Response("ok\n", media_type="text/plain")

    return Admissions(app, admission_paths(policy), max_body_bytes, metrics, log, logger)


def admission_paths(policy: Policy) -> dict[str, Respond]:
    """The paths on which reviews are answered, each with the function that answers its body."""
    profiles = compile_policy(policy)
    paths: dict[str, Respond] = {
        f"/mutate/{name}": partial(_respond, profile=profile) for name, profile in profiles.items()
    }
    if "default" in profiles:
        paths["/mutate"] = paths["/mutate/default"]
    sentence = listed("the namespace's label spark-eci-webhook/profile names no profile; profiles: ", profiles)
    paths[UNKNOWN_PROFILE] = partial(respond_with, warning=caution("unknown-profile", sentence))
    return paths


def operations_application(metrics: Metrics, ready: Callable[[], Awaitable[str | None]]) -> FastAPI:
    """The application for probes and scrapes; `ready` returns why the service is not ready, or None where it is."""
    app = _application(metrics)

    @app.get("/livez")
    async def livez() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        reason = await ready()
        return Response(f"{reason or 'ok'}\n", 503 if reason else 200, media_type="text/plain")

    @app.get("/metrics")
    async def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


_respond = respond


def _application(metrics: Metrics) -> FastAPI:
    """An application without FastAPI's own pages, whose errors are JSON `{"error": …}` without a trace."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=_SILENT)
    app.router.redirect_slashes = False

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        reason = "method" if error.status_code == 405 else "not-found"  # noqa: PLR2004
        metrics.rejected(reason)
        return _error(error.status_code, error.detail.lower(), error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        metrics.rejected("error")
        return _error(500, "internal error")

    return app


def _error(status: int, sentence: str, headers: Any = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)
