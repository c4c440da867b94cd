"""A real registry on this machine's loopback."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.process import free_port


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Runs Debian's docker-registry with its data in `folder`; yields its host and port."""
    address = f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yaml"
    configuration.write_text(
        f"version: 0.1\nhttp: {{addr: '{address}'}}\nstorage: {{filesystem: {{rootdirectory: '{folder / 'data'}'}}}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _answers(address):
            assert process.poll() is None, (folder / "registry.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/v2/").is_success
    except httpx.HTTPError:
        return False
