"""Small pictures: PNG files with at most 256 colours (PNG specification, third edition, sections 11.2.1 and 11.2.2)."""

import base64
import struct
import zlib
from typing import Final

from playwright.sync_api import Page

#: Chromium reads the picture, and takes for each pixel the nearest of the colours that are there most often.
_REDUCE: Final = """async picture => {
  const bytes = Uint8Array.from(atob(picture), one => one.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const {width, height} = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = colour => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const often = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]).slice(0, 256).map(one => one[0]);
  const palette = often.map(parts);
  const nearest = new Map(often.map((colour, index) => [colour, index]));
  for (const colour of counts.keys()) {
    if (nearest.has(colour)) continue;
    const distances = palette.map(one => parts(colour).reduce((sum, part, at) => sum + (part - one[at]) ** 2, 0));
    nearest.set(colour, distances.indexOf(Math.min(...distances)));
  }
  let indexes = "";
  for (const pixel of pixels) indexes += String.fromCharCode(nearest.get(pixel));
  return [width, height, palette, btoa(indexes)];
}"""


def reduced(picture: bytes, page: Page) -> bytes:
    """The PNG file `picture` with at most 256 colours, as another PNG file; `page` computes."""
    width, height, palette, encoded = page.evaluate(_REDUCE, base64.b64encode(picture).decode())
    indexes = base64.b64decode(encoded)
    rows = b"".join(b"\0" + indexes[start : start + width] for start in range(0, len(indexes), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    chunks = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
