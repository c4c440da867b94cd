"""The serving process: both listeners in one event loop, from start to stop."""

import asyncio
import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from time import time
from typing import Any, Final

import uvloop

from webhook import __version__
from webhook.core.cautions import EMPTY, cautions, is_empty
from webhook.core.policy import Policy
from webhook.service import page
from webhook.service.certificate import ServingCertificate
from webhook.service.certificate_files import CertificateError
from webhook.service.feed import Feed
from webhook.service.feed_messages import Greeting, PolicyOfService, ReviewAddress
from webhook.service.flags import misspelt
from webhook.service.listener import ListenError, authority, listen, server
from webhook.service.log_limits import LineLimits
from webhook.service.log_output import Output, reserve_standard_descriptors, standard_output
from webhook.service.logs import AdmissionLog, capture_faults, configure, is_json
from webhook.service.memory import Memory
from webhook.service.metrics import Metrics
from webhook.service.policy_file import PolicyError, load_policy
from webhook.service.readiness import Readiness, called_hosts
from webhook.service.routes import admission_application, operations_application
from webhook.service.settings import Settings, SettingsError, read_settings

#: The most profiles that a log line names.
_LISTED: Final = 20
#: How long the start of the page process waits for the first certificate.
_PAGE_SECONDS: Final = 10.0


