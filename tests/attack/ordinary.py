"""The well-behaved client: connections that stay open and new ones, with reviews as an API server sends them.

`python -m tests.attack.ordinary PORT TLS` sends reviews until its standard input ends, and prints what happened as JSON.
"""

import asyncio
import json
import ssl
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import uvloop

from tests.admission_reviews import review
from tests.attack.reviews import POD, metadata
from tests.captured_reviews import BUILT_IN
from tests.live_service import ROOT
from tests.reliability.client import Client, call
from webhook.service.connections import GRACE_SECONDS

KEPT = 4
#: Pauses between two reviews of a connection that stays open, and between two new connections, in seconds.
_PAUSE, _NEW_PAUSE = 0.01, 0.04
#: The most reviews, as a share of those with the right answer, that may be lost while the client stands still.
_MOST_EXCUSED = 0.01
#: An API server waits for 10 seconds by default (`timeoutSeconds`).
_TIMEOUT = 10


@dataclass
class Outcome:
    """What happened to the reviews of one client."""

    lost: Counter[str] = field(default_factory=Counter)
    """Reviews without the right answer, by what happened instead."""
    answered: int = 0
    """Reviews with the right answer."""
    excused: int = 0
    """Reviews lost on new connections while the client stood still. They are no loss, if they are few."""
    percentiles: tuple[float, float] = (0, 0)
    """The median and the 99th percentile of their latencies, in milliseconds."""

    @property
    def faults(self) -> list[str]:
        found = [f"{count} reviews lost: {why}" for why, count in self.lost.items()]
        if self.excused > self.answered * _MOST_EXCUSED:
            found.append(f"{self.excused} reviews lost while the client stood still")
        return found


class Ordinary:
    """A process with a well-behaved client, which runs until `outcome` is asked for."""

    def __init__(self, port: int, tls: Path) -> None:
        command = [sys.executable, "-m", "tests.attack.ordinary", str(port), str(tls)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def outcome(self) -> Outcome:
        """Ends the client."""
        output, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        found = json.loads(output)
        return Outcome(Counter(found["lost"]), found["answered"], found["excused"], tuple(found["percentiles"]))

    def kill(self) -> None:
        """Ends the client without an outcome, if it still runs."""
        self._process.kill()
        self._process.communicate()


def reviews() -> list[bytes]:
    """Calls with captured reviews and with ordinary pods, for several profiles."""
    large = metadata(annotations={f"a{number}": "x" * 200 for number in range(200)})
    bodies = [*(path.read_bytes() for path in BUILT_IN), review(POD), large]
    return [call(path, body) for path in ("/mutate", "/mutate/eci-only", "/mutate/ecs-only") for body in bodies]


class _Load:
    """All connections of the client."""

    def __init__(self, port: int, tls: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
        self._right: dict[bytes, bytes] = {}
        self._ended = asyncio.Event()
        self._beat = self._stood_still = perf_counter()
        self._milliseconds: list[float] = []
        self.outcome = Outcome()

    async def learn(self) -> None:
        """Keeps the answers of the calm service, each of which is the patch of an allowed pod."""
        client = Client(self._port, self._context)
        for request in reviews():
            status, body = await client.answer(request)
            response = json.loads(body)["response"]
            assert (status, response["allowed"], "patch" in response) == (200, True, True), body
            self._right[request] = body
        client.close()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(KEPT):
                group.create_task(self._keep())
            group.create_task(self._open_anew())
            group.create_task(self._watch_itself())
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            self._ended.set()
        self.outcome.answered = len(self._milliseconds)
        if self.outcome.answered > 1:
            cuts = quantiles(self._milliseconds, n=100)
            self.outcome.percentiles = cuts[49], cuts[98]

    async def _keep(self) -> None:
        client = Client(self._port, self._context)
        while not self._ended.is_set():
            for request in self._right:
                await self._call(client, request)
                await self._pause(_PAUSE)
        client.close()

    async def _open_anew(self) -> None:
        while not self._ended.is_set():
            for request in self._right:
                client = Client(self._port, self._context)
                await self._call(client, request)
                client.close()
                await self._pause(_NEW_PAUSE)

    async def _watch_itself(self) -> None:
        """Notes when this process stood still for so long that its new connections may rightly give way."""
        while not self._ended.is_set():
            self._beat = perf_counter()
            await asyncio.sleep(_PAUSE)
            if self._is_late:
                self._stood_still = perf_counter()

    @property
    def _is_late(self) -> bool:
        return perf_counter() - self._beat > GRACE_SECONDS / 2

    async def _pause(self, seconds: float) -> None:
        if not self._ended.is_set():
            await asyncio.sleep(seconds)

    async def _call(self, client: Client, request: bytes) -> None:
        if self._ended.is_set():
            return
        started = perf_counter()
        kind = "new" if client.writer is None else "kept"
        closed = False
        try:
            status, body = await asyncio.wait_for(client.answer(request), _TIMEOUT)
        except TimeoutError:
            why: str | None = f"no answer within {_TIMEOUT} seconds"
        except (OSError, ssl.SSLError) as error:
            why, closed = type(error).__name__, True
        else:
            closed = status == 0
            right = status == 200 and body == self._right[request]
            why = None if right else "another answer" if status == 200 else f"status {status}"
        if why is None:
            self._milliseconds.append((perf_counter() - started) * 1000)
            return
        client.close()
        if closed and kind == "new" and (self._is_late or self._stood_still > started):
            self.outcome.excused += 1
        else:
            self.outcome.lost[f"{why} on a {kind} connection"] += 1


async def _main(port: int, tls: Path) -> dict[str, Any]:
    load = _Load(port, tls)
    await load.learn()
    print("ready", flush=True)
    with suppress(asyncio.CancelledError):
        await load.run()
    return vars(load.outcome)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
    print(json.dumps(result))
