"""The process: reads requests from standard input, and writes an answer to each to standard output.

A message is its length in bytes, as four bytes with the most significant one first, and JSON. The process ends at the
end of its input. It ends without an answer, and its parent starts another one, if a request takes too long (by SIGALRM
or SIGPROF) or too much memory (with the exit code OUT_OF_MEMORY, or by SIGABRT of a library), or at a bug.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from webhook.playground.answer import ExplainRequest, answer
from webhook.playground.by_hand import RunningService
from webhook.playground.examples import EXAMPLES
from webhook.playground.limits import bounded_time, close_in
from webhook.playground.start import start

#: The exit code after a request that needed more memory than there is.
OUT_OF_MEMORY: Final = 7
_LENGTH_BYTES: Final = 4
#: Texts of 1 MiB take more if JSON escapes each of their characters.
_MOST_REQUEST_BYTES: Final = 16 * 1024**2
#: Texts that need what is imported only for faults.
_FAULTY: Final = (("kind: [", ""), ("a: 1", ""), ("", "profiles: {a: {driver: {mode: x}}}"), ("", "a: 1\n---\n"))


class _Service(msgspec.Struct, rename="camel", frozen=True):
    url: str
    ca: str
    in_cluster: bool


class _Start(msgspec.Struct, tag_field="op", tag="start", frozen=True):
    policy: dict[str, Any]


class _Explain(msgspec.Struct, tag_field="op", tag="explain", frozen=True):
    documents: str
    policy: str
    profile: str
    service: _Service


_decode: Final = msgspec.json.Decoder(_Start | _Explain).decode


class Dialogue:
    """Answers requests. It keeps nothing of them but the policy of the service."""

    def __init__(self) -> None:
        """The policy of the service is not known yet."""
        self._policy = ""

    def answer(self, request: bytes) -> bytes:
        """The answer to a request, as JSON. Raises msgspec.DecodeError if it is none."""
        asked = _decode(request)
        if isinstance(asked, _Start):
            told = start(asked.policy)
            self._policy = told["policy"]["digest"]
            return msgspec.json.encode(told)
        service = RunningService(asked.service.url, asked.service.ca, asked.service.in_cluster, self._policy)
        return answer(ExplainRequest(asked.documents, asked.policy, asked.profile, service))


def main() -> int:
    """Answers until the end of the input; returns the exit code."""
    # Ctrl-C reaches all processes of a terminal. This one ends with its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prepare()
    close_in()
    dialogue = Dialogue()
    # Without buffers (PYTHONUNBUFFERED) Python drops the rest of an answer if SIGCONT interrupts its write.
    output = os.fdopen(sys.stdout.fileno(), "wb", closefd=False)
    try:
        for request in _requests(sys.stdin.buffer):
            with bounded_time():
                told = dialogue.answer(request)
            output.write(len(told).to_bytes(_LENGTH_BYTES) + told)
            output.flush()
    except MemoryError:
        # Whatever was at work may be half done.
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:
        os._exit(0)
    return 0


def _prepare() -> None:
    """Does once what needs files: imports, tables and the examples."""
    nowhere = RunningService("", "", in_cluster=False, policy="")
    for one in EXAMPLES:
        answer(ExplainRequest(one.documents, one.policy, one.profile, nowhere))
    for documents, policy in _FAULTY:
        answer(ExplainRequest(documents, policy, "", nowhere))
    gc.collect()
    gc.freeze()


def _requests(pipe: BinaryIO) -> Iterator[bytes]:
    """Yields the requests until the end of the input. Raises ValueError if one is too long."""
    while len(head := pipe.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
        length = int.from_bytes(head)
        if length > _MOST_REQUEST_BYTES:
            raise ValueError(f"a request of {length} bytes; accepted: at most {_MOST_REQUEST_BYTES}")
        request = pipe.read(length)
        if len(request) < length:
            return
        yield request
