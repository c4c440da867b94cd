"""What a browser asks: an application and a policy to explain."""

from typing import Final

from fastapi import Request
from msgspec import DecodeError, Struct, json

from webhook.core.fault import clause
from webhook.page.pieces import JSON
from webhook.service.admission import read_body
from webhook.service.responses import RejectedError

#: The largest question, in bytes.
MOST_BYTES: Final = 1024 * 1024
_TOO_LARGE: Final = f"application and policy are too large; accepted: at most {MOST_BYTES} bytes together, as JSON"


class Question(Struct, frozen=True):
    """What a browser asks."""

    documents: str
    policy: str
    profile: str = ""


_decode: Final = json.Decoder(Question).decode


async def read_question(request: Request) -> Question:
    """The question in the body of `request`. Raises RejectedError, and DisconnectedError if its client has gone."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RejectedError(415, "invalid", f"Content-Type: found another type; accepted: {JSON}")
    try:
        return _decode(await read_body(request.scope, request.receive, MOST_BYTES))
    except RejectedError as error:
        if error.reason != "too-large":
            raise
        raise RejectedError(413, error.reason, _TOO_LARGE) from None
    except DecodeError as error:
        raise _unreadable(clause(error, "the body")) from None
    except UnicodeDecodeError:
        raise _unreadable("the body: found bytes that are no UTF-8; accepted: JSON in UTF-8") from None
    except RecursionError:
        raise _unreadable("the body: found too many levels; accepted: JSON of one level") from None


def _unreadable(sentence: str) -> RejectedError:
    return RejectedError(400, "invalid", sentence)
