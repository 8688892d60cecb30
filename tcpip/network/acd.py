"""IPv4 address conflict detection: probe before an address is used, announce it, defend it while it is.

One `ConflictDetector` watches one address of one NIC. It does not assign the address: its owner does when `ready` is
called, and takes it away when `conflict` is.
Implements: RFC 5227 2.1 (probing), 2.3 (announcing), 2.4 (b) (defending once in ten seconds).
Deviates: an address that is assigned by hand is not watched, as on Linux.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV4_ANY
from tcpip.clock import NS_PER_S
from tcpip.header import arp as wire
from tcpip.network import arp

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

PROBE_WAIT: Final = 1 * NS_PER_S
PROBE_NUM: Final = 3
PROBE_MIN: Final = 1 * NS_PER_S
PROBE_MAX: Final = 2 * NS_PER_S
ANNOUNCE_WAIT: Final = 2 * NS_PER_S
ANNOUNCE_NUM: Final = 2
ANNOUNCE_INTERVAL: Final = 2 * NS_PER_S
MAX_CONFLICTS: Final = 10
RATE_LIMIT_INTERVAL: Final = 60 * NS_PER_S
DEFEND_INTERVAL: Final = 10 * NS_PER_S

IDLE: Final = 0
PROBING: Final = 1
IN_USE: Final = 2


class ConflictDetector:
    """`ready()` is called once nobody has objected; `conflict()` when the address is, or has become, somebody else's."""

    __slots__ = ("nic", "addr", "state", "_ready", "_conflict", "_timer", "_probes", "_announcements", "_defended_at")

    def __init__(self, nic: Nic, addr: bytes, ready: Callable[[], None], conflict: Callable[[], None]) -> None:
        self.nic = nic
        self.addr = addr
        self.state = IDLE
        self._ready = ready
        self._conflict = conflict
        self._timer = nic.stack.timers.timer(self._expired)
        self._probes = 0
        self._announcements = 0
        self._defended_at = -DEFEND_INTERVAL

    def start(self) -> None:
        """Probe. On a link without ARP there is nobody to ask: the address is ready at once."""
        if not self.nic.has_arp:
            self.state = IN_USE
            self._ready()
            return
        self.state = PROBING
        self._probes = 0
        self.nic.conflict_detectors[self.addr] = self
        self._arm(self.nic.stack.random.randrange(PROBE_WAIT + 1))

    def stop(self) -> None:
        """Watch no longer; harmless when repeated."""
        self.state = IDLE
        self._timer.cancel()
        if self.nic.conflict_detectors.get(self.addr) is self:
            del self.nic.conflict_detectors[self.addr]

    def _arm(self, after: int) -> None:
        self._timer.arm(self.nic.stack.clock.now_ns() + after)

    def _expired(self) -> None:
        if self.state == PROBING:
            if self._probes < PROBE_NUM:
                self._probes += 1
                arp.probe(self.nic, self.addr)
                last = self._probes == PROBE_NUM
                spread = PROBE_MAX - PROBE_MIN + 1
                self._arm(ANNOUNCE_WAIT if last else PROBE_MIN + self.nic.stack.random.randrange(spread))
                return
            self.state = IN_USE
            self._announcements = 1  # assigning the address is the first
            self._arm(ANNOUNCE_INTERVAL)
            self._ready()
        elif self.state == IN_USE and self._announcements < ANNOUNCE_NUM:
            self._announcements += 1
            arp.announce(self.nic, self.addr)

    def seen(self, message: wire.ArpPacket) -> None:
        """An ARP packet of another host that has this address as its sender's, or asks for it."""
        if self.state == PROBING:
            probes = message.operation == wire.REQUEST and message.sender_ip == IPV4_ANY
            if message.sender_ip == self.addr or (probes and message.target_ip == self.addr):
                self._lose()
        elif self.state == IN_USE and message.sender_ip == self.addr:
            now = self.nic.stack.clock.now_ns()
            if now - self._defended_at < DEFEND_INTERVAL:
                self._lose()
            else:
                self._defended_at = now
                arp.announce(self.nic, self.addr)

    def _lose(self) -> None:
        self.stop()
        self._conflict()
