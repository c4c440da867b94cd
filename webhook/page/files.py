"""The files of the page, read once, as they are and compressed."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file."""

    media_type: str
    content: bytes
    compressed: bytes
    """The content by gzip, the same for the same content."""


def page_files(folder: Path = FOLDER) -> dict[str, PageFile]:
    """The files in `folder` by the path of their URL; index.html is `/`. Files of other types are left out."""
    found = {}
    for file in sorted(folder.iterdir()):
        media_type = _TYPES.get(file.suffix)
        if media_type is not None:
            content = file.read_bytes()
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found[path] = PageFile(media_type, content, gzip.compress(content, mtime=0))
    return found
