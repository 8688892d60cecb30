"""Whether an interface is up and carries, and what that brings: flags, routes to who is on the link, link-local addresses."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import BRIDGE, DUMMY, TUN, kind_of, own_link
from tcpip.addr import IPV4_LOOPBACK, IPV6_LOOPBACK, is_link_local
from tcpip.stack import prefix_routes

if TYPE_CHECKING:
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

IFF_UP: Final = 1
IFF_BROADCAST: Final = 2
IFF_LOOPBACK: Final = 8
IFF_POINTOPOINT: Final = 0x10
IFF_RUNNING: Final = 0x40
IFF_NOARP: Final = 0x80
IFF_PROMISC: Final = 0x100
IFF_ALLMULTI: Final = 0x200
IFF_MULTICAST: Final = 0x1000
IFF_LOWER_UP: Final = 0x10000
CLOSING: Final = IFF_UP | IFF_RUNNING
IFA_F_SECONDARY: Final = 1  # of IPv6: temporary
IFA_F_NODAD: Final = 2
IFA_F_DEPRECATED: Final = 0x20
IFA_F_TENTATIVE: Final = 0x40
IFA_F_PERMANENT: Final = 0x80
IFA_F_NOPREFIXROUTE: Final = 0x200
OPERSTATE: Final = {"unknown": 0, "down": 2, "lowerlayerdown": 3, "up": 6}

ARPHRD_ETHER: Final = 1
ARPHRD_NONE: Final = 0xFFFE
ARPHRD_LOOPBACK: Final = 772


def is_secondary(nic: Nic, address: NicAddress) -> NicAddress | None:
    """The address of its prefix that was there first, for IPv4 (inet_insert_ifa)."""
    if len(address.addr) != 4:
        return None
    first = nic.first_of(address)
    return None if first is address else first


def listed(nic: Nic, family: int) -> list[NicAddress]:
    """As Linux keeps them: IPv4 with those first that reach less far, secondary ones last (inet_insert_ifa), IPv6 by scope, the newest first (ipv6_link_dev_addr)."""
    addresses = nic.addresses_of(family)
    if family == AF_INET6:
        addresses.reverse()
        return sorted(addresses, key=_link_local)
    second = [address for address in addresses if is_secondary(nic, address) is not None]
    first = sorted([address for address in addresses if is_secondary(nic, address) is None], key=_reach)
    return first + second


def _reach(address: NicAddress) -> int:
    return -(address.scope or 0)


def _link_local(address: NicAddress) -> bool:
    return is_link_local(address.addr)


def address_flags(nic: Nic, address: NicAddress) -> int:
    """IFA_F_* of an address of an interface (netlink, if_inet6)."""
    flags = IFA_F_TENTATIVE if address.tentative else 0
    if is_secondary(nic, address) is not None or address.temporary:
        flags |= IFA_F_SECONDARY
    if address.unchecked:
        flags |= IFA_F_NODAD
    if address.deprecated:
        flags |= IFA_F_DEPRECATED
    if address.valid_until is None:
        flags |= IFA_F_PERMANENT
    if not address.routed:
        flags |= IFA_F_NOPREFIXROUTE
    return flags


def turn(nic: Nic, up: bool, told: int = IFF_UP) -> None:
    """Set it up or down: EPERM for the way out, which is the sandbox's. A loopback that goes up has its addresses
    (inetdev_event, init_loopback). `told`: the flags that are said to have changed; `CLOSING` when it goes altogether, and
    the other end is the caller's to care for."""
    if up == nic.up:
        return
    link = own_link(nic)
    if link is None and not nic.loopback:
        raise SyscallError(errno.EPERM)
    if link is not None and up:
        link.check_up()
        link.activated = True
        attach_default(nic)
    nic.set_up(up, told)
    if up:
        _went_up(nic)
    else:
        for addr in list(nic.neighbors.entries):
            nic.neighbors.remove(addr)
        for address in listed(nic, AF_INET6):
            nic.remove_address(address.addr)
    if link is None:
        return
    if not up:
        nic.stack.routes.drop(nic)
    nic.stack.changed()
    carrier_changed(nic)
    other = link.other_end()
    if other is not None and told != CLOSING:
        carrier_changed(other)
    if link.vlans is not None:
        link.vlans.follow(up)


def attach_default(nic: Nic) -> None:
    """What has a queue and no discipline of somebody's sends by the usual one (attach_default_qdiscs)."""
    if kind_of(nic) == TUN and nic.egress is None:
        from sandbox.sockets.netlink import qdisc_kinds
        from tcpip.stack.egress import Egress

        kind = nic.stack.nic_settings.default_qdisc
        nic.egress = Egress(nic, kind, 0, qdisc_kinds.make(nic, kind, None, 0))


