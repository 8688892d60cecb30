"""IPv4: checking and delivering what comes in, routes that put the header in front of what goes out, fragmentation.

Implements: RFC 791, RFC 1122 3.2 and 3.3, RFC 6864 (identification), RFC 1191 (DF on what should not be cut).
Deviates: options record what passes to this host, not what it forwards; source-routed packets are dropped (RFC 7126).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, is_multicast
from tcpip.buffer import CSUM_PARTIAL, TO_BROADCAST, TO_HOST, TO_MULTICAST, RxPacket, Slice, TxPacket, WholePacket
from tcpip.checksum import partial_sum
from tcpip.clock import NS_PER_MS
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import icmpv4 as icmp
from tcpip.header.ethernet import TYPE_IPV4
from tcpip.header.ipv4 import (
    COPIED,
    FIXED,
    FLAG_DF,
    FLAG_MF,
    OFFSET_MASK,
    OPTION_LOOSE_SOURCE,
    OPTION_STRICT_SOURCE,
    parse_options,
)
from tcpip.link.offload import complete_checksum, segments
from tcpip.mib import ECN
from tcpip.network.reassembly import TIMEOUT_V4, ExpiredHook, Partial, Reassembler, joined
from tcpip.network.received_options import record_passage
from tcpip.stack.reverse_path import reverse_path_ok
from tcpip.stack.route import Route

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_U16: Final = Struct("!H")
MS_PER_DAY: Final = 86_400_000
FRAGMENT_BITS: Final = FLAG_MF | OFFSET_MASK


class IPv4Route(Route):
    """A route that writes IPv4 headers."""

    __slots__ = ()

    def write_packet(
        self, pkt: TxPacket, protocol: int, ttl: int = -1, tos: int = 0, dont_fragment: bool = True
    ) -> None:
        stack = self.stack
        if self.generation != stack.generation:
            self.refresh()
        header = pkt.header
        length = len(header) + pkt.payload_len
        total = length + 20
        if total > 65535:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if ttl < 0:
            ttl = self.metrics.hop_limit or stack.default_ttl
        offset = pkt.csum_offset
        pseudo = self.pseudo
        if offset >= 0:
            partial = (pseudo + protocol + length) % 0xFFFF
            header[offset : offset + 2] = _U16.pack(partial)  # type: ignore[index]
            pkt.csum = CSUM_PARTIAL
        self.ident = ident = (self.ident + (1 if not pkt.gso_size else length // pkt.gso_size + 1)) & 0xFFFF
        fragment = FLAG_DF if dont_fragment else 0
        words = 0x4500 + tos + total + ident + fragment + (ttl << 8 | protocol) + pseudo
        checksum = 0xFFFF - (words % 0xFFFF or 0xFFFF)
        fixed = FIXED.pack(0x45, tos, total, ident, fragment, ttl, protocol, checksum, self.src, self.dst)
        pkt.header = fixed + header
        pkt.transport = 20
        pkt.ethertype = TYPE_IPV4
        stack.stats.ip.values["OutRequests"] += 1
        stack.stats.ip_ext.values["OutOctets"] += total
        if stack.netfilter is not None:
            stack.netfilter.send(self, pkt, protocol, dont_fragment)
            return
        neighbor = self.neighbor
        if self.multicast or self.broadcast:
            stack.stats.count_group("OutMcast" if self.multicast else "OutBcast", total)
        if neighbor is None or (total > self._mtu and not pkt.gso_size):
            self.transmit(pkt, dont_fragment)
        else:
            neighbor.send(pkt)

    def fragments(self, pkt: TxPacket) -> list[TxPacket]:
        return fragment_packet(pkt, self._mtu, self.stack)


def fragment_packet(pkt: TxPacket, mtu: int, stack: Stack) -> list[TxPacket]:
    """An IPv4 packet (header at `pkt.network`, checksum completed here) cut to fit `mtu`. RFC 791 3.2."""
    if pkt.csum == CSUM_PARTIAL:
        complete_checksum(pkt)
    header = bytes(pkt.header)
    header_len = (header[0] & 15) * 4
    body = memoryview(b"".join((header[header_len:], *pkt.payload)))
    field = (header[6] << 8 | header[7]) & FRAGMENT_BITS
    room = (mtu - header_len) & ~7
    if room < 8:
        raise NetworkError(errors.MESSAGE_TOO_LONG)
    later = _later_header(header, header_len)
    pieces: list[TxPacket] = []
    at = 0
    while at < len(body):
        data = body[at : at + room]
        more = at + len(data) < len(body) or field & FLAG_MF
        base = header[:header_len] if at == 0 else later
        offset = (field & OFFSET_MASK) + (at >> 3)
        pieces.append(_fragment(base, data, offset | (FLAG_MF if more else 0)))
        at += len(data)
    stack.stats.ip.inc("FragOKs")
    stack.stats.ip.inc("FragCreates", len(pieces))
    stack.stats.ip_ext.inc("OutOctets", sum(map(len, pieces)) - len(pkt))  # counted whole so far
    return pieces


def _fragment(base: bytes, data: Slice, field: int) -> TxPacket:
    head = bytearray(base)
    head[2:4] = _U16.pack(len(head) + len(data))
    head[6:8] = _U16.pack(field)
    head[10:12] = b"\0\0"
    head[10:12] = _U16.pack(0xFFFF - (partial_sum(head) or 0xFFFF))
    piece = TxPacket(bytes(head), [data], len(data))
    piece.transport = len(head)
    piece.ethertype = TYPE_IPV4
    return piece


def _later_header(header: bytes, header_len: int) -> bytes:
    """The header of all fragments but the first: only options that are marked so are copied."""
    if header_len == 20:
        return header[:20]
    kept = b"".join(
        bytes((o.kind, len(o.data) + 2)) + o.data for o in parse_options(header[20:header_len]) if o.kind & COPIED
    )
    kept += bytes(-len(kept) & 3)
    return bytes((0x40 | (20 + len(kept)) >> 2,)) + header[1:20] + kept


class IPv4(ExpiredHook):
    """The receiving side."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.reassembler = Reassembler(stack.timers, TIMEOUT_V4, self)
        self._largest = 0  # fragment of the packet that was put together last

    def handle_packet(self, nic: Nic, pkt: RxPacket) -> None:
        """An IPv4 packet at data[network:]; Malformed."""
        stack = self.stack
        stats = stack.stats.ip.values
        stats["InReceives"] += 1
        data = pkt.data
        at = pkt.network
        room = pkt.end - at
        ext = stack.stats.ip_ext.values
        ext["InOctets"] += room
        if room < 20:
            stats["InHdrErrors"] += 1
            raise Malformed(DropReason.TRUNCATED)
        first, pkt.tos, total, ident, fragment, pkt.ttl, pkt.protocol, _, src, dst = FIXED.unpack_from(data, at)
        header_len = 20 if first == 0x45 else self._header_len(first, room)
        ext[ECN[pkt.tos & 3]] += 1 if not pkt.gso_size else segments(pkt, at + header_len)
        if total < header_len or total > room:
            if total > room:
                ext["InTruncatedPkts"] += 1
            else:
                stats["InHdrErrors"] += 1
            raise Malformed(DropReason.BAD_LENGTH)
        if int.from_bytes(data[at : at + header_len], "big") % 0xFFFF:
            ext["InCsumErrors"] += 1
            stats["InHdrErrors"] += 1
            raise Malformed(DropReason.BAD_CHECKSUM)
        pkt.end = at + total
        pkt.src = src
        pkt.dst = dst
        pkt.transport = transport = at + header_len
        if (src[0] >= 224 or src[0] == 127 or src in stack.local) and not nic.loopback:
            stats["InAddrErrors"] += 1
            raise Malformed(DropReason.BAD_SOURCE)
        if header_len > 20:
            self._check_options(pkt)
            data = pkt.data
        if nic.rp_filter and not nic.loopback:
            self._check_reverse_path(nic, pkt)
        if stack.netfilter is not None:
            self._filtered(nic, pkt, ident, fragment)
            return
        if dst not in nic.addresses and not self._accept(nic, pkt):
            return
        if fragment & FRAGMENT_BITS:
            whole = self._reassemble(pkt, ident, fragment)
            if whole is None:
                return
            pkt = whole
        else:
            pkt.key = data[at + 12 : at + 24] if header_len == 20 else src + dst + data[transport : transport + 4]
        stats["InDelivers"] += 1
        stack.deliver_transport(pkt)

    def _check_reverse_path(self, nic: Nic, pkt: RxPacket) -> None:
        if not reverse_path_ok(self.stack, nic, pkt):
            self.stack.stats.tcp_ext.inc("IPReversePathFilter")
            raise Malformed(DropReason.REVERSE_PATH)

    def _filtered(self, nic: Nic, pkt: RxPacket, ident: int, fragment: int) -> None:
        """The way through the packet filter, which sees whole packets only."""
        netfilter = self.stack.netfilter
        assert netfilter is not None
        largest = 0
        if fragment & FRAGMENT_BITS:
            if pkt.kind == TO_MULTICAST and pkt.dst not in nic.groups:
                raise Malformed(DropReason.NOT_FOR_US)
            whole = self._reassemble(pkt, ident, fragment)
            if whole is None:
                return
            largest = self._largest
            pkt = whole
        else:
            pkt.key = pkt.src + pkt.dst + pkt.data[pkt.transport : min(pkt.transport + 4, pkt.end)]
        view = netfilter.prerouting(pkt, largest)
        if view.intercepted or pkt.dst in nic.addresses or self._accept(nic, pkt):
            netfilter.input(view)
            self.stack.stats.ip.inc("InDelivers")
            self.stack.deliver_transport(pkt)

    def _header_len(self, first: int, room: int) -> int:
        stats = self.stack.stats.ip
        if first >> 4 != 4:
            stats.inc("InHdrErrors")
            raise Malformed(DropReason.BAD_VERSION)
        header_len = (first & 15) * 4
        if header_len < 20 or header_len > room:
            stats.inc("InHdrErrors")
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        return header_len

    def _check_options(self, pkt: RxPacket) -> None:
        for option in parse_options(pkt.data[pkt.network + 20 : pkt.transport]):
            if option.kind in (OPTION_LOOSE_SOURCE, OPTION_STRICT_SOURCE):
                raise Malformed(DropReason.SOURCE_ROUTED)
        if pkt.dst in self.stack.local:
            record_passage(pkt, self.stack.clock.realtime_ns() // NS_PER_MS % MS_PER_DAY)

    def _accept(self, nic: Nic, pkt: RxPacket) -> bool:
        """Whether a packet that is not to one of the NIC's own addresses is for this host; else it is forwarded or dropped."""
        stack = self.stack
        dst = pkt.dst
        if is_multicast(dst):
            if dst not in nic.groups:
                raise Malformed(DropReason.NOT_FOR_US)
            pkt.kind = TO_MULTICAST
            stack.stats.count_group("InMcast", pkt.end - pkt.network)
            return True
        if dst == IPV4_BROADCAST or dst in nic.broadcasts:
            pkt.kind = TO_BROADCAST
            stack.stats.count_group("InBcast", pkt.end - pkt.network)
            return True
        if dst in stack.local and not (dst[0] == 127 and not nic.loopback):
            return True
        if dst[0] == 127 and nic.loopback:
            return True
        if nic.promiscuous and dst[0] != 127 and dst != IPV4_ANY:
            return True
        if stack.has_local_routes and pkt.kind == TO_HOST and stack.delivers_locally(pkt):
            return True
        if nic.forwards and pkt.kind == TO_HOST and dst[0] not in (0, 127) and dst[0] < 240:
            stack.forwarder.forward_v4(nic, pkt)
            return False
        stack.stats.ip.inc("InAddrErrors")
        raise Malformed(DropReason.NOT_FOR_US)

    def _reassemble(self, pkt: RxPacket, ident: int, field: int) -> RxPacket | None:
        """The packet, once its last fragment is here."""
        stack = self.stack
        stack.stats.ip.inc("ReasmReqds")
        start, data = pkt.transport, pkt.data
        try:
            done = self.reassembler.add(
                (pkt.src, pkt.dst, ident, pkt.protocol),
                (field & OFFSET_MASK) * 8,
                field & FLAG_MF != 0,
                data[start : pkt.end],
                data[pkt.network : start],
                stack.clock.now_ns(),
            )
        except Malformed:
            stack.stats.ip.inc("ReasmFails")
            raise
        if done is None:
            return None
        stack.stats.ip.inc("ReasmOKs")
        self._largest = len(done.head) + max([len(data) for _, data in done.pieces])
        head = bytearray(done.head)
        total = len(head) + done.total
        if total > 65535:
            stack.stats.ip.inc("ReasmFails")
            raise Malformed(DropReason.BAD_LENGTH)
        head[2:4] = _U16.pack(total)
        head[6:8] = b"\0\0"
        head[10:12] = b"\0\0"
        head[10:12] = _U16.pack(0xFFFF - (partial_sum(head) or 0xFFFF))
        whole = WholePacket(bytes(head) + joined(done), self._largest)
        whole.transport = len(head)
        copy_metadata(pkt, whole)
        whole.key = whole.src + whole.dst + whole.data[len(head) : len(head) + 4]
        return whole

    def fragments_expired(self, partial: Partial) -> None:
        stats = self.stack.stats
        stats.ip.inc("ReasmTimeout")
        stats.ip.inc("ReasmFails")
        stats.drop(DropReason.FRAGMENT_TIMEOUT)
        if not partial.head or partial.pieces[0][0] != 0:
            return
        pkt = RxPacket(partial.head + partial.pieces[0][1])
        pkt.src, pkt.dst, _, pkt.protocol = partial.key
        pkt.transport = len(partial.head)
        self.stack.icmpv4.send_error(pkt, icmp.TIME_EXCEEDED, 1, 0)


def copy_metadata(old: RxPacket, new: RxPacket) -> None:
    """What the last fragment knows of the whole packet."""
    new.src = old.src
    new.dst = old.dst
    new.protocol = old.protocol
    new.ttl = old.ttl
    new.tos = old.tos
    new.nic = old.nic
    new.kind = old.kind
    new.link_src = old.link_src
    new.ethertype = old.ethertype