def run(arguments: Sequence[str]) -> int:
    """Serves until a signal ends it; returns the exit code.

    It is 0, or 1 if a task of the process failed, or 2 if the process could not start as asked.
    """
    reserve_standard_descriptors()
    try:
        settings = read_settings(arguments)
        service = Service(settings, _policy(settings))
    except (SettingsError, PolicyError, CertificateError, ListenError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    gc.enable()
    capture_faults()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(service.serve())


def _policy(settings: Settings) -> Policy:
    """The policy of the file or the values that the settings name. Raises PolicyError."""
    if settings.values:
        # A service in a cluster has a policy file, and needs none of what reads values.
        from webhook.chart.policy import load_release  # noqa: PLC0415

        return load_release(settings.values).policy
    return load_policy(settings.policy)


class Service:
    """One serving process: the admission listener over TLS, the operations listener, and the certificate."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        """Binds both sockets, but does not listen yet. Raises CertificateError and ListenError."""
        self._started = time()
        self._settings = settings
        self._policy = policy
        self._certificate = ServingCertificate(settings.tls_dir, settings.client_ca)
        self._sockets = (
            listen(settings.host, settings.port, "--port"),
            listen(settings.operations_host, settings.operations_port, "--operations-port"),
        )
        pages = [] if settings.page_port is None else page.bind(settings.page_port)
        self._metrics = Metrics(policy.digest)
        dropped = self._metrics.log_lines_dropped.inc
        self._limits = LineLimits(settings.log_rate, dropped)
        output = Output(dropped, standard_output())
        atexit.register(output.close)
        self._logger = configure(settings.log_level, settings.log_format, output, self._limits)
        host, port = self._sockets[0].getsockname()[:2]
        self._readiness = Readiness(self._certificate, host, port, handshake_only=settings.client_ca is not None)
        lines = output if is_json(settings.log_format, output) else None
        self._log = log = AdmissionLog(self._logger, settings.log_rate, dropped, lines)
        feed = Feed(self._metrics) if pages else None
        self._page = None if feed is None else page.Page(pages, feed, self._logger)
        app = admission_application(policy, settings.max_body_bytes, self._metrics, log, self._logger, feed)
        self._admission = server(app, settings, self._metrics, lambda: self._certificate.context, log, app.direct)
        self._operations = server(operations_application(self._metrics, self._readiness.reason), settings)
        self._faults: dict[str, str] = {}
        self._failed = False
        self._certificate_loaded = asyncio.Event()
        self._stop = asyncio.Event()
        self._memory = Memory()

    async def serve(self) -> int:
        """Serves until a signal, or until a task fails; returns the exit code, 0 or 1, when the last answer is sent."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        # By convention it asks for a reload, but the files are checked for changes anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for sentence in misspelt(os.environ, Settings.model_fields):
            self._logger.warning("settings", caution=sentence)
        if self._settings.policy and is_empty(self._policy):
            self._logger.warning("policy", caution=f"{self._settings.policy}: {EMPTY}")
        for caution in cautions(self._policy):
            self._logger.warning("policy", caution=caution)
        operating = self._supervised("operations", self._operations.serve(sockets=[self._sockets[1]]))
        reloading = self._supervised("reload", self._reload())
        trimming = self._supervised("trim", self._memory.trim())
        serving = self._supervised("admissions", self._serve_admissions())
        paging = asyncio.create_task(self._serve_page())
        await self._stop.wait()
        await self._drain(serving, paging)
        reloading.cancel()
        trimming.cancel()
        self._operations.should_exit = True
        await asyncio.wait((operating, reloading, trimming, serving, paging))
        self._log.settle()
        self._limits.settle()
        self._logger.info("stopped")
        return 1 if self._failed else 0

    def _supervised(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that does `work`. If it ends unexpectedly, the process drains and ends."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._readiness.draining and error is None:
            return
        self._failed = True
        self._metrics.failed_tasks.labels(task.get_name()).inc()
        self._logger.error("task failed", task=task.get_name(), exc_info=error)
        # A second request to stop would end the draining.
        if not self._readiness.draining:
            self._stop.set()

    async def _serve_page(self) -> None:
        """Serves the page if there is one. Its start takes processor time, so admissions come first."""
        if self._page is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._admission.listening.wait(), _PAGE_SECONDS)
            await self._page.run(self._greeting())

    def _greeting(self) -> Greeting:
        """What the page process is told first."""
        document = self._policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
        host, port = self._sockets[0].getsockname()[:2]
        url, ca = f"https://{authority(called_hosts(host)[0], port)}", str(self._settings.tls_dir / "ca.crt")
        address = ReviewAddress(url, ca, "KUBERNETES_SERVICE_HOST" in os.environ)
        return Greeting(__version__, PolicyOfService(self._policy.digest, document), address, self._started)

    async def _serve_admissions(self) -> None:
        """Listens as soon as a certificate is loaded."""
        await self._certificate_loaded.wait()
        # If the server fails before it listens, the group ends the waiting for it.
        async with asyncio.TaskGroup() as group:
            group.create_task(self._admission.serve(sockets=[self._sockets[0]]))
            await self._admission.listening.wait()
            self._announce()

    def _announce(self) -> None:
        self._readiness.waiting_for = None
        reviews, operations = (authority(*one.getsockname()[:2]) for one in self._sockets)
        self._logger.info(
            "serving",
            reviews=f"https://{reviews}",
            operations=f"http://{operations}",
            **({"page": self._page.url} if self._page else {}),
            policy=self._policy.digest,
            profiles=list(self._policy.profiles)[:_LISTED],
            profile_count=len(self._policy.profiles),
        )
        # All objects that exist now live as long as the process, so no garbage collection needs to visit them. A review
        # leaves no reference cycles, so collections can be rare.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)

    async def _reload(self) -> None:
        """Checks the files of certificate and clients' CAs every `reload_seconds`, more often until there is a pair."""
        while True:
            self._attempt("pair", self._reload_pair)
            if self._certificate_loaded.is_set():
                self._attempt("client CA", self._reload_client_authority)
            await asyncio.sleep(self._settings.reload_seconds if self._certificate_loaded.is_set() else 0.2)

    def _reload_pair(self) -> None:
        pair = self._certificate.reload()
        if pair is not None:
            self._certificate_loaded.set()
            self._metrics.reloaded("loaded", pair.not_after)
            expiry = round(pair.not_after)
            self._logger.info("certificate", outcome="loaded", names=list(pair.names), not_after=expiry)

    def _reload_client_authority(self) -> None:
        if self._certificate.reload_client_authority():
            self._metrics.reloaded("loaded")
            self._logger.info("certificate", outcome="loaded", client_ca=str(self._settings.client_ca))

    def _attempt(self, source: str, reload: Callable[[], None]) -> None:
        """Calls `reload`; counts and logs a fault of `source` unless it is still the one before."""
        try:
            reload()
            self._faults[source] = ""
        except CertificateError as error:
            fault = str(error)
            if not self._certificate_loaded.is_set():
                self._readiness.waiting_for = fault
            if fault != self._faults.get(source):
                self._faults[source] = fault
                self._metrics.reloaded("failed")
                self._logger.warning("certificate", outcome="failed", error=fault)

    async def _drain(self, serving: asyncio.Task[None], paging: asyncio.Task[None]) -> None:
        """Fails readiness, keeps answering for `drain_seconds`, then finishes the requests in flight.

        Meanwhile the page ends.
        """
        self._readiness.draining = True
        self._admission.load.draining = True
        if not self._admission.started:
            serving.cancel()
            paging.cancel()
            return
        self._logger.info("draining", seconds=self._settings.drain_seconds)
        self._stop.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self._settings.drain_seconds)
        self._admission.should_exit = True
        paging.cancel()
        await asyncio.wait((serving,))

    def _signalled(self) -> None:
        """Starts draining at the first signal; ends the process at the second."""
        if self._readiness.draining:
            self._admission.force_exit = True
        self._stop.set()
