"""The baseline: a bare ASGI callable on the service's own server that reads the body and answers `{}`."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Any

import uvloop

from webhook.service.certificate import ServingCertificate
from webhook.service.listener import listen, server
from webhook.service.settings import Settings


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body and answers `{}`."""
    while (await receive())["more_body"]:
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def main() -> None:
    """Serves on the port given as the first argument, with the pair in the folder given as the second."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    certificate = ServingCertificate(folder)
    certificate.reload()
    baseline = server(bare, Settings(), context=lambda: certificate.context)
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(baseline.serve(sockets=[listen("127.0.0.1", port, "port")]))


if __name__ == "__main__":
    main()
