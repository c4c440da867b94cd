"""The page process, from its first message to its end."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop
from msgspec import json

from webhook.page.access import HEADERS
from webhook.page.explainer import COMMAND, Explainer
from webhook.page.live import Live
from webhook.page.question import MOST_BYTES as MOST_QUESTION_BYTES
from webhook.page.routes import page_application
from webhook.service.feed_messages import Greeting, read_greeting
from webhook.service.listener import server
from webhook.service.memory import Memory
from webhook.service.settings import Settings

#: How much later than the serving process it gets the processor (nice(2)).
_NICE: Final = 10
#: Memory for answers that clients do not take. One explanation may have 8 MiB.
_ANSWER_BYTES: Final = 32 * 1024**2


def run(arguments: Sequence[str], explaining: Sequence[str] = COMMAND) -> int:
    """Serves the page until the serving process or a signal ends it; returns the exit code.

    The serving process sends its greeting to standard input. The arguments are descriptors that it has opened:
    `--feed`, and `--sockets` that listen. `explaining` is the command of the process that explains.
    """
    parser = argparse.ArgumentParser(prog="python -m webhook.page", description="Started by serve, never by hand.")
    parser.add_argument("--feed", type=int, required=True)
    parser.add_argument("--sockets", required=True)
    found = parser.parse_args(arguments)
    _give_way()
    first = read_greeting(sys.stdin.buffer.read())
    feed = socket.socket(fileno=found.feed)
    listening = [socket.socket(fileno=int(number)) for number in found.sockets.split(",")]
    for one in (feed, *listening):
        # uvloop closes nothing for a new process, and what explains must reach neither.
        one.set_inheritable(False)
    # Ctrl-C reaches all processes of a terminal. This one ends with the serving process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(first, feed, listening, explaining))
    return 0


def _give_way() -> None:
    """Lets the serving process go first, both before this process and before those that it starts.

    It gets the processor if both want it, and if memory is short, the kernel ends these and not that one.
    """
    os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


async def _serve(
    greeting: Greeting, feed: socket.socket, listening: list[socket.socket], explaining: Sequence[str]
) -> None:
    feed.setblocking(False)  # noqa: FBT003, the name says it
    live = Live(greeting, feed)
    explainer = Explainer(json.encode({"op": "start", "policy": greeting.policy.document}), explaining)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, live.end)
    # Not from the environment: its variables are for the serving process.
    settings = Settings.model_construct(max_body_bytes=MOST_QUESTION_BYTES, stop_seconds=1)
    application = page_application(greeting, live, explainer)
    page = server(application, settings, headers=HEADERS, answer_bytes=_ANSWER_BYTES)
    serving = asyncio.create_task(page.serve(sockets=listening))
    # The first page comes sooner if the process that explains is ready.
    starting = asyncio.create_task(explainer.start())
    trimming = asyncio.create_task(Memory().trim())
    ended = asyncio.create_task(live.ended.wait())
    await asyncio.wait((serving, ended), return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    trimming.cancel()
    explainer.end()
    page.should_exit = True
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await starting
    await serving
