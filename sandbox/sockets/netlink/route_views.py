"""What rtnetlink tells besides addresses and routes: queueing disciplines, labels of IPv6 prefixes, ports of bridges."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET6
from sandbox.sockets.inet.link_state import OPERSTATE, carries, interface_flags, interface_type, operational
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.bridge_change import port_attributes
from sandbox.sockets.netlink.route_bodies import IFINFO, qdisc
from tcpip.addr import parse
from tcpip.stack.source_selection import LABELS

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.nic import Nic

AF_BRIDGE: Final = 7
_TCMSG: Final = struct.Struct("<BxxxiIII")
_LABELMSG: Final = struct.Struct("<BxBxII")  # family, length, index, sequence number
_TCA_KIND: Final = 1
_ROOT: Final = 0xFFFFFFFF
_LABEL_ADDRESS, _LABEL = 1, 2
_DISABLED, _FORWARDING = 0, 3
_NESTED: Final = 0x8000


def qdiscs(network: Network) -> list[bytes]:
    """RTM_NEWQDISC of a dump: what each interface that is set up sends by."""
    found = []
    for _, nic in sorted(network.stack.nics.items()):
        kind = qdisc(nic)
        if kind != "noop":
            found.append(_TCMSG.pack(0, nic.number, 0, _ROOT, 2) + nl.string(_TCA_KIND, kind))
    return found


def labels() -> list[bytes]:
    """RTM_NEWADDRLABEL of a dump (RFC 6724 2.1, net/ipv6/addrlabel.c)."""
    return [
        _LABELMSG.pack(AF_INET6, length, 0, 0) + nl.attribute(_LABEL_ADDRESS, parse(prefix)) + nl.u32(_LABEL, label)
        for prefix, length, label in LABELS
    ]


def bridge_ports(network: Network) -> list[bytes]:
    """RTM_NEWLINK of a dump for AF_BRIDGE: every port, as its bridge sees it (br_fill_ifinfo)."""
    return [_port(nic) for _, nic in sorted(network.stack.nics.items()) if _master(nic)]


def _master(nic: Nic) -> int:
    link = own_link(nic)
    bridge = link.port.device.nic if link is not None and link.port is not None else None
    return bridge.number if bridge is not None else 0


def _port(nic: Nic) -> bytes:
    state = _FORWARDING if carries(nic) else _DISABLED
    parts = [IFINFO.pack(AF_BRIDGE, interface_type(nic), nic.number, interface_flags(nic), 0), nl.string(3, nic.name)]
    parts += [
        nl.u32(10, _master(nic)),
        nl.u32(4, nic.mtu),
        nl.u8(16, OPERSTATE[operational(nic)]),
        nl.attribute(1, nic.mac),
    ]
    link = own_link(nic)
    other = link.other_end() if link is not None else None
    if other is not None:
        parts.append(nl.u32(5, other.number))
    if link is not None and link.port is not None:
        parts.append(nl.attribute(12 | _NESTED, port_attributes(link.port, state)))
    return b"".join(parts)
