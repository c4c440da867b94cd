"""Runs the three processes in the network of this process, and prints what answers at which address, as JSON.

The arguments are a folder with `tls/`, `policy.yaml` and `kubeconfig`, the number of addresses that answer, and the addresses
to call, those first.
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from webhook.service.listener import authority

_SECONDS = 90
_PROBES = {
    "service": (8080, ["/livez", "/readyz"]),
    "certificates": (8081, ["/healthz"]),
    "overflow": (8082, ["/healthz"]),
}


def commands(folder: Path) -> dict[str, list[str]]:
    """The command lines of the image and the chart, without a cluster; the ports differ, because there is one network."""
    certificates = ["--namespace=a", "--ca-secret=a", "--serving-secret=b", "--configuration=c", "--service=d"]
    return {
        "service": ["webhook", "serve", f"--tls-dir={folder / 'tls'}", "--host=::", "--operations-host=::"],
        "certificates": [
            "certs",
            "controller",
            *certificates,
            "--deployment=e",
            f"--kubeconfig={folder / 'kubeconfig'}",
        ],
        "overflow": [
            *("webhook", "overflow", "--namespace=a", f"--policy={folder / 'policy.yaml'}"),
            *(f"--kubeconfig={folder / 'kubeconfig'}", "--port=8082"),
        ],
    }


def main(folder: Path, answering: int, addresses: Sequence[str]) -> None:
    with ExitStack() as ends:
        running = [
            ends.enter_context(_running(line, folder / f"{name}.log")) for name, line in commands(folder).items()
        ]
        urls = [
            (f"{name} {path} at {address}", f"http://{authority(address, port)}{path}")
            for address in addresses
            for name, (port, paths) in _PROBES.items()
            for path in paths
        ]
        until = time.monotonic() + _SECONDS
        answers = {name: _answer(url) for name, url in urls}
        expected = [name for name, _ in urls if name.endswith(tuple(f" {one}" for one in addresses[:answering]))]
        while any(answers[name] != "200" for name in expected) and time.monotonic() < until:
            if any(one.poll() is not None for one in running):
                break
            time.sleep(0.1)
            answers = {name: _answer(url) for name, url in urls}
    json.dump(answers, sys.stdout)


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-m", *command], stderr=output, stdout=output) as one,
    ):
        try:
            yield one
        finally:
            one.kill()


def _answer(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310, our own URL
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except OSError:
        return "none"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
