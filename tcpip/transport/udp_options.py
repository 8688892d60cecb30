"""Options of level IPPROTO_UDP: corks, super-datagrams, missing checksums (udp(7), net/ipv4/udp.c: udp_lib_setsockopt)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.transport.option_values import in_range, int_value

if TYPE_CHECKING:
    from tcpip.transport.endpoint import Control

MAX_SEGMENTS: Final = 64
"""Datagrams of one send with UDP_SEGMENT."""
UDP_ENCAP: Final = 100


class UdpOptions:
    """`segment`: bytes of each datagram that a send is cut into (UDP_SEGMENT), 0: it is not. `gro`: super-datagrams are
    read whole. `no_check6_tx`, `no_check6_rx`: IPv6 without checksums (RFC 6935)."""

    __slots__ = ("cork", "segment", "gro", "no_check6_tx", "no_check6_rx")

    def __init__(self) -> None:
        self.cork = False
        self.segment = 0
        self.gro = False
        self.no_check6_tx = False
        self.no_check6_rx = False

    def set(self, name: int, value: int | bytes) -> None:
        """setsockopt(2). INVALID_ARGUMENT, NO_SUCH_OPTION: UDP_ENCAP knows no encapsulation, as there is no IPsec."""
        number = int_value(value)
        if name == so.UDP_CORK:
            self.cork = number != 0
        elif name == so.UDP_NO_CHECK6_TX:
            self.no_check6_tx = number != 0
        elif name == so.UDP_NO_CHECK6_RX:
            self.no_check6_rx = number != 0
        elif name == so.UDP_SEGMENT:
            self.segment = in_range(number, 0, 0xFFFF)
        elif name == so.UDP_GRO:
            self.gro = number != 0
        elif name != UDP_ENCAP or number:
            raise NetworkError(errors.NO_SUCH_OPTION)

    def get(self, name: int) -> int:
        """getsockopt(2). NO_SUCH_OPTION."""
        known = {
            so.UDP_CORK: int(self.cork),
            UDP_ENCAP: 0,
            so.UDP_NO_CHECK6_TX: int(self.no_check6_tx),
            so.UDP_NO_CHECK6_RX: int(self.no_check6_rx),
            so.UDP_SEGMENT: self.segment,
            so.UDP_GRO: int(self.gro),
        }
        if name not in known:
            raise NetworkError(errors.NO_SUCH_OPTION)
        return known[name]

    def segment_of(self, control: list[Control] | None) -> int:
        """What a message is cut into: its own control message, or the option. INVALID_ARGUMENT."""
        size = self.segment
        for level, kind, data in control or ():
            if level == so.SOL_UDP:
                if kind != so.UDP_SEGMENT or len(data) != 2:
                    raise NetworkError(errors.INVALID_ARGUMENT)
                size = int.from_bytes(data, "little")
        return size


def cut(payload: bytes, size: int, room: int, checksummed: bool) -> list[bytes]:
    """The datagrams of a send with UDP_SEGMENT (udp_send_skb). INVALID_ARGUMENT: one does not fit into `room` bytes, there
    are too many, or they have no checksum."""
    if len(payload) <= size:
        return [payload]
    if size > room or len(payload) > size * MAX_SEGMENTS or not checksummed:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return [payload[at : at + size] for at in range(0, len(payload), size)]
