"""Streams whose encoding lacks characters, such as that of an old terminal: they get others, and no error."""

import codecs
import io
import json
import sys
from typing import Final

_NAME: Final = "spark-eci-plain"
#: What stands for characters that the programs themselves print.
_PLAIN: Final = {"✓": "+", "✗": "x", "…": "...", "•": "-"}


def accept_all_characters() -> None:
    """Lets standard output and standard error take every character, whatever their encoding is."""
    codecs.register_error(_NAME, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not (_is_utf8(stream) and stream.errors != "strict"):
            stream.reconfigure(errors=_NAME)


def is_encodable(text: str) -> bool:
    """Whether standard output has all characters of `text`."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_utf8(stream: io.TextIOWrapper) -> bool:
    return codecs.lookup(stream.encoding).name == "utf-8"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that an encoding lacks. Escapes are those of JSON, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or json.dumps(char)[1:-1] for char in lacking), error.end
