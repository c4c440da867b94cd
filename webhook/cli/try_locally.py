"""`try`: serves with a local certificate, and sends one review over TLS."""

import base64
import shlex
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, NoReturn

import typer

from certs.issue import ensure
from webhook.cli.explain.text import print_text
from webhook.cli.files import STANDARD_INPUT
from webhook.cli.inputs import read_inputs
from webhook.cli.probe import ProbeError, send
from webhook.cli.profiles import explain_inputs, select
from webhook.cli.terminal import InputError, console
from webhook.core.policy import Policy
from webhook.explain.explanation import Explanation
from webhook.service import page
from webhook.service.listener import ListenError, listen

_FOLDER: Final = Path(".local/tls")
_HOSTS: Final = ("localhost", "127.0.0.1")
_SECONDS_TO_READY: Final = 30


class Ports(NamedTuple):
    """The ports of the service, all on loopback."""

    port: int
    """For reviews."""
    operations_port: int
    page_port: int

    @property
    def flags(self) -> list[tuple[str, int]]:
        """The flag of each, which `try` and `serve` have in common, and its number."""
        return [("--" + name.replace("_", "-"), number) for name, number in self._asdict().items()]


def try_out(review: Path, policy: Policy | None, profile: str, tls_dir: Path | None, ports: Ports) -> None:
    """Serves with a certificate made for this machine, sends `review`, prints the result, and serves until Ctrl-C.

    Without `policy` the built-in one holds. Ends with typer.Exit and the service's exit code. Raises InputError.
    """
    if str(review) == STANDARD_INPUT:
        raise InputError("--review: is read twice, so standard input is not accepted; accepted: a file")
    inputs = read_inputs([str(review)], "default")
    explained = explain_inputs(inputs, select(policy or Policy(), profile, inputs.namespaces))
    if explained.faults:
        raise InputError(*explained.faults)
    with _certificate(tls_dir) as folder:
        _serve(review, explained, policy, profile, folder, ports)


@contextmanager
def _certificate(asked: Path | None) -> Iterator[Path]:
    """Yields the folder `asked` or, if there is none, one that can be written, with a certificate for this machine.

    Raises InputError.
    """
    now = datetime.now(UTC)
    folder = asked or _FOLDER
    try:
        ensure(folder, _HOSTS, now)
    except OSError as error:
        if asked is not None:
            raise InputError(f"--tls-dir: {error.filename}: {error.strerror}") from None
    else:
        yield folder
        return
    # In a container the folder of the program is not to be written.
    with ExitStack() as stack:
        try:
            temporary = Path(stack.enter_context(TemporaryDirectory()))
            ensure(temporary, _HOSTS, now)
        except OSError:
            accepted = "accepted: with --tls-dir, a folder that can be written"
            raise InputError(f"neither {_FOLDER} nor a temporary folder can be written; {accepted}") from None
        yield temporary


def _serve(
    review: Path, explained: Explanation, policy: Policy | None, profile: str, tls_dir: Path, ports: Ports
) -> NoReturn:
    try:
        # Another server on a port would answer instead of the service.
        listen("127.0.0.1", ports.port, "--port").close()
        listen("127.0.0.1", ports.operations_port, "--operations-port").close()
        for one in page.bind(ports.page_port):
            one.close()
    except ListenError as error:
        raise InputError(str(error)) from None
    arguments = ["--tls-dir", str(tls_dir), "--drain-seconds", "0"]
    arguments += [f"{flag}={number}" for flag, number in ports.flags]
    service = _start(arguments, policy)
    # Ctrl-C reaches both processes, and SIGTERM this one only. The service then ends, and so does this one.
    before = signal.signal(signal.SIGTERM, lambda *_: service.terminate())
    try:
        _await_ready(service, f"http://127.0.0.1:{ports.operations_port}/readyz")
        url = f"https://127.0.0.1:{ports.port}/mutate/{profile}"
        try:
            answer = send(url, review.read_bytes(), ssl.create_default_context(cafile=tls_dir / "ca.crt"))
        except ProbeError as error:
            raise InputError(str(error)) from None
        _check(explained, answer["response"])
        console.print("\nThe service answered:\n")
        print_text(explained)
        command = ["curl", "--cacert", str(tls_dir / "ca.crt"), "-d", f"@{review}", url]
        console.print(f"\nThe same by hand:\n\n  {shlex.join(command)}\n")
        console.print(f"Look at it, and try your own applications: http://127.0.0.1:{ports.page_port}\n")
        console.print("Serving until Ctrl-C.")
        raise typer.Exit(service.wait())
    except KeyboardInterrupt:
        raise typer.Exit(service.wait()) from None
    finally:
        service.terminate()
        service.wait()
        signal.signal(signal.SIGTERM, before)


def _start(arguments: Sequence[str], policy: Policy | None) -> subprocess.Popen[bytes]:
    """The service, which gets the policy by a pipe: files were read, which may be pipes, too, or several of values."""
    command = [sys.executable, "-m", "webhook", "serve", *arguments]
    if policy is None:
        return subprocess.Popen(command)  # noqa: S603, our own command
    service = subprocess.Popen([*command, "--policy", "/dev/stdin"], stdin=subprocess.PIPE)  # noqa: S603
    assert service.stdin is not None  # noqa: S101, it is a pipe
    # If the service has ended, its exit code says more.
    with suppress(BrokenPipeError), service.stdin as pipe:
        pipe.write(policy.model_dump_json(by_alias=True, exclude_unset=True).encode())
    return service


def _await_ready(service: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _SECONDS_TO_READY
    while time.monotonic() < deadline:
        code = service.poll()
        if code is not None:
            raise typer.Exit(code or 1)
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310, a URL on loopback
                return
        except OSError:
            time.sleep(0.02)
    raise InputError(f"the service was not ready within {_SECONDS_TO_READY} s")


def _check(explained: Explanation, answer: dict[str, Any]) -> None:
    """Raises InputError if the patch in `answer` is not the one that is about to be shown."""
    (pod,) = (pod for one in explained.workloads for pod in one.pods)
    if base64.b64decode(answer.get("patch", "W10=")) != pod.outcome.patch:
        raise InputError("the service's patch differs from explain's: is another version running?")
