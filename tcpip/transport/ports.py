"""Who holds which local port.

Conflict rules are Linux's (inet_csk_bind_conflict, udp_lib_lport_inuse): reservations that overlap in address and
device may share a port when both set SO_REUSEADDR and the one that is there does not listen, or both set SO_REUSEPORT and have one owner.
Ports that connect(2) picked are shared among connections. Ephemeral ports are picked at random (RFC 6056 3.3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from random import Random

EPHEMERAL_FIRST: Final = 32768
EPHEMERAL_LAST: Final = 60999
_PORTS: Final = 1 << 16
_NO_PORTS: Final = bytes(_PORTS)


class Reservation:
    """One hold on a port. `addr` is 4 or 16 bytes, all zero for any; `nic` 0 for any. `port_range` narrows the choice of
    an ephemeral one: the lowest in the lower 16 bits, the highest in the upper ones, 0 for the host's.
    `forced`: it shares with anybody (TCP_REPAIR)."""

    __slots__ = (
        "protocol",
        "port",
        "addr",
        "nic",
        "v6only",
        "reuse_addr",
        "reuse_port",
        "owner",
        "listening",
        "by_connect",
        "port_range",
        "forced",
        "kind",
    )

    def __init__(
        self,
        protocol: int,
        port: int,
        addr: bytes,
        nic: int = 0,
        v6only: bool = False,
        reuse_addr: bool = False,
        reuse_port: bool = False,
        owner: int = 0,
        by_connect: bool = False,
        port_range: int = 0,
        forced: bool = False,
    ) -> None:
        self.protocol = protocol
        self.port = port
        self.addr = addr
        self.nic = nic
        self.v6only = v6only
        self.reuse_addr = reuse_addr
        self.reuse_port = reuse_port
        self.owner = owner
        self.by_connect = by_connect
        self.port_range = port_range
        self.forced = forced
        self.listening = False
        self.kind: tuple[object, ...] = ()  # while it is held: against those of one kind another stands, or not

    def kind_now(self) -> tuple[object, ...]:
        """All that others look at."""
        flags = self.v6only << 4 | self.reuse_addr << 3 | self.reuse_port << 2 | self.by_connect << 1 | self.listening
        return self.addr, self.nic, self.owner, flags

    def conflicts(self, other: Reservation) -> bool:
        """`self` may not join `other` on one port."""
        if self.by_connect and other.by_connect:
            return False
        if self.forced:
            return False
        if self.nic and other.nic and self.nic != other.nic:
            return False
        if not addresses_overlap(self, other):
            return False
        if self.reuse_port and other.reuse_port and self.owner == other.owner:
            return False
        return not (self.reuse_addr and other.reuse_addr and not other.listening)


def addresses_overlap(a: Reservation, b: Reservation) -> bool:
    """A packet could be for either (inet_rcv_saddr_equal)."""
    if len(a.addr) == len(b.addr):
        return a.addr == b.addr or not any(a.addr) or not any(b.addr)
    six = a if len(a.addr) == 16 else b
    return not six.v6only and not any(six.addr)


class PortManager:
    """All reservations of a stack."""

    __slots__ = ("_held", "_taken", "_random", "first", "last", "reserved")

    def __init__(self, random: Random) -> None:
        # By protocol and port, and by kind: thousands may be at one port (SO_REUSEADDR).
        self._held: dict[tuple[int, int], dict[tuple[object, ...], dict[Reservation, None]]] = {}
        self._taken: dict[
            int, bytearray
        ] = {}  # by protocol: for each port 1 where somebody holds it, which is in `_held`
        self._random = random
        self.first = EPHEMERAL_FIRST
        self.last = EPHEMERAL_LAST
        self.reserved: bytes = _NO_PORTS  # for each port 1 where it is for who asks for it by number

    def reserve(self, want: Reservation) -> Reservation:
        """Hold `want`, whose port 0 becomes an ephemeral one. ADDRESS_IN_USE."""
        if want.port == 0:
            self._pick(want)
        elif self.in_use(want):
            raise NetworkError(errors.ADDRESS_IN_USE)
        key = (want.protocol, want.port)
        holders = self._held.get(key)
        if holders is None:
            holders = self._held[key] = {}
            self._taken_of(want.protocol)[want.port] = 1
        want.kind = want.kind_now()
        holders.setdefault(want.kind, {})[want] = None
        return want

    def changed(self, held: Reservation) -> None:
        """It is of another kind now, if it is held."""
        holders = self._held.get((held.protocol, held.port), {})
        if held in holders.get(held.kind, ()):
            self._forget(holders, held)
            held.kind = held.kind_now()
            holders.setdefault(held.kind, {})[held] = None

    def _forget(self, holders: dict[tuple[object, ...], dict[Reservation, None]], held: Reservation) -> None:
        same = holders[held.kind]
        del same[held]
        if not same:
            del holders[held.kind]

    def _taken_of(self, protocol: int) -> bytearray:
        taken = self._taken.get(protocol)
        if taken is None:
            taken = self._taken[protocol] = bytearray(_PORTS)
        return taken

    def in_use(self, want: Reservation) -> bool:
        """Some other reservation stands against it."""
        holders = self._held.get((want.protocol, want.port))
        if holders is not None:
            for same in holders.values():
                for other in same:
                    if other is not want:
                        if want.conflicts(other):
                            return True
                        break
        return False

    def start_listening(self, held: Reservation) -> None:
        """listen(2) checks again, as sharing by SO_REUSEADDR ends there. ADDRESS_IN_USE."""
        held.listening = True
        self.changed(held)
        if self.in_use(held):
            self.stop_listening(held)
            raise NetworkError(errors.ADDRESS_IN_USE)

    def stop_listening(self, held: Reservation) -> None:
        """Others may share it again."""
        held.listening = False
        self.changed(held)

    def release(self, held: Reservation) -> None:
        """Harmless when repeated."""
        key = (held.protocol, held.port)
        holders = self._held.get(key)
        if holders is not None and held in holders.get(held.kind, ()):
            self._forget(holders, held)
            if not holders:
                del self._held[key]
                self._taken[held.protocol][held.port] = 0

    def candidates(self, port_range: int = 0) -> list[range]:
        """The ephemeral ports in the order to try them: from a random one on, then around (inet_sk_get_local_port_range)."""
        low, high = port_range & 0xFFFF, port_range >> 16
        first = low if self.first <= low <= self.last else self.first
        last = high if self.first <= high <= self.last else self.last
        start = self._random.randint(first, last)
        return [range(start, last + 1), range(first, start)]

    def _pick(self, want: Reservation) -> None:
        """A port that nobody holds, or else one that can be shared."""
        taken = self._taken_of(want.protocol)
        for ports in self.candidates(want.port_range):
            port = taken.find(0, ports.start, ports.stop)
            while port >= 0 and self.reserved[port]:
                port = taken.find(0, port + 1, ports.stop)
            if port >= 0:
                want.port = port
                return
        for ports in self.candidates(want.port_range):
            for port in ports:
                want.port = port
                if not self.reserved[port] and not self.in_use(want):
                    return
        want.port = 0
        raise NetworkError(errors.ADDRESS_IN_USE)

    def reserve_for_connect(self, want: Reservation, usable: Callable[[int], bool]) -> Reservation:
        """Hold an ephemeral port whose 4-tuple is `usable` for a connection. ADDRESS_NOT_AVAILABLE."""
        want.by_connect = True
        for ports in self.candidates(want.port_range):
            for port in ports:
                want.port = port
                if not self.reserved[port] and not self.in_use(want) and usable(port):
                    return self.reserve(want)
        want.port = 0
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
