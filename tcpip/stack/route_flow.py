"""What routing rules may look at besides addresses, interfaces and marks (struct flowi_common in include/net/flow.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket
    from tcpip.transport.socket_options import SocketOptions


class RouteFlow:
    """`tos` is the traffic class with its ECN bits, `protocol` that of IP. Ports are 0 where there are none, or none yet;
    `uid` is the user who has made the socket, 0 without one."""

    __slots__ = ("tos", "protocol", "sport", "dport", "uid")

    def __init__(self, tos: int = 0, protocol: int = 0, sport: int = 0, dport: int = 0, uid: int = 0) -> None:
        self.tos = tos
        self.protocol = protocol
        self.sport = sport
        self.dport = dport
        self.uid = uid


NO_FLOW: Final = RouteFlow()


def of_socket(options: SocketOptions, six: bool, protocol: int, sport: int = 0, dport: int = 0) -> RouteFlow:
    """What a socket sends."""
    return RouteFlow(options.traffic_class if six else options.tos, protocol, sport, dport, options.owner)


def of_packet(pkt: RxPacket, answer: bool = False) -> RouteFlow:
    """A packet that goes on, or what answers it."""
    key = pkt.key
    ports = (int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big"))
    return RouteFlow(pkt.tos, pkt.protocol, ports[answer], ports[not answer])
