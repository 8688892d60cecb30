"""Datagrams of one endpoint to one place that leave as one super-packet, which the link cuts up again.

Source: net/ipv4/udp_offload.c (UDP_SEGMENT): all of one size but the last, at most 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import GSO_NONE, GSO_UDP_L4, Slice, TxPacket
from tcpip.errors import NetworkError
from tcpip.header.udp import CHECKSUM_OFFSET, FIXED, HEADER_LEN
from tcpip.sockopt import IPPROTO_UDP

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.socket_options import SocketOptions

MAX_SEGMENTS: Final = 64
MAX_TOTAL: Final = 65535 - 40 - HEADER_LEN

Flow = tuple["Route", int, int, int, int, bool, "SocketOptions"]
"""Route, ports of both ends, TTL, type of service, whether it must not be fragmented, whose it is."""


class UdpBatch:
    """`flow` None: nothing waits."""

    __slots__ = ("flow", "_payloads", "_size", "_total")

    def __init__(self) -> None:
        self.flow: Flow | None = None
        self._payloads: list[Slice] = []
        self._size = 0
        self._total = 0

    def add(self, flow: Flow, payload: bytes) -> bool:
        """One more, which fits into the path's MTU. True when it is the first that waits: flush it some time soon."""
        size = len(payload)
        waits = self.flow is not None
        if waits and (flow != self.flow or size > self._size or self._total + size > MAX_TOTAL):
            self.flush()
        if self.flow is None:
            self.flow = flow
            self._size = size
        self._payloads.append(payload)
        self._total += size
        if size < self._size or len(self._payloads) == MAX_SEGMENTS:
            self.flush()
        return not waits

    def flush(self) -> None:
        """Send what waits. A link that is down meanwhile loses it, as it loses what is on its way."""
        flow = self.flow
        if flow is None:
            return
        payloads, size, total = self._payloads, self._size, self._total
        self.flow = None
        self._payloads, self._total = [], 0
        if flow[0].ip_header_len + HEADER_LEN + size > flow[0].mtu():  # it has shrunk meanwhile
            for payload in payloads:
                _send(flow, [payload], len(payload), 0)
        else:
            _send(flow, payloads, total, size if len(payloads) > 1 else 0)


def _send(flow: Flow, payloads: list[Slice], total: int, gso_size: int) -> None:
    route, local_port, port, ttl, tos, dont_fragment, socket = flow
    header = bytearray(FIXED.pack(local_port, port, total + HEADER_LEN, 0))
    pkt = TxPacket(header, payloads, total, CHECKSUM_OFFSET, GSO_UDP_L4 if gso_size else GSO_NONE, gso_size)
    pkt.socket = socket
    try:
        route.write_packet(pkt, IPPROTO_UDP, ttl, tos, dont_fragment)
    except NetworkError:
        pass
