"""The addresses of one control plane, its Services and its pods, all on loopback.

IPv4 has all of 127.0.0.0/8 there. For IPv6 a network is added to the interface `lo`, which needs root and the command `ip`.
"""

import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from typing import Self

#: Lets a socket listen on an address of a network that only a route makes local (Linux: in.h).
IP_FREEBIND = 15


class Networks:
    """Networks that no other control plane of this machine uses, one of each family in `families`, in that order.

    `address` is the API server's, `services` are the networks of the ClusterIPs.
    """

    def __init__(self, families: Sequence[str]) -> None:
        with ExitStack() as ends:
            self._number = ends.enter_context(closing(_Reservation())).number
            self.families = tuple(families)
            if "IPv6" in families:
                self._add(ends)
            self._ends = ends.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Removes what was added to the machine."""
        self._ends.close()

    @property
    def address(self) -> str:
        return {"IPv4": f"127.77.{self._number}.1", "IPv6": f"{self._ipv6}::1"}[self.families[0]]

    @property
    def services(self) -> tuple[str, ...]:
        networks = {"IPv4": f"127.77.{self._number}.0/24", "IPv6": f"{self._ipv6}:1::/112"}
        return tuple(networks[family] for family in self.families)

    def pod(self, number: int) -> tuple[str, ...]:
        """The addresses of the pod of that number, from 2 to 254."""
        addresses = {"IPv4": f"127.78.{self._number}.{number}", "IPv6": f"{self._ipv6}:2::{number:x}"}
        return tuple(addresses[family] for family in self.families)

    @property
    def _ipv6(self) -> str:
        return f"fd77:0:0:{self._number:x}"

    def _add(self, ends: ExitStack) -> None:
        # A run that was killed may have left them behind. Without `nodad` an address cannot be used for a moment, which may be
        # long if network namespaces come and go.
        for words in (
            ["address", "{}", f"{self._ipv6}::1/128", "nodad"],
            ["route", "{}", "local", f"{self._ipv6}::/64"],
        ):
            ends.callback(_ip, *words, verb="delete")
            _ip(*words, verb="replace")


class _Reservation:
    """A number from 0 to 255 that no other process of this machine has.

    It is reserved by a name in Linux's abstract socket namespace. The name disappears when the process ends in any way.
    """

    def __init__(self) -> None:
        self._hold = socket.socket(socket.AF_UNIX)
        for self.number in range(256):
            with suppress(OSError):
                self._hold.bind(f"\0control-plane/127.77.{self.number}")
                return
        raise RuntimeError("no free loopback network 127.77.0.0/24 to 127.77.255.0/24: all are in use")

    def close(self) -> None:
        self._hold.close()


def _ip(*words: str, verb: str) -> None:
    command = ["ip", "-6", *(verb if word == "{}" else word for word in words), "dev", "lo"]
    subprocess.run(command, check=True, capture_output=True)


def own_address() -> str:
    """An address of this machine that is not on loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
