"""Doing in software what a link cannot: completing checksums and cutting super-segments.

A packet given here carries whole headers: link header, IP header at `network`, transport header at `transport`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.buffer import CSUM_NONE, GSO_ECN, GSO_NONE, GSO_UDP_L4, RxPacket, Slice, TxPacket
from tcpip.checksum import finish, partial_sum, sum_slices

_U16: Final = Struct("!H")
_U32: Final = Struct("!I")
_FIN_PSH: Final = 0x09
_CWR: Final = 0x80
_UDP_OFFSET: Final = 6
_TCP: Final = 6
_UDP: Final = 17
_UDP_HEADER: Final = 8


def complete_checksum(pkt: TxPacket) -> None:
    """Turn CSUM_PARTIAL into a whole checksum. A UDP checksum of zero is sent as 0xffff (RFC 768)."""
    header = bytearray(pkt.header)
    start = pkt.transport
    value = finish(sum_slices((memoryview(header)[start:], *pkt.payload)))
    if value == 0 and pkt.csum_offset == _UDP_OFFSET:
        value = 0xFFFF
    at = start + pkt.csum_offset
    header[at : at + 2] = _U16.pack(value)
    pkt.header = bytes(header)
    pkt.csum = CSUM_NONE


def split(pkt: TxPacket) -> list[TxPacket]:
    """A super-packet as packets of `gso_size` bytes with whole checksums (TCP flags as net/ipv4/tcp_offload.c)."""
    header = bytes(pkt.header)
    body: Slice = pkt.payload[0] if len(pkt.payload) == 1 else b"".join(pkt.payload)
    view = memoryview(body)
    size = pkt.gso_size
    count = -(-len(view) // size)
    pieces: list[TxPacket] = []
    for index in range(count):
        data = view[index * size : (index + 1) * size]
        if pkt.gso_type == GSO_UDP_L4:
            pieces.append(_datagram(pkt, header, data, index))
        else:
            pieces.append(_segment(pkt, header, data, index, index == count - 1))
    return pieces


def segments(pkt: RxPacket, transport: int) -> int:
    """How many packets a received super-packet was: its transport header is at data[transport:]."""
    if pkt.gso_type & ~GSO_ECN == GSO_UDP_L4:
        size = _UDP_HEADER
    else:
        size = (pkt.data[transport + 12] >> 4) * 4 if len(pkt.data) > transport + 12 else 0
    return max(1, -(-(pkt.end - transport - size) // pkt.gso_size))


def split_datagrams(pkt: RxPacket) -> list[RxPacket]:
    """A received UDP packet as its datagrams, each with whole headers: itself unless it is a super-packet."""
    if not pkt.gso_size or pkt.gso_type & ~GSO_ECN != GSO_UDP_L4:
        return [pkt]
    body = pkt.transport + _UDP_HEADER
    whole = TxPacket(pkt.data[:body], [pkt.payload(body)], pkt.end - body, _UDP_OFFSET, GSO_UDP_L4, pkt.gso_size)
    whole.network, whole.transport = pkt.network, pkt.transport
    return [pkt.piece(one.join()) for one in split(whole)]


def _datagram(pkt: TxPacket, header: bytes, data: memoryview, index: int) -> TxPacket:
    head = bytearray(header)
    at = pkt.transport
    pseudo = _cut_ip_header(head, pkt.network, at, len(data), index)
    length = len(head) - at + len(data)
    head[at + 4 : at + 6] = _U16.pack(length)
    head[at + 6 : at + 8] = b"\0\0"
    value = finish(pseudo + _UDP + length + partial_sum(head[at:]) + partial_sum(data))
    head[at + 6 : at + 8] = _U16.pack(value or 0xFFFF)
    return _piece(pkt, head, data)


def _segment(pkt: TxPacket, header: bytes, data: memoryview, index: int, last: bool) -> TxPacket:
    head = bytearray(header)
    tcp = pkt.transport
    tcp_len = len(head) - tcp + len(data)
    pseudo = _cut_ip_header(head, pkt.network, tcp, len(data), index)
    seq = (_U32.unpack_from(head, tcp + 4)[0] + index * pkt.gso_size) & 0xFFFFFFFF
    head[tcp + 4 : tcp + 8] = _U32.pack(seq)
    if not last:
        head[tcp + 13] &= ~_FIN_PSH & 0xFF
    if index:
        head[tcp + 13] &= ~_CWR & 0xFF
    head[tcp + 16 : tcp + 18] = b"\0\0"
    total = pseudo + _TCP + tcp_len + partial_sum(head[tcp:]) + partial_sum(data)
    head[tcp + 16 : tcp + 18] = _U16.pack(finish(total))
    return _piece(pkt, head, data)


def _cut_ip_header(head: bytearray, ip: int, transport: int, size: int, index: int) -> int:
    """Length, identification and checksum of one piece's IP header; the sum over its addresses."""
    if head[ip] >> 4 == 4:
        head[ip + 2 : ip + 4] = _U16.pack(len(head) - ip + size)
        ident = (_U16.unpack_from(head, ip + 4)[0] + index) & 0xFFFF
        head[ip + 4 : ip + 6] = _U16.pack(ident)
        head[ip + 10 : ip + 12] = b"\0\0"
        head[ip + 10 : ip + 12] = _U16.pack(finish(partial_sum(head[ip:transport])))
        return partial_sum(head[ip + 12 : ip + 20])
    head[ip + 4 : ip + 6] = _U16.pack(len(head) - ip - 40 + size)
    return partial_sum(head[ip + 8 : ip + 40])


def _piece(pkt: TxPacket, head: bytearray, data: memoryview) -> TxPacket:
    piece = TxPacket(bytes(head), [data], len(data), pkt.csum_offset, GSO_NONE, 0)
    piece.network, piece.transport, piece.ethertype = pkt.network, pkt.transport, pkt.ethertype
    return piece
