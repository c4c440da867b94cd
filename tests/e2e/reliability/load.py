"""Creates executors over many persistent connections, in a separate process so that the tests do not slow it down.

Run as `python -m tests.e2e.reliability.load`, with the order as JSON in the first line of standard input. It sends until standard
input has ended and the ordered number of pods was answered. Then it prints the outcome as JSON.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import httptools
import uvloop

from tests.e2e.control_plane import ControlPlane
from tests.e2e.spark_pods import spark_pod
from webhook.core import names

CREATED = 201
_PLACED = names.PLACEMENT_ANNOTATION.encode()


@dataclass(frozen=True)
class Order:
    """What to send, and where."""

    host: str
    port: int
    ca: str
    certificate: str
    key: str
    path: str
    pod: dict[str, Any]
    pods: int
    connections: int


@dataclass
class Outcome:
    """The outcome. Latencies are in seconds."""

    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    unplaced: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def admissions(self) -> int:
        """How many requests for pods were answered."""
        return len(self.latencies)

    @property
    def failed(self) -> int:
        """How many pods were refused, or not answered."""
        return sum(self.failures.values())

    @property
    def rate(self) -> float:
        """Pods per second."""
        return self.admissions / self.seconds

    def milliseconds(self, share: float) -> float:
        """The latency within which `share` (0 to 1) of the pods were answered."""
        return 1000 * sorted(self.latencies)[min(self.admissions - 1, int(share * self.admissions))]


class Load:
    """A load that begins with the block. It ends with the block or when enough is sent, whichever is later."""

    def __init__(self, control_plane: ControlPlane, namespace: str, pods: int, connections: int) -> None:
        certificate, key = control_plane.administrator
        self._order = Order(
            host=control_plane.address,
            port=control_plane.port,
            ca=str(control_plane.ca),
            certificate=str(certificate),
            key=str(key),
            path=f"/api/v1/namespaces/{namespace}/pods?dryRun=All",
            pod=spark_pod(),
            pods=pods,
            connections=connections,
        )
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.e2e.reliability.load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        assert self._process.stdout
        with ExitStack() as ends:
            ends.callback(self._process.kill)
            self._process.stdin.write(json.dumps(asdict(self._order)) + "\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "started\n"
            ends.pop_all()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        text = self._process.communicate()[0]
        if kind is None:
            assert self._process.returncode == 0
            self.outcome = Outcome(**json.loads(text))


class _Answer:
    """One HTTP answer as it comes in."""

    def __init__(self) -> None:
        self.body, self.whole = bytearray(), False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


class _Sender:
    def __init__(self, order: Order, outcome: Outcome, over: asyncio.Event) -> None:
        self._order, self._outcome, self._over = order, outcome, over
        self._context = ssl.create_default_context(cafile=order.ca)
        self._context.load_cert_chain(order.certificate, order.key)
        body = json.dumps(order.pod).encode()
        head = f"POST {order.path} HTTP/1.1\r\nHost: {order.host}\r\nContent-Type: application/json\r\n"
        self._request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def send(self) -> None:
        """Sends one request after another, over one connection as long as it lasts."""
        while not self._done:
            reader, writer = await asyncio.open_connection(self._order.host, self._order.port, ssl=self._context)
            try:
                while await self._ask(reader, writer):
                    if self._done:
                        break
            except (OSError, asyncio.IncompleteReadError) as error:
                self._fail(f"the connection: {error}")
            finally:
                writer.transport.abort()

    @property
    def _done(self) -> bool:
        return self._over.is_set() and self._outcome.admissions >= self._order.pods

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Sends one request; returns whether the connection may be used again."""
        answer, started = _Answer(), time.perf_counter()
        parser = httptools.HttpResponseParser(answer)
        writer.write(self._request)
        while not answer.whole:
            data = await reader.read(65536)
            if not data:
                raise ConnectionError("ended before its answer")
            parser.feed_data(data)
        self._outcome.latencies.append(time.perf_counter() - started)
        if parser.get_status_code() != CREATED:
            self._fail(f"{parser.get_status_code()} {json.loads(answer.body)['message']}")
        elif _PLACED not in answer.body:
            self._outcome.unplaced += 1
        return bool(parser.should_keep_alive())

    def _fail(self, sentence: str) -> None:
        self._outcome.failures[sentence] = self._outcome.failures.get(sentence, 0) + 1


async def _run(order: Order) -> Outcome:
    outcome, over = Outcome(), asyncio.Event()
    sender = _Sender(order, outcome, over)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(order.connections):
            group.create_task(sender.send())
        sys.stdout.write("started\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        over.set()
    outcome.seconds = time.perf_counter() - started
    return outcome


def main() -> None:
    order = Order(**json.loads(sys.stdin.readline()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(asdict(runner.run(_run(order)))))


if __name__ == "__main__":
    main()
