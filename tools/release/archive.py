"""Archives whose bytes depend on their contents alone."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
#: OCI image specification: image-layout.md.
LAYOUT: Final = {"imageLayoutVersion": "1.0.0"}


def tar(files: Mapping[str, bytes], seconds: int) -> bytes:
    """A tar archive of `files`, sorted, each with mode 644 and the time `seconds`."""
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(files[name]), seconds
            archive.addfile(member, BytesIO(files[name]))
    return written.getvalue()


def compressed(content: bytes) -> bytes:
    """`content` by gzip, without a name, a time and a system."""
    written = bytearray(gzip.compress(content, mtime=0))
    # Versions of Python differ in the byte for the system (RFC 1952: OS); 255 is an unknown one.
    written[9] = 255
    return bytes(written)


def json_bytes(value: Any) -> bytes:
    """`value` as JSON, sorted and without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    """The name that OCI gives to `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(kind: str, content: bytes) -> dict[str, Any]:
    """What OCI says of `content` of a media type (OCI image specification: descriptor.md)."""
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def layout(blobs: list[bytes], manifest: bytes, name: str, seconds: int) -> bytes:
    """An OCI image layout as a tar archive: `manifest`, which is called `name`, and the blobs that it refers to."""
    entry = descriptor(MANIFEST, manifest) | {"annotations": {"org.opencontainers.image.ref.name": name}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    files = {f"blobs/{digest(one).replace(':', '/')}": one for one in (*blobs, manifest)}
    return tar(files | {"oci-layout": json_bytes(LAYOUT), "index.json": json_bytes(index)}, seconds)
