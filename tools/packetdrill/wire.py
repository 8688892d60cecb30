"""IP packets to and from bytes: what is injected is built here, what the stack sends is taken apart here.

On purpose independent of tcpip/header, so that the two check each other. `Datagram` is one IP packet; sequence numbers
are as on the wire. A wrong checksum, a wrong length or a broken header of the stack's raises Difference.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from tools.packetdrill.errors import Difference

TCP: Final = 6
UDP: Final = 17
ICMP4: Final = 1
ICMP6: Final = 58
U32: Final = 0xFFFFFFFF
TTL: Final = 255
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << bit for bit in range(9))
FLAG_BITS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR, "A": AE}
"""In the order in which they are printed."""


@dataclass(frozen=True, slots=True)
class TcpHeader:
    """Fields of RFC 9293 3.1; `reserved` are the three bits left of AE."""

    seq: int
    ack: int
    flags: int
    window: int
    urgent: int
    options: bytes
    reserved: int = 0

    def ace(self) -> int:
        """The three flags that AccECN counts with."""
        return (4 if self.flags & AE else 0) | (2 if self.flags & CWR else 0) | (1 if self.flags & ECE else 0)


@dataclass(frozen=True, slots=True)
class IcmpHeader:
    """Type, code, and the 32 bits behind the checksum."""

    type: int
    code: int
    rest: int


@dataclass(frozen=True, slots=True)
class Datagram:
    """One IP packet. `ports` (source, destination), (0, 0) for ICMP; `payload` is what follows the last header."""

    src: bytes
    dst: bytes
    protocol: int
    tos: int
    ttl: int
    flow_label: int
    ports: tuple[int, int]
    tcp: TcpHeader | None
    icmp: IcmpHeader | None
    payload: bytes

    @property
    def header_len(self) -> int:
        """Of the IP header."""
        return 20 if len(self.src) == 4 else 40

    def total_len(self) -> int:
        """What IPv4 calls total length; IPv6's payload length plus 40."""
        transport = 8 if self.tcp is None else 20 + len(self.tcp.options)
        return self.header_len + transport + len(self.payload)

    def with_tcp(self, tcp: TcpHeader, payload: bytes | None = None) -> Datagram:
        return replace(self, tcp=tcp, payload=self.payload if payload is None else payload)


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo(src: bytes, dst: bytes, protocol: int, length: int) -> bytes:
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, protocol, length)
    return src + dst + struct.pack("!IHBB", length, 0, 0, protocol)


def build(pkt: Datagram) -> bytes:
    """The packet with all checksums."""
    body = _build_transport(pkt)
    return _build_ip(pkt, len(body)) + body


def _build_ip(pkt: Datagram, length: int) -> bytes:
    ttl = pkt.ttl or TTL
    if len(pkt.src) == 16:
        word = 6 << 28 | pkt.tos << 20 | pkt.flow_label
        return struct.pack("!IHBB", word, length, pkt.protocol, ttl) + pkt.src + pkt.dst
    header = struct.pack("!BBHHHBBH", 0x45, pkt.tos, 20 + length, 0, 0x4000, ttl, pkt.protocol, 0) + pkt.src + pkt.dst
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def _build_transport(pkt: Datagram) -> bytes:
    if pkt.tcp is not None:
        at, body = 16, tcp_bytes(pkt.ports, pkt.tcp) + pkt.payload
    elif pkt.icmp is not None:
        at, body = 2, struct.pack("!BBHI", pkt.icmp.type, pkt.icmp.code, 0, pkt.icmp.rest) + pkt.payload
    else:
        at, body = 6, struct.pack("!HHHH", *pkt.ports, 8 + len(pkt.payload), 0) + pkt.payload
    pseudo = b"" if pkt.protocol == ICMP4 else _pseudo(pkt.src, pkt.dst, pkt.protocol, len(body))
    value = checksum(pseudo + body)
    if pkt.protocol == UDP:
        value = value or 0xFFFF
    return body[:at] + struct.pack("!H", value) + body[at + 2 :]


def tcp_bytes(ports: tuple[int, int], tcp: TcpHeader) -> bytes:
    """A header with a zero checksum."""
    word = (20 + len(tcp.options)) // 4 << 12 | tcp.reserved << 9 | tcp.flags
    head = struct.pack("!HHIIHHHH", *ports, tcp.seq & U32, tcp.ack & U32, word, tcp.window, 0, tcp.urgent)
    return head + tcp.options


def quoted(pkt: Datagram, length: int) -> bytes:
    """A packet as an ICMP error quotes it: its IP header (as if `length` bytes followed), and the first 8 bytes behind."""
    if pkt.tcp is not None:
        body = tcp_bytes(pkt.ports, pkt.tcp)[:8]
        whole = 20 + length
    else:
        whole = 8 + length
        body = struct.pack("!HHHH", *pkt.ports, whole, 0)
    return _build_ip(pkt, whole) + body + bytes(length)


def parse(data: bytes) -> Datagram:
    """What the stack sent."""
    version = data[0] >> 4
    if version == 4:
        _, tos, total, _, _, ttl, protocol, _ = struct.unpack_from("!BBHHHBBH", data)
        if checksum(data[: (data[0] & 15) * 4]):
            raise Difference("bad outbound IP checksum", "packet")
        start, src, dst, label = (data[0] & 15) * 4, data[12:16], data[16:20], 0
    else:
        word, length, protocol, ttl = struct.unpack_from("!IHBB", data)
        total, start, src, dst = length + 40, 40, data[8:24], data[24:40]
        tos, label = word >> 20 & 0xFF, word & 0xFFFFF
        if protocol == 0:  # hop-by-hop options (MLD): nothing that a script asks for
            protocol, start = data[40], 40 + (data[41] + 1) * 8
    if total != len(data):
        raise Difference(f"bad outbound IP length: {total}, the packet has {len(data)} bytes", "packet")
    base = Datagram(src, dst, protocol, tos, ttl, label, (0, 0), None, None, b"")
    return _parse_transport(base, data[start:])


def _parse_transport(base: Datagram, body: bytes) -> Datagram:
    pseudo = b"" if base.protocol == ICMP4 else _pseudo(base.src, base.dst, base.protocol, len(body))
    unchecked = base.protocol == UDP and body[6:8] == b"\0\0" and len(base.src) == 4
    if base.protocol in (TCP, UDP, ICMP4, ICMP6) and not unchecked and checksum(pseudo + body):
        raise Difference("bad outbound transport checksum", "packet")
    if base.protocol == TCP:
        sport, dport, seq, ack, word, window, _, urgent = struct.unpack_from("!HHIIHHHH", body)
        end = (word >> 12) * 4
        tcp = TcpHeader(seq, ack, word & 0x1FF, window, urgent, body[20:end], word >> 9 & 7)
        return replace(base, ports=(sport, dport), tcp=tcp, payload=body[end:])
    if base.protocol == UDP:
        return replace(base, ports=struct.unpack_from("!HH", body), payload=body[8:])
    if base.protocol in (ICMP4, ICMP6):
        kind, code, _, rest = struct.unpack_from("!BBHI", body)
        return replace(base, icmp=IcmpHeader(kind, code, rest), payload=body[8:])
    return replace(base, payload=body)
