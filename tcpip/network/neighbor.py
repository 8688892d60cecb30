"""Neighbour unreachability detection: one cache and one state machine for ARP and neighbour discovery.

How a solicitation looks is the protocol's business (`Nic.solicit`). Packets wait, bounded, while a neighbour is
being resolved. Times are RFC 4861's defaults in ns.
Implements: RFC 4861 5.1, 7.2, 7.3, 10; RFC 1122 2.3.2 for ARP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason
from tcpip.network.unresolved import QUEUE_BYTES, Unresolved

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.stack.nic import Nic

INCOMPLETE: Final = 0
REACHABLE: Final = 1
STALE: Final = 2
DELAY: Final = 3
PROBE: Final = 4
FAILED: Final = 5
PERMANENT: Final = 6

STATE_NAMES: Final = ("INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "PERMANENT")

REACHABLE_TIME: Final = 30 * NS_PER_S
RETRANS_TIMER: Final = NS_PER_S
DELAY_FIRST_PROBE_TIME: Final = 5 * NS_PER_S
MAX_MULTICAST_SOLICIT: Final = 3
MAX_UNICAST_SOLICIT: Final = 3
MAX_NEIGHBORS: Final = 1024


class Neighbor:
    """One neighbour. `header` is the ready link header for packets to it, empty on links without addresses."""

    __slots__ = ("nic", "addr", "mac", "header", "state", "is_router", "waiting", "_timer", "_probes", "_hint")

    def __init__(self, nic: Nic, addr: bytes, mac: bytes = b"", state: int = FAILED) -> None:
        self.nic = nic
        self.addr = addr
        self.mac = mac
        self.header = nic.link_header(mac, len(addr)) if mac else b""
        self.state = state
        self.is_router = False
        self.waiting = Unresolved()
        self._timer = nic.stack.timers.timer(self._expired)
        self._probes = 0
        self._hint = False

    def send(self, pkt: TxPacket) -> None:
        """Send an IP packet to this neighbour, now or when it is resolved."""
        state = self.state
        if state == STALE:
            self.state = DELAY
            self._arm(self.nic.neighbors.delay_ns)
        elif state in (FAILED, INCOMPLETE):
            self._wait(pkt)
            return
        self.nic.enqueue(pkt, self.header)

    @property
    def probes(self) -> int:
        """How often it has been asked since it was last known."""
        return self._probes

    def confirm(self) -> None:
        """An upper layer knows that it is reachable."""
        if self.state == REACHABLE:
            self._hint = True
        elif self.state in (STALE, DELAY, PROBE):
            self._reachable()

    def use(self) -> None:
        """As if something were sent to it (net/core/neighbour.c: NTF_USE, neigh_event_send)."""
        if self.state == STALE:
            self.state = DELAY
            self._arm(self.nic.neighbors.delay_ns)
        elif self.state == PERMANENT:
            self.set(b"", FAILED)
        self._ask()

    def _wait(self, pkt: TxPacket) -> None:
        for _ in range(self.waiting.add(pkt, self.nic.neighbors.queue_bytes)):
            self.nic.stack.stats.drop(DropReason.NEIGHBOR_QUEUE_FULL)
        self._ask()

    def _ask(self) -> None:
        if self.state == FAILED:
            self.state = INCOMPLETE
            self._probes = 1
            self.nic.solicit(self, False)
            self._arm(self.nic.retrans_ns)

    def _arm(self, after: int) -> None:
        self._timer.arm(self.nic.stack.clock.now_ns() + after)

    def _expired(self) -> None:
        if self.state == REACHABLE:
            if self._hint:
                self._hint = False
                self._arm(self.nic.reachable_ns)
            else:
                self._become(STALE)
        elif self.state == DELAY:
            self._become(PROBE)
            self._probes = 1
            self.nic.solicit(self, True)
            self._arm(self.nic.retrans_ns)
        elif self.state in (PROBE, INCOMPLETE):
            unicast = self.state == PROBE
            table = self.nic.neighbors
            if self._probes >= (table.ucast_solicit if unicast else table.mcast_solicit):
                self._failed()
                return
            self._probes += 1
            self.nic.solicit(self, unicast)
            self._arm(self.nic.retrans_ns)

    def _become(self, state: int) -> None:
        """A state that is told of (neigh_update_notify)."""
        self.state = state
        watch = self.nic.stack.watch
        if watch is not None:
            watch.neighbor_changed(self)

    def _failed(self) -> None:
        self.mac = self.header = b""
        self._become(FAILED)
        for pkt in self.waiting.take():
            self.nic.stack.stats.drop(DropReason.NEIGHBOR_UNREACHABLE, pkt)
            self.nic.stack.link_failure(self.nic, pkt)
        self.nic.neighbor_failed(self)

    def _reachable(self, told: bool = False) -> None:
        if told or self.state != REACHABLE:
            self._become(REACHABLE)
        self._hint = False
        self._arm(self.nic.reachable_ns)

    def _set_mac(self, mac: bytes) -> None:
        if mac != self.mac:
            self.mac = mac
            self.header = self.nic.link_header(mac, len(self.addr))

    def _release(self) -> None:
        for pkt in self.waiting.take():
            self.nic.enqueue(pkt, self.header)

    def learn(self, mac: bytes) -> None:
        """Its own solicitation or router advertisement carried `mac`: unconfirmed (RFC 4861 7.2.3)."""
        if self.state == PERMANENT:
            return
        if self.state in (INCOMPLETE, FAILED) or mac != self.mac:
            self._set_mac(mac)
            self._become(STALE)
            self._timer.cancel()
        self._flush_stale()

    def _flush_stale(self) -> None:
        if self.waiting.packets:
            self.state = DELAY
            self._arm(self.nic.neighbors.delay_ns)
            self._release()

    def advertised(self, mac: bytes, solicited: bool, override: bool) -> None:
        """A reply or advertisement: RFC 4861 7.2.5. `mac` empty: the same as before."""
        if self.state == PERMANENT:
            return
        if self.state in (INCOMPLETE, FAILED):
            if not mac:
                return
            self._set_mac(mac)
            if solicited:
                self._reachable()
                self._release()
            else:
                self._become(STALE)
                self._timer.cancel()
                self._flush_stale()
            return
        changed = bool(mac) and mac != self.mac
        if changed and not override:
            if self.state == REACHABLE:
                self._become(STALE)
                self._timer.cancel()
            return
        if changed:
            self._set_mac(mac)
        if solicited:
            self._reachable(changed)
        elif changed:
            self._become(STALE)
            self._timer.cancel()

    def set(self, mac: bytes, state: int) -> None:
        """An administrator's word: `mac` empty for FAILED, else the link address, which waiting packets go to."""
        self._timer.cancel()
        self._hint = False
        self._probes = 0
        self._set_mac(mac)
        if not mac:
            self._failed()
            return
        self._become(state)
        if state in (REACHABLE, DELAY, PROBE):
            after = self.nic.reachable_ns if state == REACHABLE else DELAY_FIRST_PROBE_TIME
            self._arm(after if state != PROBE else 0)
        self._release()

    def forget(self) -> None:
        """Leave the cache: no timer, no packets."""
        self._timer.cancel()
        self.waiting.take()
        self.state = FAILED


