"""Browsers that show the page, played without a screen: live views, and one playground in which somebody types.

`python -m benchmarks.browsers PORT` prints a line as soon as every view has its first event. Once standard input ends,
it prints how many events the views got, and how many explanations the playground. An answer other than 200 is an error.
"""

import asyncio
import itertools
import json
import sys
from typing import Any

VIEWS = 20
EXPLANATIONS_A_SECOND = 5


class Browsers:
    """All browsers of one run."""

    def __init__(self, port: int) -> None:
        """They call the page on `port` of loopback."""
        self._host = f"127.0.0.1:{port}"
        self._port = port
        self.events = 0
        self.explanations = 0

    async def run(self) -> None:
        """Shows the page until standard input ends."""
        document = await self._example()
        async with asyncio.TaskGroup() as group:
            shown = [asyncio.Event() for _ in range(VIEWS)]
            tasks = [group.create_task(self._view(one)) for one in shown]
            tasks.append(group.create_task(self._type(document)))
            await asyncio.gather(*(one.wait() for one in shown))
            print("shown", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            for task in tasks:
                task.cancel()
        print(json.dumps({"events": self.events, "explanations": self.explanations}), flush=True)

    async def _example(self) -> dict[str, Any]:
        """What the playground asks first: the first example."""
        reader, writer = await self._open()
        example = json.loads(await self._ask(reader, writer, f"GET /start HTTP/1.1\r\nHost: {self._host}\r\n\r\n"))
        writer.close()
        return {key: example["examples"][0][key] for key in ("documents", "policy", "profile")}

    async def _view(self, shown: asyncio.Event) -> None:
        reader, writer = await self._open()
        writer.write(f"GET /live HTTP/1.1\r\nHost: {self._host}\r\nAccept: text/event-stream\r\n\r\n".encode())
        await _head(reader)
        async for line in reader:
            if line.startswith(b"event: "):
                self.events += 1
                shown.set()

    async def _type(self, document: dict[str, Any]) -> None:
        """Asks for an explanation after each change of the text."""
        reader, writer = await self._open()
        clock = asyncio.get_running_loop().time
        started = clock()
        for number in itertools.count(1):
            changed = document | {"documents": f"{document['documents']}\n# {number}\n"}
            body = json.dumps(changed)
            head = f"POST /explain HTTP/1.1\r\nHost: {self._host}\r\nOrigin: http://{self._host}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            await self._ask(reader, writer, head + body)
            self.explanations += 1
            await asyncio.sleep(max(0.0, started + number / EXPLANATIONS_A_SECOND - clock()))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port, limit=16 * 1024 * 1024)

    @staticmethod
    async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: str) -> bytes:
        """The body of the answer to `request`, which is ASCII."""
        writer.write(request.encode("ascii"))
        head = await _head(reader)
        return await reader.readexactly(int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]))


async def _head(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return head


if __name__ == "__main__":
    asyncio.run(Browsers(int(sys.argv[1])).run())
