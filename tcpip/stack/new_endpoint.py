"""socket(2) of a stack: which protocol makes the endpoint (net/ipv4/af_inet.c: inetsw)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.addr import AF_INET, AF_INET6, AF_PACKET
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint


def new_endpoint(stack: Stack, family: int, sock_type: int, protocol: int) -> Endpoint:
    """Stream, datagram, datagram with ICMP (a ping endpoint), raw; with AF_PACKET raw or datagram, and `protocol` is an
    ethertype.

    ADDRESS_FAMILY_NOT_SUPPORTED, PROTOCOL_NOT_SUPPORTED.
    """
    if family == AF_PACKET and sock_type in (SOCK_DGRAM, SOCK_RAW):
        from tcpip.transport.packet import PacketEndpoint

        return PacketEndpoint(stack, sock_type, protocol)
    if family not in (AF_INET, AF_INET6) or (family == AF_INET6 and not stack.ipv6_enabled):
        raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
    icmp = stack.icmpv4 if family == AF_INET else stack.icmpv6
    kind = (sock_type, protocol or (IPPROTO_TCP if sock_type == SOCK_STREAM else IPPROTO_UDP))
    if kind in ((SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP), (SOCK_DGRAM, IPPROTO_UDPLITE)):
        endpoint = _of_port_protocol(stack, kind[1], family)
        if stack.bindv6only and family == AF_INET6:
            endpoint.settings().v6only = True
        return endpoint
    if sock_type == SOCK_DGRAM and protocol == icmp.number:
        return icmp.new_endpoint(family)
    if sock_type == SOCK_RAW and 0 < protocol <= 255:
        from tcpip.transport.raw import RawEndpoint

        return RawEndpoint(stack, family, protocol)
    raise NetworkError(errors.PROTOCOL_NOT_SUPPORTED)


def _of_port_protocol(stack: Stack, protocol: int, family: int) -> Endpoint:
    if protocol == IPPROTO_TCP:
        return stack.tcp.new_endpoint(family)
    if protocol == IPPROTO_UDP:
        return stack.udp.new_endpoint(family)
    from tcpip.transport.udplite import udplite_of

    return udplite_of(stack).new_endpoint(family)
