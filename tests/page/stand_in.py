"""Stands in for the process that explains: each application is an instruction. So a test chooses how it ends."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from webhook.page.explainer import OUT_OF_MEMORY

START: dict[str, Any] = {
    "policy": {"digest": "0" * 8, "text": "profiles: {}\n"},
    "profiles": [{"name": "default", "sentences": ["One."]}],
    "examples": [],
}
BIG = 10 * 1024**3
DESCRIPTORS = Path("/proc/self/fd")


def explain() -> None:
    """Answers questions until the end of the input."""
    while len(head := sys.stdin.buffer.read(4)) == 4:
        question = json.loads(sys.stdin.buffer.read(int.from_bytes(head, "big")))
        if question.get("policy") == "refused":
            sys.exit(1)
        if question["op"] == "start":
            answer = json.dumps(START | {"policy": START["policy"] | {"of": question["policy"]}}).encode()
        else:
            answer = follow(question)
        sys.stdout.buffer.write(len(answer).to_bytes(4, "big") + answer)
        sys.stdout.buffer.flush()


def follow(question: dict[str, Any]) -> bytes:
    """Does what the application says; returns the answer."""
    instruction, _, argument = question["documents"].partition(" ")
    if instruction == "bytes":
        return b'"' + b"x" * (int(argument) - 2) + b'"'
    if instruction == "open":
        return json.dumps({one.name: str(one.readlink()) for one in DESCRIPTORS.iterdir() if one.exists()}).encode()
    if instruction in INSTRUCTIONS:
        INSTRUCTIONS[instruction](argument)
    return json.dumps(question | {"process": os.getpid()}).encode()


def forever(working: str) -> None:
    Path(working or os.devnull).touch()
    time.sleep(100)


def alarm(_: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(100)


def processor(_: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (0, resource.RLIM_INFINITY))
    while True:
        pass


def memory(_: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BIG // 4, resource.RLIM_INFINITY))
    try:
        bytearray(BIG)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def abort(_: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def half(_: str) -> None:
    sys.stdout.buffer.write((1000).to_bytes(4, "big") + b"half")
    sys.stdout.buffer.flush()
    os._exit(3)


INSTRUCTIONS: dict[str, Callable[[str], None]] = {
    "forever": forever,
    "alarm": alarm,
    "processor": processor,
    "memory": memory,
    "abort": abort,
    "exit": lambda code: os._exit(int(code)),
    "half": half,
    "touch": lambda path: Path(path).touch(),
}

if __name__ == "__main__":
    explain()
