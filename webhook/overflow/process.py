"""The process of the overflow controller: its settings, signals, logs, probes and metrics."""

import asyncio
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import uvloop

from certs.cluster import connect
from certs.errors import InputError
from webhook.core.policy import Policy
from webhook.overflow.controller import Controller, Options
from webhook.overflow.operations import application
from webhook.service.listener import ListenError, authority, listen, server
from webhook.service.log_output import Output, standard_output
from webhook.service.logs import capture_faults, configure
from webhook.service.settings import LogFormat, LogLevel, Settings


@dataclass(frozen=True)
class ProcessOptions:
    """Where the process listens, which cluster it calls, and how it logs."""

    host: str
    port: int
    kubeconfig: Path | None
    """None for the ServiceAccount of the pod."""
    log_level: LogLevel
    log_format: LogFormat


def new_identity(name: str | None) -> str:
    """A name for the holder of the Lease that no other process has; it begins with `name`, or that of this machine.

    A process in the place of another one must not take that one's Lease for its own: its last write may be under way.
    """
    return f"{name or socket.gethostname()}_{uuid4().hex[:8]}"


def run(policy: Policy, options: Options, process: ProcessOptions) -> int:
    """Runs a controller until a signal or a bug ends it; returns the exit code, 1 after a bug and else 0.

    Raises InputError if there is no cluster, or the port is taken.
    """
    cluster = connect(process.kubeconfig, in_cluster=True)
    try:
        listening = listen(process.host, process.port, "--port")
    except ListenError as error:
        raise InputError(str(error)) from None
    logger = configure(process.log_level, process.log_format, Output(lambda _: None, standard_output()))
    capture_faults()
    controller = Controller(cluster, policy, options)
    operations = server(application(controller), Settings.model_construct())

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, controller.end)
        url = f"http://{authority(*listening.getsockname()[:2])}"
        logger.info("answering", operations=url, policy=policy.digest)
        serving = asyncio.create_task(operations.serve(sockets=[listening]))
        working = asyncio.create_task(asyncio.to_thread(controller.run))
        await asyncio.wait((serving, working), return_when=asyncio.FIRST_COMPLETED)
        controller.end()
        await working
        operations.should_exit = True
        await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    logger.info("stopped")
    return 1 if controller.failed else 0
