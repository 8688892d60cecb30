"""Interfaces that a guest with CAP_NET_ADMIN makes (ip-link(8)): `dummy`, which takes what is sent (drivers/net/dummy.c),
`veth` pairs (veth.py), bridges (bridge.py), VLANs (vlan.py), macvlans (macvlan.py) and TUN and TAP devices (tun.py). None leads out of the sandbox."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.net_errno import syscall_error
from tcpip.errors import NetworkError
from tcpip.link.base import LinkEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.sockets.inet.bridge import PortLink
    from sandbox.sockets.inet.macvlan import MacVlans
    from sandbox.sockets.inet.vlan import Vlans
    from tcpip.buffer import RxPacket, TxPacket
    from tcpip.stack.nic import Nic

NAME_SIZE: Final = 16
LINKS_MOST: Final = 64  # of a network
MTU: Final = 1500
QUEUE_LENGTH: Final = 1000  # DEFAULT_TX_QUEUE_LEN
MTU_MOST: Final = 65535
BRIDGE: Final = "bridge"
DUMMY: Final = "dummy"
TUN: Final = "tun"
VETH: Final = "veth"
VLAN: Final = "vlan"
MACVLAN: Final = "macvlan"
NAME_ENUMERATED, NAME_CHOSEN, NAME_CHANGED = 1, 3, 4
"""NET_NAME_ENUM, NET_NAME_USER, NET_NAME_RENAMED."""


class OwnLink(LinkEndpoint):
    """By itself nobody is at the other end. `nic`, `network`: whose it is now, and where. `port`: of the bridge that it belongs to. `activated`: it
    has been up since it was made or moved. `chosen`: its address is one that somebody has asked for. `announced`: whoever
    watches the network has been told of it. `queue_length`: IFLA_TXQLEN, which is nothing but a number for what has no queue.
    `asked`: IFF_PROMISC and IFF_ALLMULTI as somebody has set them: no filter of addresses stands before these links, so that they
    hear all frames anyway. `off`: the CAP_* that somebody has turned off. `ups`, `downs`: how often the carrier has come and gone; `named`: who
    has said its name (NET_NAME_*)."""

    def __init__(self, kind: str, mac: bytes, capabilities: int = 0, mtu_most: int = MTU_MOST) -> None:
        super().__init__(mtu_most, mac, capabilities)
        self.kind = kind
        self.nic: Nic | None = None
        self.network: Network | None = None
        self.port: PortLink | None = None
        self.activated = False
        self.chosen = False
        self.announced = False
        self.queue_length = QUEUE_LENGTH
        self.asked = 0
        self.off = 0
        self.signalled = True
        self.ups = self.downs = 0
        self.named = NAME_ENUMERATED
        self.vlans: Vlans | None = None  # made with the first
        self.macvlans: MacVlans | None = None  # the same

    def write_packets(self, batch: list[TxPacket]) -> int:
        return len(batch)

    def carrier(self) -> bool:
        """While the interface is up."""
        return True

    def signal(self) -> bool:
        """What its driver says of the carrier (netif_carrier_ok)."""
        return self.carrier()

    def count_carrier(self) -> None:
        """See `ups`."""
        now = self.signal()
        if now != self.signalled:
            self.ups, self.downs = self.ups + now, self.downs + (not now)
            self.signalled = now

    def check_up(self) -> None:
        """It may be set up: ENETDOWN (ndo_open)."""

    def above(self) -> Callable[[RxPacket], bool] | None:
        """Who on top of it takes frames first, where somebody does."""
        if self.vlans is None:
            return self.macvlans.take if self.macvlans is not None else None
        return self.vlans.take if self.macvlans is None else self._either

    def _either(self, pkt: RxPacket) -> bool:
        vlans, macvlans = self.vlans, self.macvlans
        return (vlans is not None and vlans.take(pkt)) or (macvlans is not None and macvlans.take(pkt))

    def on_top(self) -> list[OwnLink]:
        """The links on top of it."""
        found: list[OwnLink] = list(self.vlans.links.values()) if self.vlans is not None else []
        return found + (list(self.macvlans.links) if self.macvlans is not None else [])

    def other_end(self) -> Nic | None:
        """The other one of a pair."""
        return None

    def tied_to(self) -> Nic | None:
        """What IFLA_LINK names: the other end, or what it is on top of."""
        return self.other_end()


def own_link(nic: Nic) -> OwnLink | None:
    """None for what the sandbox has."""
    link = nic.link
    return link if isinstance(link, OwnLink) else None


def kind_of(nic: Nic) -> str:
    """Empty for what the sandbox has."""
    link = own_link(nic)
    return link.kind if link is not None else ""


def fresh_mac(kernel: Kernel) -> bytes:
    """A local one, of one station."""
    raw = kernel.random(6)
    return bytes([raw[0] & 0xFC | 2]) + raw[1:]


def check_name(name: str) -> None:
    """dev_valid_name: EINVAL."""
    if not name or len(name) >= NAME_SIZE or name in (".", "..") or any(c in "/:" or c.isspace() for c in name):
        raise SyscallError(errno.EINVAL)


def name_in(request: bytes) -> str:
    """The name that struct ifreq begins with."""
    return request[: NAME_SIZE - 1].split(b"\0", 1)[0].decode("latin-1")


def packed_name(nic: Nic) -> bytes:
    """The same of an interface, padded."""
    return nic.name.encode("latin-1")[: NAME_SIZE - 1].ljust(NAME_SIZE, b"\0")


def free_name(network: Network, prefix: str, suffix: str = "") -> str:
    """The first of PREFIX0, PREFIX1, … that nobody has."""
    taken = {nic.name for nic in network.stack.nics.values()}
    number = 0
    while f"{prefix}{number}{suffix}" in taken:
        number += 1
    return f"{prefix}{number}{suffix}"


def check_room(network: Network) -> None:
    """ENOSPC when there are too many."""
    if sum(1 for nic in network.stack.nics.values() if kind_of(nic)) >= LINKS_MOST:
        raise SyscallError(errno.ENOSPC)


def put(network: Network, link: OwnLink, name: str, number: int = 0) -> Nic:
    """A new interface: down, without addresses. EINVAL, EEXIST, ENOSPC. `number` 0: the next one."""
    stack = network.stack
    if name:
        check_name(name)
        link.named = NAME_CHOSEN
    check_room(network)
    if not name:
        name = free_name(network, link.kind)
    if stack.find_nic(name) is not None:
        raise SyscallError(errno.EEXIST)
    try:
        nic = stack.add_nic(link, name, number)
    except NetworkError as error:
        raise syscall_error(error) from None
    nic.set_up(False)
    nic.set_carrier(False)
    nic.set_mtu(MTU)
    link.nic, link.network = nic, network
    link.count_carrier()
    nic.upper = link.above()
    return nic


def announce(nic: Nic, asked: bool = False) -> None:
    """It is complete. `asked`: it is the one that a request is about."""
    link = own_link(nic)
    if link is not None:
        link.announced = True
    if nic.stack.watch is not None:
        nic.stack.watch.link_added(nic, asked)


def _shed(nic: Nic) -> None:
    """Its addresses go before it does."""
    for address in (*nic.addresses_of(AF_INET6), *nic.addresses_of(AF_INET)):
        nic.remove_address(address.addr)
    if nic.stack.watch is not None:
        nic.stack.watch.link_leaving(nic)


def move(nic: Nic, network: Network, name: str = "") -> Nic:
    """Into another namespace, down and without addresses (dev_change_net_namespace). EINVAL for what stays where it is,
    EEXIST for a name that is taken there, ENOSPC."""
    link = own_link(nic)
    if link is None or link.kind == BRIDGE:
        raise SyscallError(errno.EINVAL)
    stack = network.stack
    if stack is nic.stack:
        return nic
    if stack.find_nic(name or nic.name) is not None:
        raise SyscallError(errno.EEXIST)
    if name:
        check_name(name)
    check_room(network)
    from sandbox.sockets.inet.link_state import CLOSING, carrier_changed, turn
    from sandbox.sockets.netlink.namespace_ids import id_of

    turn(nic, False, CLOSING)
    if link.port is not None:
        link.port.leave()
    _shed(nic)
    mac, mtu, left = nic.mac, nic.mtu, link.network
    nic.stack.detach_nic(nic)
    link.mac = mac
    link.activated = False
    number = stack.next_number() if nic.number in stack.nics else nic.number
    place = id_of(left, network) if left is not None else -1
    if nic.stack.watch is not None:
        nic.stack.watch.link_removed(nic, (place, number))
    link.announced = False
    named = link.named
    new = put(network, link, name or nic.name, number)
    link.named = NAME_CHANGED if name else named
    new.set_mtu(mtu)
    announce(new)
    other = link.other_end()
    if other is not None:
        carrier_changed(other)
    return new


def remove(nic: Nic) -> None:
    """With a pair's one end goes the other one; a bridge lets go of its ports."""
    link = own_link(nic)
    if link is None:
        return
    from sandbox.sockets.inet.bridge import BridgeLink
    from sandbox.sockets.inet.link_state import CLOSING, turn

    if isinstance(link, BridgeLink):
        for port in list(link.ports):
            port.leave()
    other = link.other_end()
    ends = (nic,) if other is None else (nic, other)
    for one in ends:
        end = own_link(one)
        for upper in end.on_top() if end is not None else ():
            if upper.nic is not None:
                remove(upper.nic)
    for one in ends:
        turn(one, False, CLOSING)
    for one in ends:
        end = own_link(one)
        if end is not None and end.port is not None:
            end.port.leave()
        _shed(one)
        if end is not None:
            end.activated = False
        one.stack.remove_nic(one)
        if one.stack.watch is not None:
            one.stack.watch.link_removed(one)


def remove_all(network: Network) -> None:
    """The namespace ends (default_device_exit_batch)."""
    for nic in list(network.stack.nics.values()):
        if network.stack.nics.get(nic.number) is nic:
            remove(nic)
