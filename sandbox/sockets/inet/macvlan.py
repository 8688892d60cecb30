"""Interfaces with an address of their own on one that a guest has made (ip-link(8): type macvlan; drivers/net/macvlan.c).

What comes in below for the address of one is that one's, and what is for a group each one's, too. Those of mode `bridge` reach each other;
the interface below itself they do not reach. What comes in is handed on in a later turn of the event loop, as from a pair's other
end. One of mode `source` hears only what some senders send, and leaves it to the others, too.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import MACVLAN, OwnLink
from sandbox.sockets.inet.stacked_link import StackedLink
from sandbox.sockets.inet.vlan import NEST_MOST, depth
from tcpip.buffer import RxPacket

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from sandbox.kernel.kernel import Kernel
    from tcpip.buffer import TxPacket

PRIVATE: Final[int] = 1  # MACVLAN_MODE_*
VEPA: Final[int] = 2
BRIDGED: Final[int] = 4
PASSTHRU: Final[int] = 8
SOURCE: Final[int] = 16
_EVERYBODY: Final[int] = PRIVATE | VEPA | BRIDGED | PASSTHRU


class MacVlanLink(StackedLink):
    """One on `lower`. `sources`: whom it hears in mode `source`, in the order they came."""

    def __init__(
        self, lower: OwnLink, mac: bytes, mode: int, soon: Callable[[Callable[[], None]], None], totals: Totals
    ) -> None:
        super().__init__(MACVLAN, lower, mac, soon, totals)
        self.mode = mode
        self.sources: dict[bytes, None] = {}

    def write_packets(self, batch: list[TxPacket]) -> int:
        """To the others where both bridge, and by way of the interface below."""
        nic = self.below()
        if nic is None or self.lower is None:
            return 0
        others = self.lower.macvlans
        for pkt in batch:
            if self.mode == BRIDGED and others is not None and others.bridged(self, pkt):
                continue
            nic.enqueue(pkt, b"")
        return len(batch)

    def hears(self) -> bool:
        """It is up."""
        return self.nic is not None and self.nic.up

    def check_up(self) -> None:
        """Nobody else has its address (macvlan_addr_busy)."""
        if self.mode != PASSTHRU and self.lower is not None and self.lower.macvlans is not None:
            if self.lower.macvlans.busy(self.mac, self):
                raise SyscallError(errno.EADDRINUSE)

    def leave(self, lower: OwnLink) -> None:
        if lower.macvlans is not None:
            lower.macvlans.links.remove(self)


class MacVlans:
    """Those of one interface."""

    def __init__(self, lower: OwnLink) -> None:
        self.lower = lower
        self.links: list[MacVlanLink] = []

    def busy(self, mac: bytes, but: MacVlanLink | None = None) -> bool:
        """The address is that of the interface below, or of another one that is up."""
        return mac == self.lower.mac or any([one is not but and one.hears() and one.mac == mac for one in self.links])

    def find(self, mac: bytes) -> MacVlanLink | None:
        """Who has the address."""
        for one in self.links:
            if one.mac == mac and one.hears():
                return one
        return None

    def take(self, pkt: RxPacket) -> bool:
        """A frame that has come in below (macvlan_handle_frame). False: it is that one's, too."""
        data, at = pkt.data, pkt.link
        if pkt.end < at + 12 or not self.links:
            return False
        self._to_sources(pkt, data[at + 6 : at + 12])
        if data[at] & 1:
            sender = self.find(data[at + 6 : at + 12])
            if sender is None:
                self._flood(pkt, None, _EVERYBODY)
            elif sender.mode == VEPA:  # its switch has sent it back
                self._flood(pkt, sender, VEPA | BRIDGED)
            elif sender.mode == BRIDGED:
                self._flood(pkt, sender, VEPA)
            return False
        only = self.links[0]
        found = only if only.mode == PASSTHRU else self.find(data[at : at + 6])
        if found is None or found.mode == SOURCE:
            return False
        if found.hears():
            found.take(_copy(pkt))
        return True

    def bridged(self, sender: MacVlanLink, pkt: TxPacket) -> bool:
        """A frame of one that bridges (macvlan_queue_xmit). True: it goes no further."""
        header = pkt.header
        if header[0] & 1:
            for one in self.links:
                if one is not sender and one.mode == BRIDGED and one.hears():
                    one.take(pkt.to_rx())
            return False
        found = self.find(bytes(header[:6]))
        if found is None or found.mode != BRIDGED:
            return False
        found.take(pkt.to_rx())
        return True

    def _to_sources(self, pkt: RxPacket, sender: bytes) -> None:
        """Whoever hears that one (macvlan_forward_source)."""
        for one in self.links:
            if one.mode == SOURCE and sender in one.sources and one.hears():
                one.take(_copy(pkt))

    def _flood(self, pkt: RxPacket, but: MacVlanLink | None, modes: int) -> None:
        for one in self.links:
            if one is not but and one.mode & modes and one.hears():
                one.take(_copy(pkt))

    def carrier_changed(self) -> None:
        """The one below carries, or no longer."""
        from sandbox.sockets.inet.link_state import carrier_changed

        for link in list(self.links):
            if link.nic is not None:
                carrier_changed(link.nic)

    def limit_mtu(self, mtu: int) -> None:
        """The one below has a lower one."""
        from sandbox.sockets.netlink.link_change import set_mtu

        for link in list(self.links):
            if link.nic is not None and link.nic.mtu > mtu:
                set_mtu(link.nic, mtu)


def _copy(pkt: RxPacket) -> RxPacket:
    return RxPacket(pkt.data[pkt.link : pkt.end], pkt.csum, pkt.gso_type, pkt.gso_size)


def make(kernel: Kernel, lower: OwnLink, mac: bytes, mode: int) -> MacVlanLink:
    """One that is not in a network yet (macvlan_common_newlink): EINVAL beside one that has all to itself, EBUSY for a bridge's
    port, EMLINK where too many are on top of each other."""
    if isinstance(lower, MacVlanLink) and lower.lower is not None:
        lower = lower.lower
    if lower.port is not None:
        raise SyscallError(errno.EBUSY)
    if depth(lower) >= NEST_MOST:
        raise SyscallError(errno.EMLINK)
    there = lower.macvlans
    if there is None:
        there = lower.macvlans = MacVlans(lower)
        if lower.nic is not None:
            lower.nic.upper = lower.above()
    if there.links and (mode == PASSTHRU or there.links[0].mode == PASSTHRU):
        raise SyscallError(errno.EINVAL)
    if mode == PASSTHRU:
        mac = lower.mac
    link = MacVlanLink(lower, mac, mode, kernel.reactor.call_soon, kernel.net.totals)
    there.links.append(link)
    return link
