"""Spark pods that are created without a pause from several threads, each again and again, and the records that they got."""

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.e2e.control_plane import ControlPlane
from tests.e2e.figures import scaled
from tests.e2e.spark_pods import placement, spark_pod
from webhook.core import names

APPLICATIONS = ("etl-a", "etl-b", "etl-c")
EXECUTORS = (1, 2, 3)
#: Seconds between two pods of a thread.
_PAUSE = 1 / scaled(200)
_DIGEST = re.compile(r",policy=([0-9a-f]{8})")


def without_digest(record: str) -> str:
    """A record without the digest of its policy."""
    return _DIGEST.sub("", record)


@dataclass(frozen=True)
class Sent:
    """One pod, by what decides about it."""

    profile: str
    application: str
    number: int
    """That of an executor; 0 is the driver."""

    def pod(self) -> dict[str, Any]:
        made = spark_pod("executor" if self.number else "driver", self.application)
        if self.number:
            made["metadata"]["labels"][names.SPARK_EXEC_ID] = str(self.number)
        return made


@dataclass
class Stream:
    """Pods of several profiles, each in a namespace of its own, for as long as the block lasts."""

    control_plane: ControlPlane
    profiles: Sequence[str]
    threads: int
    records: dict[Sent, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What each pod got, without the digest of the policy; an empty text for no record."""
    digests: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._namespaces = {
            one: self.control_plane.create_namespace("spark", {names.PROFILE_LABEL: one}) for one in self.profiles
        }
        self.pods = [
            Sent(profile, application, number)
            for profile in self.profiles
            for application in APPLICATIONS
            for number in (0, *EXECUTORS)
        ]
        self._over, self._lock = threading.Event(), threading.Lock()

    def once(self) -> dict[Sent, str]:
        """Creates each pod once, and returns what each got."""
        return {sent: self._create(sent) for sent in self.pods}

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.threads)]
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _run(self, number: int) -> None:
        while not self._over.is_set():
            for sent in self.pods[number :: self.threads]:
                if self._over.is_set():
                    return
                record = self._create(sent)
                with self._lock:
                    self.records[sent][record] += 1
                self._over.wait(_PAUSE)

    def _create(self, sent: Sent) -> str:
        path = f"/api/v1/namespaces/{self._namespaces[sent.profile]}/pods?dryRun=All"
        answer = self.control_plane.http.post(path, json=sent.pod())
        if answer.is_error:
            with self._lock:
                self.refusals[f"{answer.status_code} {answer.json()['message']}"] += 1
            return "refused"
        record = placement(answer.json()) or ""
        with self._lock:
            self.digests.update(_DIGEST.findall(record))
        return without_digest(record)
