"""A load generator in one process: several TLS connections, each with one request after another."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import uvloop


@dataclass(frozen=True)
class Load:
    """The result of one run. Latencies are in seconds, in the order of completion."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in seconds that `share` (0 to 1) of the requests do not exceed."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def run(port: int, authority: Path, path: str, body: bytes, requests: int, connections: int = 16) -> Load:
    """Sends `body` to `path` on loopback `requests` times over `connections`. Asserts that each answer is 200."""
    context = ssl.create_default_context(cafile=str(authority))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(port, context, head.encode() + body, requests, connections))


async def _run(port: int, context: ssl.SSLContext, request: bytes, requests: int, connections: int) -> Load:
    latencies: list[float] = []
    streams = [
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        for _ in range(connections)
    ]

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, share: int) -> None:
        for _ in range(share):
            started = perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            latencies.append(perf_counter() - started)

    started = perf_counter()
    async with asyncio.TaskGroup() as group:
        for reader, writer in streams:
            group.create_task(send(reader, writer, requests // connections))
    seconds = perf_counter() - started
    for _, writer in streams:
        writer.close()
    return Load(seconds, latencies)