class NeighborTable:
    """One NIC's neighbours of both families, bounded: the oldest idle entry makes room. `delay_ns`: of DELAY;
    `mcast_solicit`, `ucast_solicit`: how often is asked; `queue_bytes`: what may wait for each."""

    __slots__ = ("nic", "entries", "delay_ns", "mcast_solicit", "ucast_solicit", "queue_bytes")

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.entries: dict[bytes, Neighbor] = {}
        self.delay_ns = DELAY_FIRST_PROBE_TIME
        self.mcast_solicit, self.ucast_solicit = MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT
        self.queue_bytes = QUEUE_BYTES

    def find(self, addr: bytes) -> Neighbor | None:
        """The entry, if there is one."""
        return self.entries.get(addr)

    def get(self, addr: bytes) -> Neighbor:
        """The entry, made when there is none."""
        entry = self.entries.get(addr)
        if entry is None:
            if len(self.entries) >= MAX_NEIGHBORS:
                self._evict()
            entry = Neighbor(self.nic, addr)
            self.entries[addr] = entry
        return entry

    def add_permanent(self, addr: bytes, mac: bytes) -> Neighbor:
        """A static entry, which replaces what was learnt."""
        entry = self.get(addr)
        entry.set(mac, PERMANENT)
        return entry

    def remove(self, addr: bytes) -> None:
        """Harmless when absent. Routes that hold the entry resolve again when they use it."""
        entry = self.entries.pop(addr, None)
        if entry is not None:
            if self.nic.stack.watch is not None:
                self.nic.stack.watch.neighbor_removed(entry)
            entry.forget()
            self.nic.stack.changed()

    def have_waiting(self) -> bool:
        """Some packet waits for a neighbour's link address."""
        return any(entry.waiting.packets for entry in self.entries.values())

    def clear(self) -> None:
        """Forget all but the static entries."""
        for addr in [a for a, e in self.entries.items() if e.state != PERMANENT]:
            self.remove(addr)

    def _evict(self) -> None:
        for wanted in ((FAILED, STALE), (INCOMPLETE, REACHABLE, DELAY, PROBE)):
            for addr, entry in self.entries.items():
                if entry.state in wanted:
                    self.remove(addr)
                    return
