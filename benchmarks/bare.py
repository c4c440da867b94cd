"""The yardstick: a bare ASGI callable on plain uvicorn. It reads the body and answers `{}`.

Only the port, the certificate and the logs are set. All else is uvicorn's default. With this project's dependencies it
takes the event loop of uvloop and the parser of httptools, as the service does. Nothing here is the service's own.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn

#: What the tables call it.
YARDSTICK = f"a bare callable on plain uvicorn {version('uvicorn')}"


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
    certificate, key = folder / "tls.crt", folder / "tls.key"
    uvicorn.run(
        bare, port=port, ssl_certfile=certificate, ssl_keyfile=str(key), access_log=False, log_level="warning"
    )  # fmt: skip


if __name__ == "__main__":
    main()
