"""Every parser of wire formats and of command-line text: a value comes out, or the one exception that it promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tcpip import addr
from tcpip.config.dhcp_lease import Lease
from tcpip.errors import Malformed
from tcpip.header import dhcp, igmp, ipv4, ipv6_ext, mld, ndp
from tcpip.header.arp import ArpPacket
from tcpip.header.ethernet import EthernetHeader
from tcpip.header.icmpv4 import Icmpv4Message
from tcpip.header.icmpv6 import Icmpv6Message
from tcpip.header.ipv6 import Ipv6Header
from tcpip.header.tcp import TcpHeader
from tcpip.header.tcp_options import TcpOptions
from tcpip.header.udp import UdpHeader
from tcpip.link import vnet
from tcpip.link.impairment import Impairment, apply_spec

from .cursor import Cursor


def _lease(data: bytes) -> object:
    return Lease.parse(dhcp.DhcpMessage.parse(data))


def _walk(data: bytes) -> object:
    return ipv6_ext.walk(data, data[0] if data else 0, min(1, len(data)), len(data), 6, len(data) % 2 == 0)


def _vnet(data: bytes) -> object:
    return vnet.parse(data.ljust(vnet.VNET_LEN, b"\0"))


def _tcp_options(data: bytes) -> object:
    """What was read and is written again reads the same."""
    options = TcpOptions.parse(data)
    again = TcpOptions.parse(options.emit())
    assert (again.mss, again.window_scale, again.timestamp, again.sack) == (
        options.mss,
        options.window_scale,
        options.timestamp,
        options.sack,
    )
    return options


def _spec(data: bytes) -> object:
    return apply_spec(data.decode("latin-1"), Impairment())


WIRE: Final[tuple[Callable[[bytes], object], ...]] = (
    ArpPacket.parse,
    EthernetHeader.parse,
    ipv4.Ipv4Header.parse,
    ipv4.parse_options,
    Ipv6Header.parse,
    ipv6_ext.FragmentHeader.parse,
    _walk,
    TcpHeader.parse,
    _tcp_options,
    UdpHeader.parse,
    Icmpv4Message.parse,
    Icmpv6Message.parse,
    igmp.IgmpMessage.parse,
    ndp.NdpOptions.parse,
    ndp.NeighborMessage.parse,
    lambda data: ndp.RouterAdvertisement.parse(int.from_bytes(data[:4], "big"), data[4:]),
    lambda data: mld.MldQuery.parse(int.from_bytes(data[:4], "big"), data[4:]),
    dhcp.DhcpMessage.parse,
    _lease,
    lambda data: dhcp.parse_addresses(data, 8),
    lambda data: dhcp.parse_classless_routes(data, 64),
    _vnet,
)
"""These may raise Malformed."""
TEXT: Final[tuple[Callable[[bytes], object], ...]] = (
    lambda data: addr.parse(data.decode("latin-1")),
    lambda data: addr.parse_prefix(data.decode("latin-1")),
    lambda data: addr.parse_mac(data.decode("latin-1")),
    _spec,
)
"""These may raise ValueError."""


def parsers(data: bytes) -> None:
    """The first byte chooses the parser."""
    cursor = Cursor(data)
    number = cursor.number() % (len(WIRE) + len(TEXT))
    try:
        if number < len(WIRE):
            WIRE[number](cursor.rest())
        else:
            TEXT[number - len(WIRE)](cursor.rest())
    except Malformed:
        assert number < len(WIRE)
    except ValueError:
        assert number >= len(WIRE)
