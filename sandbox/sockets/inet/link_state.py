"""Whether an interface is up and carries, and what that brings: flags, routes to who is on the link, link-local addresses."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import BRIDGE, DUMMY, kind_of, own_link
from tcpip.addr import IPV4_LOOPBACK, IPV6_LOOPBACK

if TYPE_CHECKING:
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

IFF_UP: Final = 1
IFF_BROADCAST: Final = 2
IFF_LOOPBACK: Final = 8
IFF_RUNNING: Final = 0x40
IFF_NOARP: Final = 0x80
IFF_MULTICAST: Final = 0x1000
IFF_LOWER_UP: Final = 0x10000
IFA_F_TENTATIVE: Final = 0x40
IFA_F_PERMANENT: Final = 0x80
OPERSTATE: Final = {"unknown": 0, "down": 2, "lowerlayerdown": 3, "up": 6}

ARPHRD_ETHER: Final = 1
ARPHRD_NONE: Final = 0xFFFE
ARPHRD_LOOPBACK: Final = 772


def address_flags(address: NicAddress) -> int:
    """IFA_F_* of an address of an interface (netlink, if_inet6)."""
    flags = IFA_F_TENTATIVE if address.tentative else 0
    if address.valid_until is None:
        flags |= IFA_F_PERMANENT
    return flags


def turn(nic: Nic, up: bool) -> None:
    """Set it up or down: EPERM for the way out, which is the sandbox's. A loopback that goes up has its addresses
    (inetdev_event, init_loopback)."""
    if up == nic.up:
        return
    link = own_link(nic)
    if link is None and not nic.loopback:
        raise SyscallError(errno.EPERM)
    nic.set_up(up)
    if link is None:
        if up and not nic.addresses_of(AF_INET):
            nic.add_address(IPV4_LOOPBACK, 8)
        if up and IPV6_LOOPBACK not in nic.addresses:
            nic.add_address(IPV6_LOOPBACK, 128)
        return
    if up:
        link.activated = True
        for address in nic.addresses_of(AF_INET):
            nic.add_prefix_route(address)
    else:
        for address in nic.addresses_of(AF_INET6):
            nic.remove_address(address.addr)
        nic.stack.routes.entries = [entry for entry in nic.stack.routes.entries if entry.nic is not nic]
    nic.stack.changed()
    carrier_changed(nic)
    other = link.other_end()
    if other is not None:
        carrier_changed(other)


def carrier_changed(nic: Nic) -> None:
    """It may carry now, or no longer: IPv6 begins with a link-local address (addrconf_notify), its bridge hears of it."""
    link = own_link(nic)
    if link is None:
        return
    if link.port is not None:
        link.port.device.recalculate()
    elif carries(nic) and nic.stack.ipv6_enabled and any(nic.mac):
        nic.add_link_local(dad=kind_of(nic) != DUMMY)


def carries(nic: Nic) -> bool:
    """There is a carrier."""
    link = own_link(nic)
    return nic.up and (link is None or link.carrier())


def operational(nic: Nic) -> str:
    """Its state by RFC 2863, as /sys/class/net has it (default_operstate)."""
    link = own_link(nic)
    if carries(nic):
        unknown = nic.loopback or kind_of(nic) == DUMMY or (kind_of(nic) == BRIDGE and _portless(nic))
        return "unknown" if unknown else "up"
    other = link.other_end() if link is not None and nic.up else None
    return "lowerlayerdown" if other is not None and other.stack is nic.stack else "down"


def _portless(nic: Nic) -> bool:
    from sandbox.sockets.inet.bridge import BridgeLink

    return isinstance(nic.link, BridgeLink) and not nic.link.ports


def interface_flags(nic: Nic) -> int:
    """IFF_* of a NIC, 32 bits."""
    flags = IFF_UP if nic.up else 0
    if carries(nic):
        flags |= IFF_RUNNING | IFF_LOWER_UP
    if nic.loopback:
        return flags | IFF_LOOPBACK
    if kind_of(nic) == DUMMY:
        return flags | IFF_BROADCAST | IFF_NOARP
    return flags | IFF_BROADCAST | IFF_MULTICAST if nic.mac else flags | IFF_MULTICAST


def interface_type(nic: Nic) -> int:
    """ARPHRD_* of a NIC."""
    if nic.loopback:
        return ARPHRD_LOOPBACK
    return ARPHRD_ETHER if nic.mac else ARPHRD_NONE
