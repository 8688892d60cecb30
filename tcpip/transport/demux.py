"""From a packet to its endpoint: one dict for connections, one of lists for ports.

A connection is looked up by the packet's own 12 or 36 bytes (addresses and ports as they lie on the wire).
The rest are scored as Linux scores them (net/ipv4/inet_hashtables.c:compute_score): a bound device beats a
bound address beats the packet's own family.
"""

from __future__ import annotations

from tcpip.buffer import RxPacket
from tcpip.transport.protocol import PacketHandler
from tcpip.transport.reuse_group import ReusePortGroup


def connection_key(remote: bytes, local: bytes, remote_port: int, local_port: int) -> bytes:
    """How packets from `remote` to `local` are looked up."""
    return remote + local + bytes((remote_port >> 8, remote_port & 255, local_port >> 8, local_port & 255))


class Bound:
    """An unconnected endpoint at a port. `addr` is 4 or 16 bytes, empty for any; `nic` 0 for any.

    `v4` and `v6`: which families it receives. `group`: of a new one whom it would share the port with, were it the first;
    once added, whom it does share it with, if `reuse_port`.
    """

    __slots__ = ("handler", "addr", "port", "nic", "v4", "v6", "reuse_port", "group", "order")

    def __init__(
        self,
        handler: PacketHandler,
        addr: bytes,
        port: int,
        nic: int,
        v4: bool,
        v6: bool,
        reuse_port: bool,
        group: ReusePortGroup | None = None,
    ) -> None:
        self.handler = handler
        self.addr = addr
        self.port = port
        self.nic = nic
        self.v4 = v4
        self.v6 = v6
        self.reuse_port = reuse_port
        self.group = group
        self.order = 0  # the later it was added the more

    def place(self) -> tuple[bytes, int, bool, bool]:
        """Two with the same fit the same packets."""
        return self.addr, self.nic, self.v4, self.v6

    def score(self, dst: bytes, nic: int) -> int:
        """How well it fits a packet to `dst` that came in on `nic`; -1: not at all."""
        score = 0
        if self.nic:
            if self.nic != nic:
                return -1
            score = 4
        if self.addr:
            return score + 2 if self.addr == dst else -1
        if len(dst) == 4:
            if not self.v4:
                return -1
            return score if self.v6 else score + 1
        return score if self.v6 else -1


class Demuxer:
    """The endpoints of one transport protocol. Thousands may be at one port (SO_REUSEADDR): those that fit the same packets
    are kept together, so that a packet is not held against each of them."""

    __slots__ = ("connected", "bound", "_places", "_added")

    def __init__(self) -> None:
        self.connected: dict[bytes, PacketHandler] = {}
        self.bound: dict[int, dict[Bound, None]] = {}  # by port, in the order in which they were added
        self._places: dict[int, dict[tuple[bytes, int, bool, bool], dict[Bound, None]]] = {}  # the same, by place
        self._added = 0

    def add(self, entry: Bound) -> None:
        """Register an unconnected endpoint; port conflicts are the port manager's business."""
        port = entry.port
        if port not in self.bound:
            self.bound[port], self._places[port] = {}, {}
        same = self._places[port].setdefault(entry.place(), {})
        if entry.reuse_port:
            for other in same:
                if other.reuse_port:
                    entry.group = other.group
                    break
            if entry.group is None:
                entry.group = ReusePortGroup()
            entry.group.members.append(entry)
        else:
            entry.group = None
        self._added += 1
        entry.order = self._added
        self.bound[port][entry] = same[entry] = None

    def remove(self, entry: Bound) -> None:
        """Harmless when it is not there."""
        port = entry.port
        entries = self.bound.get(port)
        if entries is None or entry not in entries:
            return
        del entries[entry]
        places = self._places[port]
        same = places[entry.place()]
        del same[entry]
        if not same:
            del places[entry.place()]
        if entry.group is not None:
            entry.group.leave(entry)
        if not entries:
            del self.bound[port], self._places[port]

    def find_bound(self, pkt: RxPacket, dst_port: int) -> PacketHandler | None:
        """The best unconnected endpoint for a packet; a reuse-port group is spread by the packet's key."""
        places = self._places.get(dst_port)
        if places is None:
            return None
        nic = pkt.nic.number if pkt.nic is not None else 0
        return pick(places, pkt.dst, nic, pkt.key, pkt)

    def find_listener(self, pkt: RxPacket, dst_port: int) -> PacketHandler | None:
        """The same, or whom the packet filter has chosen for a packet that it took off its way."""
        track = pkt.track
        return track.listener if track is not None and track.intercepted else self.find_bound(pkt, dst_port)

    def find_transparent(self, pkt: RxPacket, port: int) -> PacketHandler | None:
        """Who takes a packet to any address: a connection of its own, else who is bound to `port` with IP_TRANSPARENT,
        to the packet's address rather than to one of the host's."""
        connected = self.connected.get(pkt.key)
        if connected is not None:
            return connected
        nic = pkt.nic.number if pkt.nic is not None else 0
        best: PacketHandler | None = None
        for entry in self.bound.get(port, ()):
            fits = (entry.v4 if len(pkt.dst) == 4 else entry.v6) and entry.nic in (0, nic)
            if fits and entry.handler.is_transparent():
                if entry.addr == pkt.dst:
                    return entry.handler
                best = entry.handler
        return best

    def find_bound_local(self, local: bytes, port: int, nic: int, key: bytes) -> PacketHandler | None:
        """The same for an ICMP error about a packet sent from `local`."""
        places = self._places.get(port)
        return None if places is None else pick(places, local, nic, key)

    def all_bound(self, pkt: RxPacket, dst_port: int) -> list[PacketHandler]:
        """Every unconnected endpoint that fits: receivers of multicast and broadcast."""
        nic = pkt.nic.number if pkt.nic is not None else 0
        return [e.handler for e in self.bound.get(dst_port, ()) if e.score(pkt.dst, nic) >= 0]


def pick(
    places: dict[tuple[bytes, int, bool, bool], dict[Bound, None]],
    dst: bytes,
    nic: int,
    key: bytes,
    pkt: RxPacket | None = None,
) -> PacketHandler | None:
    """The entry with the best score, the latest of equals; among equals that share the port by their program, or `key`."""
    best: Bound | None = None
    best_score = -1
    for same in places.values():
        entry = next(reversed(same))
        score = entry.score(dst, nic)
        if score > best_score or (score == best_score and best is not None and entry.order > best.order):
            best, best_score = entry, score
    if best is None or not best.reuse_port:
        return None if best is None else best.handler
    if pkt is not None and best.group is not None and best.group.program:
        chosen = best.group.choose(pkt)
        if chosen is not None:
            return chosen.handler
    group = [
        entry
        for same in places.values()
        if next(iter(same)).score(dst, nic) == best_score
        for entry in same
        if entry.reuse_port
    ]
    if len(places) > 1:
        group.sort(key=_order_of)
    return group[spread(key) % len(group)].handler


def _order_of(entry: Bound) -> int:
    return entry.order


def spread(key: bytes) -> int:
    """A hash of a flow that is the same in every run (Fibonacci hashing of a prime remainder)."""
    return ((int.from_bytes(key, "big") % 0x1FFFFFFFFFFFFFFF) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 40
