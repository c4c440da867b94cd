"""What a connection does: its states, and the moves between them."""

from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    """What a connection does."""

    #: Waits for a request.
    IDLE = auto()
    #: Reads a request line and headers.
    HEAD = auto()
    #: Reads a body; the application was called.
    BODY = auto()
    #: Has read a whole request; its answer is not finished.
    ANSWERING = auto()
    #: Reads the rest of a body whose request was answered before.
    DISCARDING = auto()
    #: Has rejected a call; ignores what still comes.
    CLOSING = auto()


#: Python 3.11 finds the members of an enumeration slowly, so the names here are faster.
IDLE, HEAD, BODY, ANSWERING, DISCARDING, CLOSING = State

#: For each event the states in which it may happen, and the next state.
#: HEAD follows ANSWERING if a client sends a request before it has the answer to the one before.
FIRST_BYTE: Final = {IDLE: HEAD, ANSWERING: HEAD}
HEAD_END: Final = {HEAD: BODY}
LAST_BYTE: Final = {BODY: ANSWERING, DISCARDING: IDLE}
ANSWERED: Final = {HEAD: HEAD, BODY: DISCARDING, ANSWERING: IDLE}
