"""VLANs on interfaces that a guest has made (ip-link(8): type vlan; net/8021q): each is an interface of its own, whose frames pass
the one below with a tag of IEEE 802.1Q or 802.1ad.

As on Linux it is up only while the one below is, carries when that does, and has an MTU of at most that one's. What comes
in is handed on in a later turn of the event loop, as from a pair's other end.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import VLAN, OwnLink, own_link
from sandbox.sockets.inet.stacked_link import StackedLink
from tcpip.link.vlan import TYPE_SERVICE_TAG, TYPE_VLAN, add_tag, tag_of, without_tag

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from sandbox.kernel.kernel import Kernel
    from tcpip.buffer import RxPacket, TxPacket

REORDER_HDR: Final = 1
LOOSE_BINDING: Final = 4
NEST_MOST: Final = 8  # MAX_NEST_DEV
PROTOCOLS: Final = (TYPE_VLAN, TYPE_SERVICE_TAG)


class VlanLink(StackedLink):
    """One VLAN of `lower`. `flags`: VLAN_FLAG_*."""

    def __init__(
        self,
        lower: OwnLink,
        mac: bytes,
        protocol: int,
        number: int,
        soon: Callable[[Callable[[], None]], None],
        totals: Totals,
    ) -> None:
        super().__init__(VLAN, lower, mac, soon, totals)
        self.protocol = protocol
        self.number = number
        self.flags = REORDER_HDR
        self._tag = protocol.to_bytes(2, "big") + number.to_bytes(2, "big")

    def write_packets(self, batch: list[TxPacket]) -> int:
        """With the tag, by way of the interface below."""
        nic = self.below()
        if nic is None:
            return 0
        tag = self._tag
        for pkt in batch:
            add_tag(pkt, tag)
            nic.enqueue(pkt, b"")
        return len(batch)

    def check_up(self) -> None:
        below = self.tied_to()
        if below is not None and not below.up and not self.flags & LOOSE_BINDING:
            raise SyscallError(errno.ENETDOWN)

    def leave(self, lower: OwnLink) -> None:
        if lower.vlans is not None:
            lower.vlans.remove(self)


class Vlans:
    """Those of one interface, by protocol and number."""

    def __init__(self) -> None:
        self.links: dict[tuple[int, int], VlanLink] = {}

    def take(self, pkt: RxPacket) -> bool:
        """A frame that has come in below. False: it is of no VLAN that there is."""
        link = self.links.get(tag_of(pkt))
        if link is None:
            return False
        link.take(without_tag(pkt))
        return True

    def remove(self, link: VlanLink) -> None:
        """It is no more."""
        self.links.pop((link.protocol, link.number), None)

    def follow(self, up: bool) -> None:
        """The one below goes up or down (vlan_device_event)."""
        from sandbox.sockets.inet.link_state import turn

        for link in list(self.links.values()):
            if link.nic is not None and (not up or not link.flags & LOOSE_BINDING):
                turn(link.nic, up)

    def carrier_changed(self) -> None:
        """The one below carries, or no longer."""
        from sandbox.sockets.inet.link_state import carrier_changed

        for link in list(self.links.values()):
            if link.nic is not None:
                carrier_changed(link.nic)

    def limit_mtu(self, mtu: int) -> None:
        """The one below has a lower one."""
        from sandbox.sockets.netlink.link_change import set_mtu

        for link in list(self.links.values()):
            if link.nic is not None and link.nic.mtu > mtu:
                set_mtu(link.nic, mtu)


def depth(link: OwnLink) -> int:
    """How many there are below each other."""
    count = 0
    while link.other_end() is None:
        below = link.tied_to()
        lower = own_link(below) if below is not None else None
        if lower is None:
            break
        link, count = lower, count + 1
    return count


def make(kernel: Kernel, lower: OwnLink, mac: bytes, protocol: int, number: int) -> VlanLink:
    """One that is not in a network yet: EEXIST, EMLINK where too many are on top of each other (register_vlan_dev)."""
    from sandbox.sockets.netlink.message import Refusal

    vlans = lower.vlans
    if vlans is None:
        vlans = lower.vlans = Vlans()
        if lower.nic is not None:
            lower.nic.upper = lower.above()
    if (protocol, number) in vlans.links:
        raise Refusal(errno.EEXIST, "VLAN device already exists")
    if depth(lower) >= NEST_MOST:
        raise Refusal(errno.EMLINK, "too many VLANs on each other")
    link = VlanLink(lower, mac, protocol, number, kernel.reactor.call_soon, kernel.net.totals)
    vlans.links[(protocol, number)] = link
    return link
