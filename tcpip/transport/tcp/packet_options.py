"""IP_PKTOPTIONS: of a stream, in control messages, what those of datagrams say with each (net/ipv4/ip_sockglue.c).

An accepted connection knows it of the segment that completed its handshake; others have nothing but defaults.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import sockopt as so

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

_HEADER: Final = struct.Struct("=Qii")
_INT: Final = struct.Struct("=i")
_PKTINFO: Final = struct.Struct("=i4s4s")
_ALIGN: Final = 7
IP_OPTIONS_OF_PACKETS: Final = (so.SOL_IP, so.IP_PKTOPTIONS)
"""Level and name."""


def _message(name: int, data: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(data), so.SOL_IP, name) + data + bytes(-len(data) & _ALIGN)


def packet_options(ep: TcpEndpoint) -> bytes:
    """Control messages one after the other, of what IP_PKTINFO, IP_RECVTTL and IP_RECVTOS ask for."""
    options, found = ep.so, b""
    if options.pktinfo:
        local = ep.local_addr if len(ep.local_addr) == 4 else bytes(4)
        found += _message(so.IP_PKTINFO, _PKTINFO.pack(ep.came_in, local, local))
    if options.recv_ttl:
        found += _message(so.IP_TTL, _INT.pack(options.multicast_ttl))
    if options.recv_tos:
        found += _message(so.IP_TOS, _INT.pack(ep.came_tos))
    return found
