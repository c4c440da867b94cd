"""A cluster in memory: three objects with resourceVersions, and what its clients would trust."""

import copy
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.x509 import verification

from certs.rotation import plan
from certs.state import Action, Configuration, Objects, PatchBundle, Published, Secret, Target, WriteSecret

TARGET = Target("spark", "webhook-ca", "webhook-tls", "spark-eci-webhook", "webhook")
HOST = "webhook.spark.svc"
START = datetime(2027, 1, 1, tzinfo=UTC)


class StaleWriteError(Exception):
    """The API server's 409."""


def verifies(bundle: bytes, pem: bytes, at: datetime) -> bool:
    """Whether a client that trusts `bundle` accepts a certificate, by rules other than the controller's own."""
    try:
        store = verification.Store(x509.load_pem_x509_certificates(bundle))
        verifier = verification.PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(HOST))
        verifier.verify(x509.load_pem_x509_certificate(pem), [])
    except (ValueError, x509.InvalidVersion, verification.VerificationError):
        return False
    return True


class Simulation:
    """The cluster and its present moment."""

    def __init__(self, webhooks: tuple[str, ...] | None = ("driver.spark", "executor.spark")) -> None:
        self._versions = count(1)
        self.now = START
        self.ca: Secret | None = None
        self.serving: Secret | None = None
        self.configuration: Configuration | None = None
        if webhooks is not None:
            self.configuration = Configuration(dict.fromkeys(webhooks, b""), self._version())
        self.done: list[str] = []

    def copy(self) -> "Simulation":
        """A copy of the cluster, with nothing done yet."""
        made = copy.copy(self)
        made.done = []
        return made

    def _version(self) -> str:
        return str(next(self._versions))

    def secret(self, data: dict[str, bytes], *, owned: bool = True) -> Secret:
        return Secret(data, owned, {"metadata": {"resourceVersion": self._version()}})

    def damage_ca(self, **changes: bytes | None) -> None:
        """Changes nothing if the Secret does not exist."""
        self.ca = self._changed(self.ca, changes)

    def damage_serving(self, **changes: bytes | None) -> None:
        self.serving = self._changed(self.serving, changes)

    def _changed(self, secret: Secret | None, changes: dict[str, bytes | None]) -> Secret | None:
        """Changes keys of a Secret; their dots are written as underscores, and None removes a key."""
        if secret is None:
            return None
        named = {key.replace("_", "."): content for key, content in changes.items()}
        data = {**secret.data, **named}
        return self.secret({key: content for key, content in data.items() if content is not None})

    def set_bundles(self, **bundles: bytes) -> None:
        assert self.configuration
        self.configuration = Configuration({**self.configuration.bundles, **bundles}, self._version())

    def set_every_bundle(self, bundle: bytes) -> None:
        assert self.configuration
        self.configuration = Configuration(dict.fromkeys(self.configuration.bundles, bundle), self._version())

    def objects(self) -> Objects:
        return Objects(self.ca, self.serving, self.configuration)

    def apply(self, action: Action) -> None:
        """Applies an action as the API server would. Raises StaleWriteError if the object was written since."""
        if isinstance(action, PatchBundle):
            if self.configuration is None or self.configuration.resource_version != action.resource_version:
                raise StaleWriteError
            self.set_bundles(**dict.fromkeys(action.webhooks, action.bundle))
        else:
            self._write(action)
        self.done.append(action.reason)

    def _write(self, action: WriteSecret) -> None:
        place = {TARGET.ca_secret: "ca", TARGET.serving_secret: "serving"}[action.name]
        before = getattr(self, place)
        if (before and before.raw) != (action.replaces and action.replaces.raw):
            raise StaleWriteError
        setattr(self, place, self.secret(dict(action.data)))

    @property
    def keys(self) -> dict[str, bytes]:
        """The data of the CA's Secret."""
        return dict(self.ca.data) if self.ca else {}

    @property
    def files(self) -> dict[str, bytes]:
        """The data of the serving Secret."""
        return dict(self.serving.data) if self.serving else {}

    @property
    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.files["tls.crt"])

    @property
    def current(self) -> x509.Certificate:
        """The CA that signs."""
        return x509.load_pem_x509_certificate(self.keys["tls.crt"])

    @property
    def trusted(self) -> list[x509.Certificate]:
        """The CAs that the API server trusts."""
        return x509.load_pem_x509_certificates(self.trusted_by_api_server)

    @property
    def trusted_by_api_server(self) -> bytes:
        assert self.configuration
        bundles = set(self.configuration.bundles.values())
        return bundles.pop() if len(bundles) == 1 else b""

    @property
    def trust_holds(self) -> bool:
        """Whether every client that trusts what is published accepts what is served."""
        bundles = [*self.configuration.bundles.values()] if self.configuration else []
        leaf = self.files.get("tls.crt", b"")
        return all(verifies(bundle, leaf, self.now) for bundle in (*bundles, self.files.get("ca.crt", b"")))


class Keeper:
    """A controller of the simulation, with a real one's memory; `Keeper(simulation)` is one that just started."""

    def __init__(self, simulation: Simulation, skew: timedelta = timedelta(0)) -> None:
        """`skew` is how far its clock is ahead."""
        self.simulation, self.skew = simulation, skew
        self.published: Published | None = None
        self.due: datetime | None = None
        self.problems: tuple[str, ...] = ()

    def think(self, objects: Objects | None = None) -> Action | None:
        seen = objects or self.simulation.objects()
        planned = plan(seen, TARGET, self.published, self.simulation.now + self.skew)
        self.published, self.due, self.problems = planned.published, planned.due, planned.problems
        return planned.action

    def step(self) -> bool:
        """Does one thing; returns False if there was nothing to do. What was trusted before stays trusted."""
        action = self.think()
        if action is None:
            return False
        before = self.simulation.trust_holds
        self.simulation.apply(action)
        assert self.simulation.trust_holds or not before, f"{action.reason} broke what clients trusted"
        return True

    def settle(self, limit: int = 9) -> list[str]:
        """Does everything that is due now; returns the reasons. More than `limit` actions are a loop."""
        begin = len(self.simulation.done)
        for _ in range(limit):
            if not self.step():
                return self.simulation.done[begin:]
        raise AssertionError(f"no end of actions: {self.simulation.done[begin:]}")

    def wait(self, time: timedelta) -> list[tuple[datetime, str]]:
        """Lets time pass and does things when they are due; returns each with its moment."""
        simulation, end, seen = self.simulation, self.simulation.now + time, []
        while True:
            seen += [(simulation.now, reason) for reason in self.settle()]
            if self.due is None or self.due > end:
                break
            assert self.due > simulation.now
            simulation.now = self.due
        simulation.now = end
        return seen + [(end, reason) for reason in self.settle()]

    def after(self, time: timedelta) -> list[str]:
        """The reasons of what is done while time passes."""
        return [reason for _, reason in self.wait(time)]


def installed() -> tuple[Simulation, Keeper]:
    """A cluster without faults, and its controller."""
    simulation = Simulation()
    keeper = Keeper(simulation)
    keeper.settle()
    return simulation, keeper
