"""The probes and the metrics of the overflow controller."""

from starlette.types import ASGIApp

from webhook.overflow.controller import Controller
from webhook.service.routes import operations_application


def application(controller: Controller) -> ASGIApp:
    """Answers `/healthz`, `/readyz` and `/metrics`."""

    async def ready() -> str | None:
        return controller.waiting_for()

    async def live() -> str | None:
        return controller.stuck()

    return operations_application(controller.metrics, ready, live, "/healthz")