def _went_up(nic: Nic) -> None:
    """Addresses get their routes."""
    watch = nic.stack.watch
    for address in nic.addresses_of(AF_INET):
        route = prefix_routes.add(nic, address)
        if watch is not None and (route is not None or (nic.loopback and is_secondary(nic, address) is None)):
            watch.prefix_routed(nic, address, route)
    if nic.loopback and IPV4_LOOPBACK not in nic.addresses:
        nic.add_address(IPV4_LOOPBACK, 8)
    if nic.loopback:
        if IPV6_LOOPBACK not in nic.addresses and nic.stack.ipv6_enabled:
            nic.add_address(IPV6_LOOPBACK, 128)
        return
    for address in nic.addresses_of(AF_INET6):
        route = prefix_routes.add(nic, address)
        if watch is not None and route is not None:
            watch.route_added(route)


def carrier_changed(nic: Nic) -> None:
    """It may carry now, or no longer: IPv6 begins with a link-local address (addrconf_notify), its bridge hears of it."""
    link = own_link(nic)
    if link is None:
        return
    carrier = carries(nic)
    nic.set_carrier(carrier)
    link.count_carrier()
    if link.port is None and carrier and nic.stack.ipv6_enabled:
        if any(nic.mac):
            nic.add_link_local(dad=kind_of(nic) != DUMMY)
        elif not any(is_link_local(a) for a in nic.addresses if len(a) == 16):  # IN6_ADDR_GEN_MODE_RANDOM
            nic.add_address(b"\xfe\x80" + bytes(6) + nic.stack.random.randbytes(8), 64, dad=False)
    if nic.stack.watch is not None:
        nic.stack.watch.link_settled(nic)
    if link.port is not None:
        link.port.device.recalculate()
    if link.vlans is not None:
        link.vlans.carrier_changed()
    if link.macvlans is not None:
        link.macvlans.carrier_changed()


def has_carrier(nic: Nic) -> bool:
    """There would be one if it were up."""
    link = own_link(nic)
    return link is None or link.carrier()


def carries(nic: Nic) -> bool:
    """There is a carrier."""
    link = own_link(nic)
    return nic.up and (link is None or link.carrier())


def operational(nic: Nic) -> str:
    """Its state by RFC 2863, as /sys/class/net has it (default_operstate)."""
    if carries(nic):
        kind = kind_of(nic)
        unknown = (
            nic.loopback
            or kind == DUMMY
            or (kind == BRIDGE and _portless(nic))
            or (kind == TUN and not _lost_carrier(nic))
        )
        return "unknown" if unknown else "up"
    return without_carrier(nic)


def without_carrier(nic: Nic) -> str:
    """What it is while there is none."""
    link = own_link(nic)
    other = link.tied_to() if link is not None and nic.up else None
    return "lowerlayerdown" if other is not None and other.stack is nic.stack else "down"


def _portless(nic: Nic) -> bool:
    from sandbox.sockets.inet.bridge import BridgeLink

    return isinstance(nic.link, BridgeLink) and not nic.link.ports


def _lost_carrier(nic: Nic) -> bool:
    """Nothing is known of what has never been told to have none."""
    from sandbox.sockets.inet.tun import TunLink

    return isinstance(nic.link, TunLink) and nic.link.carrier_lost


def queue_length(nic: Nic) -> int:
    """Packets, as IFLA_TXQLEN tells."""
    link = own_link(nic)
    return link.queue_length if link is not None else 1000


def interface_flags(nic: Nic) -> int:
    """IFF_* of a NIC, 32 bits."""
    flags = IFF_UP if nic.up else 0
    if carries(nic):
        flags |= IFF_RUNNING | IFF_LOWER_UP
    if nic.loopback:
        return flags | IFF_LOOPBACK
    link = own_link(nic)
    if link is not None:
        flags |= link.asked
    if link is not None and link.kind == DUMMY:
        return flags | IFF_BROADCAST | IFF_NOARP
    if kind_of(nic) == TUN and not nic.mac:
        return flags | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
    return flags | IFF_BROADCAST | IFF_MULTICAST if nic.mac else flags | IFF_MULTICAST


def interface_type(nic: Nic) -> int:
    """ARPHRD_* of a NIC."""
    if nic.loopback:
        return ARPHRD_LOOPBACK
    return ARPHRD_ETHER if nic.mac else ARPHRD_NONE
