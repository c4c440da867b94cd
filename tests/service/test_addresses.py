"""The addresses that the service listens on, and those at which it calls itself and names itself."""

import asyncio
import contextlib
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.live_service import service, serving
from webhook.service import readiness
from webhook.service.certificate import ServingCertificate
from webhook.service.listener import authority, listen
from webhook.service.readiness import Readiness


@pytest.mark.parametrize(
    ("has_ipv6", "host", "bound"),
    [
        (True, "::", "::"),
        (False, "::", "0.0.0.0"),
        (True, "0.0.0.0", "0.0.0.0"),
        (True, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_host_is_taken_as_given_but_for_all_addresses(
    monkeypatch: pytest.MonkeyPatch, host: str, bound: str, *, has_ipv6: bool
) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: has_ipv6)
    with contextlib.closing(listen(host, 0, "--port")) as found:
        assert found.getsockname()[0] == bound
        assert found.family == (socket.AF_INET6 if ":" in bound else socket.AF_INET)
        found.listen()
        with socket.create_connection(("127.0.0.1", found.getsockname()[1]), 5):
            pass
        if bound == "::":
            assert found.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


def test_urls_have_brackets_around_addresses_of_ipv6() -> None:
    assert [authority(host, 1) for host in ("::", "fd00::1", "10.0.0.1", "a.b")] == [
        "[::]:1", "[fd00::1]:1", "10.0.0.1:1", "a.b:1"
    ]  # fmt: skip


def test_all_addresses_are_served_and_named(tls: Path, tmp_path: Path) -> None:
    """On a machine with IPv6, which may be disabled in its network."""
    with service(tls, tmp_path / "log", ["--host", "::", "--operations-host", "::"]) as running:
        assert running.readiness().text == "ok\n"
        with running.client() as client:
            assert client.get("/readyz").status_code == 200
    (serving,) = [line for line in running.lines() if line["event"] == "serving"]
    assert serving["reviews"] == f"https://[::]:{running.port}"
    assert serving["operations"] == f"http://[::]:{running.operations_port}"


@pytest.mark.parametrize(
    ("loopback", "reason"),
    [
        (["127.0.0.1", "127.0.0.9"], None),
        (["127.0.0.9", "127.0.0.1"], None),
        (["127.0.0.8", "127.0.0.9"], r"its own listener does not answer: .*127\.0\.0\.8"),
    ],
)
def test_the_service_calls_itself_at_the_first_address_that_answers(
    tls: Path, monkeypatch: pytest.MonkeyPatch, loopback: list[str], reason: str | None
) -> None:
    monkeypatch.setattr(readiness, "_LOOPBACK", {"::": loopback})
    certificate = ServingCertificate(tls)
    certificate.reload()
    with serving(_ready, tls) as client:
        asked = Readiness(certificate, "::", client.base_url.port or 0, handshake_only=False)
        asked.waiting_for = None
        found = asyncio.run(asked.reason())
    if reason is None:
        assert found is None
    else:
        assert re.match(reason, found or "")


async def _ready(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
