"""Who may call the page: browsers on this machine, and of all pages only this one. And the headers of every answer.

Every web page that a user visits may send requests to ports of the user's machine. By DNS rebinding it can even make
the browser take them for its own. It cannot choose the headers Host, Origin and Sec-Fetch-Site (Fetch Standard).
"""

import re
from collections.abc import Iterable
from typing import Final

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from webhook.core.text import cut, one_line
from webhook.service.responses import Rejections

#: The policy of the page: nothing from elsewhere, nothing inline, in no frame, and no text that becomes markup.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
#: The headers of all answers.
HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
)
_HOST: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_ACCEPTED_HOSTS: Final = "localhost, 127.0.0.1 or [::1], with any port"
#: Sec-Fetch-Site of a request that no other site has caused.
_OWN_SITES: Final = (b"same-origin", b"none")
_LONGEST: Final = 60


def fault(method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Why a request must not be answered, as one sentence; None if it may be. The names of `headers` are lower-case."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    hosts, origins = found.get(b"host", []), found.get(b"origin", [])
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return f"Host: found {_shown(hosts)}; accepted: {_ACCEPTED_HOSTS}"
    own = b"http://" + hosts[0].lower()
    if origins and [one.lower() for one in origins] != [own]:
        return f"Origin: found {_shown(origins)}; accepted: {own.decode()}"
    if method == "POST" and not origins:
        return f"Origin: missing; accepted: {own.decode()}"
    sites = found.get(b"sec-fetch-site", [])
    if any(site not in _OWN_SITES for site in sites) and not _follows_link(method, path, found):
        return f"Sec-Fetch-Site: found {_shown(sites)}; accepted: requests of this page"
    return None


def _follows_link(method: str, path: str, headers: dict[bytes, list[bytes]]) -> bool:
    """Whether somebody follows a link to the page, which another page may have."""
    navigates = headers.get(b"sec-fetch-mode") == [b"navigate"] and headers.get(b"sec-fetch-dest") == [b"document"]
    return method in ("GET", "HEAD") and path == "/" and navigates


def _shown(values: list[bytes]) -> str:
    return f'"{cut(one_line(b", ".join(values).decode("latin-1")), _LONGEST)}"' if values else "none"


class Guarded:
    """An ASGI application that refuses what `fault` says, and passes the rest to another one."""

    def __init__(self, app: ASGIApp) -> None:
        """Passes requests to `app`."""
        self._app = app
        self._rejections = Rejections()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call (ASGI 3.0)."""
        sentence = fault(scope["method"], scope["path"], scope["headers"])
        if sentence is None:
            await self._app(scope, receive, send)
            return
        body = self._rejections.record(403, "forbidden", sentence)
        await Response(body, 403, media_type="application/json")(scope, receive, send)
