"""The image as an OCI archive, built by buildah, and what is in it."""

import json
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from tools.release.archive import tar
from tools.release.source import ReleaseError, Source

#: Before the name of what a layer removes, and the name of a mark that removes all below a folder.
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
#: The architectures as Go and OCI name them.
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """That of this machine. Raises ReleaseError if there is no image for it."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise ReleaseError(f"this machine: found {machine}; accepted: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[machine]


def archive(source: Source, name: str, base: str, buildah: Sequence[str], folder: Path) -> tuple[bytes, str]:
    """The image `name` of the commit, built on the base image `base`, or on the Dockerfile's if that is empty.

    Works in `folder`. Returns the archive, and the base image with its digest. Raises ReleaseError.
    """
    if shutil.which(buildah[0]) is None:
        raise ReleaseError(f"{buildah[0]}: not found; accepted: a machine with buildah, or make packages")
    arguments = ["--build-arg", f"REVISION={source.commit}"] + (["--build-arg", f"BASE_IMAGE={base}"] if base else [])
    # An image of the same name that `make image` built stays.
    tag, written = f"localhost/release-of-{name}", folder / "image.tar"
    # No layer of an earlier build is taken. All files and the image itself get the commit's time.
    build = ["build", "--no-cache", "--timestamp", str(source.seconds), *arguments, "--tag", tag, str(source.folder)]
    try:
        _run([*buildah, *build])
        _run([*buildah, "push", "--quiet", "--format", "oci", tag, f"oci-archive:{written}:{name}"])
        used = _pinned(base or _of_dockerfile(source), buildah)
    finally:
        subprocess.run([*buildah, "rmi", "--force", tag], capture_output=True, check=False)
    with tarfile.open(written) as archived:
        files = {one.name: archived.extractfile(one).read() for one in archived if one.isfile()}  # type: ignore[union-attr]
    written.unlink()
    return tar(files, source.seconds), used


def _of_dockerfile(source: Source) -> str:
    """The base image that the Dockerfile names."""
    text = (source.folder / "Dockerfile").read_text(encoding="utf-8")
    return text.partition("ARG BASE_IMAGE=")[2].split()[0]


def _pinned(base: str, buildah: Sequence[str]) -> str:
    """The image `base`, which has been pulled, with its digest."""
    if "@" in base:
        return base
    digest = _run([*buildah, "inspect", "--type", "image", "--format", "{{.FromImageDigest}}", base])
    return f"{base}@{digest.strip()}"


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise ReleaseError(f"{shlex.join(command[:2])}: ended with {done.returncode}; what it said stands above")
    return done.stdout


def contents(archived: bytes, wanted: Sequence[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The configuration of the image in an archive, and its files with one of the endings `wanted`, by their path."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=BytesIO(archived)) as opened:

        def blob(digest: str) -> bytes:
            return opened.extractfile(f"blobs/{digest.replace(':', '/')}").read()  # type: ignore[union-attr]

        index = json.loads(opened.extractfile("index.json").read())  # type: ignore[union-attr]
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=BytesIO(blob(layer["digest"]))) as files:
                found = _over(found, files, wanted)
        return json.loads(blob(manifest["config"]["digest"])), found


def _over(below: Mapping[str, bytes], layer: tarfile.TarFile, wanted: Sequence[str]) -> dict[str, bytes]:
    """The wanted files of the layers `below` with `layer` over them (OCI image specification: layer.md, whiteouts)."""
    found, own = dict(below), {}
    for one in layer:
        folder, slash, name = one.name.removeprefix("./").rpartition("/")
        path = f"{folder}{slash}{name.removeprefix(_WHITEOUT)}"
        if name == _OPAQUE or not one.isdir():
            gone = f"{folder}{slash}" if name == _OPAQUE else f"{path}/"
            found = {known: content for known, content in found.items() if not f"{known}/".startswith(gone)}
        if one.isfile() and not name.startswith(_WHITEOUT) and path.endswith(tuple(wanted)):
            own[path] = layer.extractfile(one).read()  # type: ignore[union-attr]
    return found | own
