"""Interfaces that a guest with CAP_NET_ADMIN makes (ip-link(8)): `dummy`, which takes what is sent (drivers/net/dummy.c),
`veth` pairs (veth.py) and bridges (bridge.py). None leads out of the sandbox."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.net_errno import syscall_error
from tcpip.errors import NetworkError
from tcpip.link.base import LinkEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.sockets.inet.bridge import PortLink
    from tcpip.buffer import TxPacket
    from tcpip.stack.nic import Nic

NAME_SIZE: Final = 16
LINKS_MOST: Final = 64  # of a network
MTU: Final = 1500
MTU_MOST: Final = 65535
BRIDGE: Final = "bridge"
DUMMY: Final = "dummy"
VETH: Final = "veth"


class OwnLink(LinkEndpoint):
    """By itself nobody is at the other end. `nic`, `network`: whose it is now, and where. `port`: of the bridge that it belongs to. `activated`: it
    has been up since it was made or moved. `chosen`: its address is one that somebody has asked for."""

    def __init__(self, kind: str, mac: bytes, capabilities: int = 0) -> None:
        super().__init__(MTU_MOST, mac, capabilities)
        self.kind = kind
        self.nic: Nic | None = None
        self.network: Network | None = None
        self.port: PortLink | None = None
        self.activated = False
        self.chosen = False

    def write_packets(self, batch: list[TxPacket]) -> int:
        return len(batch)

    def carrier(self) -> bool:
        """While the interface is up."""
        return True

    def other_end(self) -> Nic | None:
        """What IFLA_LINK names."""
        return None


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


def free_name(network: Network, prefix: str) -> str:
    """The first of PREFIX0, PREFIX1, … that nobody has."""
    taken = {nic.name for nic in network.stack.nics.values()}
    number = 0
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def check_room(network: Network) -> None:
    """ENOSPC when there are too many."""
    if sum(1 for nic in network.stack.nics.values() if kind_of(nic)) >= LINKS_MOST:
        raise SyscallError(errno.ENOSPC)


def put(network: Network, link: OwnLink, name: str, number: int = 0) -> Nic:
    """A new interface: down, without addresses. EINVAL, EEXIST, ENOSPC. `number` 0: the next one."""
    stack = network.stack
    if name:
        check_name(name)
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
    nic.set_mtu(MTU)
    link.nic, link.network = nic, network
    return nic


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
    from sandbox.sockets.inet.link_state import turn

    turn(nic, False)
    if link.port is not None:
        link.port.leave()
    mac, mtu = nic.mac, nic.mtu
    nic.stack.detach_nic(nic)
    link.mac = mac
    new = put(network, link, name or nic.name, 0 if nic.number in stack.nics else nic.number)
    new.set_mtu(mtu)
    link.activated = False
    return new


def remove(nic: Nic) -> None:
    """With a pair's one end goes the other one; a bridge lets go of its ports."""
    link = own_link(nic)
    if link is None:
        return
    from sandbox.sockets.inet.bridge import BridgeLink
    from sandbox.sockets.inet.link_state import turn

    if isinstance(link, BridgeLink):
        for port in list(link.ports):
            port.leave()
    other = link.other_end()
    for one in (nic,) if other is None else (nic, other):
        turn(one, False)
        end = own_link(one)
        if end is not None and end.port is not None:
            end.port.leave()
        one.stack.remove_nic(one)


def remove_all(network: Network) -> None:
    """The namespace ends (default_device_exit_batch)."""
    for nic in list(network.stack.nics.values()):
        if network.stack.nics.get(nic.number) is nic:
            remove(nic)
