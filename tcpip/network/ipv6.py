"""IPv6: checking and delivering what comes in, routes that put the header in front of what goes out, fragmentation.

Implements: RFC 8200, RFC 8201 (path MTU), RFC 6946 (atomic fragments), RFC 5722, RFC 7112, RFC 7739 (random
identification), RFC 6437 (flow labels).
Deviates: sends no extension header but fragment and the router alert of MLD.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import IPV6_LOOPBACK, is_link_local, is_multicast
from tcpip.buffer import CSUM_PARTIAL, TO_HOST, TO_MULTICAST, RxPacket, TxPacket, WholePacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import icmpv6 as icmp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.ipv6 import FIXED
from tcpip.header.ipv6_ext import (
    DESTINATION,
    FRAGMENT,
    FRAGMENT_FIXED,
    HOP_BY_HOP,
    ROUTING,
    Chain,
    FragmentHeader,
    upper_layer,
    walk,
)
from tcpip.link.offload import complete_checksum, segments
from tcpip.mib import ECN
from tcpip.network.ipv4 import copy_metadata
from tcpip.network.reassembly import TIMEOUT_V6, ExpiredHook, Partial, Reassembler, joined
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP
from tcpip.stack.route import Route

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_U16: Final = Struct("!H")
_EXTENSIONS: Final = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION))
_VERSION: Final = 6 << 28
_LABEL: Final = 0xFFFFF
_STATELESS: Final = 0x80000
_NO_LABEL: Final = 1 << 20
_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP)
_SPREAD: Final = 0x9E3779B97F4A7C15


class IPv6Route(Route):
    """A route that writes IPv6 headers."""

    __slots__ = ()

    def write_packet(
        self, pkt: TxPacket, protocol: int, ttl: int = -1, tos: int = 0, dont_fragment: bool = True
    ) -> None:
        stack = self.stack
        if self.generation != stack.generation:
            self.refresh()
        header = pkt.header
        length = len(header) + pkt.payload_len
        if length > 65535:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if ttl < 0:
            ttl = self.metrics.hop_limit or self.nic.hop_limit
        offset = pkt.csum_offset
        if offset >= 0:
            header[offset : offset + 2] = _U16.pack((self.pseudo + protocol + length) % 0xFFFF)  # type: ignore[index]
            pkt.csum = CSUM_PARTIAL
        pkt.header = (
            FIXED.pack(self.flow_word(tos, protocol, header), length, protocol, ttl, self.src, self.dst) + header
        )
        pkt.transport = 40
        pkt.ethertype = TYPE_IPV6
        stats = stack.stats.ip6.values
        stats["OutRequests"] += 1
        stats["OutOctets"] += length + 40
        if self.multicast:
            stack.stats.count_multicast_v6(length + 40)
        self.device().count_out(length + 40, self.multicast)
        if stack.netfilter is not None:
            stack.netfilter.send(self, pkt, protocol, dont_fragment)
            return
        neighbor = self.neighbor
        if neighbor is None or (length + 40 > self._mtu and not pkt.gso_size):
            self.transmit(pkt, dont_fragment)
        else:
            neighbor.send(pkt)

    def flow_word(self, tos: int, protocol: int, header: bytes | bytearray) -> int:
        """The first word of a packet's header: version, traffic class, flow label."""
        label = tos >> 8
        if label & _NO_LABEL:
            label = 0
        elif not label:
            if not self.label_seed:
                self.label_seed = self.stack.tcp.isn.label_seed(self.src + self.dst) | 1
            ports = (
                header[0] << 24 | header[1] << 16 | header[2] << 8 | header[3] if protocol in _WITH_PORTS else protocol
            )
            label = ((ports ^ self.label_seed) * _SPREAD >> 40) & _LABEL or 1
            if self.stack.flow_labels.state_ranges:
                label |= _STATELESS
        return _VERSION | (tos & 0xFF) << 20 | label

    def fragments(self, pkt: TxPacket) -> list[TxPacket]:
        return fragment_packet(pkt, max(self._mtu, 1280), self.nic)


def fragment_packet(pkt: TxPacket, mtu: int, nic: Nic) -> list[TxPacket]:
    """A packet cut to fit `mtu`, MESSAGE_TOO_LONG when what goes into every fragment leaves no room. RFC 8200 4.5."""
    if pkt.csum == CSUM_PARTIAL:
        complete_checksum(pkt)
    header = bytes(pkt.header)
    start, named = unfragmentable(header)
    body = memoryview(b"".join((header[start:], *pkt.payload)))
    room = (mtu - start - 8) & ~7
    if room < 8:
        raise NetworkError(errors.MESSAGE_TOO_LONG)
    protocol = header[named]
    fixed = header[:4] + _U16.pack(0) + header[6:named] + bytes((FRAGMENT,)) + header[named + 1 : start]
    ident = nic.stack.random.getrandbits(32)
    pieces: list[TxPacket] = []
    for at in range(0, len(body), room):
        data = body[at : at + room]
        more = at + len(data) < len(body)
        head = fixed[:4] + _U16.pack(start - 32 + len(data)) + fixed[6:]
        piece = TxPacket(head + FRAGMENT_FIXED.pack(protocol, 0, at | int(more), ident), [data], len(data))
        piece.transport = start + 8
        piece.ethertype = TYPE_IPV6
        pieces.append(piece)
    nic.count6("FragOKs")
    nic.count6("FragCreates", len(pieces))
    nic.count6("OutOctets", sum(map(len, pieces)) - len(pkt))  # counted whole so far
    return pieces


def unfragmentable(header: bytes) -> tuple[int, int]:
    """Of an IPv6 packet: how many bytes go into every fragment, and where the header behind them is named (up to the
    routing header, else the hop-by-hop options)."""
    end, named = 40, 6
    at, kind = 40, header[6]
    while kind in (HOP_BY_HOP, ROUTING, DESTINATION) and at + 8 <= len(header):
        size = (header[at + 1] + 1) * 8
        if kind != DESTINATION:
            end, named = at + size, at
        kind, at = header[at], at + size
    return end, named


class IPv6(ExpiredHook):
    """The receiving side."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.reassembler = Reassembler(stack.timers, TIMEOUT_V6, self)

    def handle_packet(self, nic: Nic, pkt: RxPacket) -> None:
        """An IPv6 packet at data[network:]; Malformed."""
        stack = self.stack
        stats = stack.stats.ip6.values
        own = nic.stats6.ip6.values
        stats["InReceives"] += 1
        own["InReceives"] += 1
        data = pkt.data
        at = pkt.network
        room = pkt.end - at
        stats["InOctets"] += room
        own["InOctets"] += room
        if room < 40:
            nic.count6("InHdrErrors")
            raise Malformed(DropReason.TRUNCATED)
        first, length, protocol, pkt.ttl, src, dst = FIXED.unpack_from(data, at)
        if first >> 28 != 6:
            nic.count6("InHdrErrors")
            raise Malformed(DropReason.BAD_VERSION)
        pkt.tos = first >> 20 & 0xFF
        name, count = ECN[pkt.tos & 3], 1 if not pkt.gso_size else segments(pkt, at + 40)
        stats[name] += count
        own[name] += count
        if length > room - 40:
            nic.count6("InTruncatedPkts")
            raise Malformed(DropReason.BAD_LENGTH)
        pkt.end = at + 40 + length
        pkt.src = src
        pkt.dst = dst
        if src[0] == 0xFF or ((src == IPV6_LOOPBACK or src in nic.addresses) and not nic.loopback):
            if not self._own_duplicate(nic, src, protocol):
                nic.count6("InAddrErrors")
                raise Malformed(DropReason.BAD_SOURCE)
        pkt.protocol = protocol
        pkt.transport = at + 40
        if stack.netfilter is not None:
            self._filtered(nic, pkt, 0)
            return
        if dst not in nic.addresses and not self._accept(nic, pkt):
            return
        if protocol in _EXTENSIONS:
            self._extensions(pkt)
            return
        pkt.key = data[at + 8 : at + 44]
        nic.counts_for(dst).count6("InDelivers")
        stack.deliver_transport(pkt)

    def _filtered(self, nic: Nic, pkt: RxPacket, largest: int) -> None:
        """The way through the packet filter, which sees whole packets only, and protocols behind extension headers."""
        netfilter = self.stack.netfilter
        assert netfilter is not None
        first = pkt.protocol
        start = pkt.transport
        pkt.protocol, pkt.transport, pointer = upper_layer(pkt.data, start, pkt.end, first, pkt.network + 6)
        if pkt.protocol == FRAGMENT:
            if largest:
                raise Malformed(DropReason.BAD_FRAGMENT)
            chain = Chain(FRAGMENT, pkt.transport, pointer)
            chain.fragment = FragmentHeader.parse(pkt.data[: pkt.end], pkt.transport)
            self._fragment(pkt, chain)
            return
        pkt.key = pkt.src + pkt.dst + pkt.data[pkt.transport : min(pkt.transport + 4, pkt.end)]
        view = netfilter.prerouting(pkt, largest)
        if not (view.intercepted or pkt.dst in nic.addresses or self._accept(nic, pkt)):
            return
        netfilter.input(view)
        if first in _EXTENSIONS:
            pkt.protocol, pkt.transport = first, start
            self._extensions(pkt, True)
            return
        nic.counts_for(pkt.dst).count6("InDelivers")
        self.stack.deliver_transport(pkt)

    def _count(self, pkt: RxPacket, name: str) -> None:
        if pkt.nic is not None:
            pkt.nic.counts_for(pkt.dst).count6(name)

    def _own_duplicate(self, nic: Nic, src: bytes, protocol: int) -> bool:
        """Neighbour discovery must see advertisements that come from an address of ours: somebody else has it."""
        return src in nic.addresses and protocol == 58

    def _accept(self, nic: Nic, pkt: RxPacket) -> bool:
        """Whether a packet that is not to one of the NIC's own addresses is for this host; else it is forwarded or dropped."""
        stack = self.stack
        dst = pkt.dst
        if is_multicast(dst):
            nic.count6("InMcastPkts")
            nic.count6("InMcastOctets", pkt.end - pkt.network)
            if dst not in nic.groups:
                raise Malformed(DropReason.NOT_FOR_US)
            pkt.kind = TO_MULTICAST
            return True
        if dst in stack.local and not is_link_local(dst) and (dst != IPV6_LOOPBACK or nic.loopback):
            return True
        if dst in stack.anycast:
            return True
        if nic.promiscuous and dst != IPV6_LOOPBACK and any(dst):
            return True
        if stack.has_local_routes and pkt.kind == TO_HOST and stack.delivers_locally(pkt):
            return True
        if stack.forwarding_v6 and pkt.kind == TO_HOST and not is_link_local(dst) and dst != IPV6_LOOPBACK and any(dst):
            stack.forwarder.forward_v6(nic, pkt)
            return False
        nic.count6("InAddrErrors")
        raise Malformed(DropReason.NOT_FOR_US)

    def _extensions(self, pkt: RxPacket, whole: bool = False) -> None:
        """Walk the chain, then reassemble or deliver. `whole`: reassembled already, fragments inside are refused."""
        stack = self.stack
        start = pkt.network
        chain = walk(pkt.data, pkt.protocol, pkt.transport, pkt.end, start + 6, is_multicast(pkt.dst))
        if chain.report is not None:
            code, pointer = chain.report
            stack.icmpv6.send_error(pkt, icmp.PARAMETER_PROBLEM, code, pointer - start)
            raise Malformed(DropReason.BAD_EXTENSION_HEADER)
        pkt.protocol = chain.protocol
        pkt.transport = chain.at
        if chain.fragment is not None:
            if whole:
                raise Malformed(DropReason.BAD_FRAGMENT)
            self._fragment(pkt, chain)
            return
        pkt.key = pkt.src + pkt.dst + pkt.data[chain.at : min(chain.at + 4, pkt.end)]
        self._count(pkt, "InDelivers")
        stack.deliver_transport(pkt)

    def _fragment(self, pkt: RxPacket, chain: Chain) -> None:
        stack = self.stack
        fragment = chain.fragment
        assert fragment is not None
        start = chain.at + 8
        data = pkt.data[start : pkt.end]
        head = pkt.data[pkt.network : chain.at]
        self._count(pkt, "ReasmReqds")
        if fragment.offset == 0 and not fragment.more:
            self._resume(pkt, head, chain, fragment.next_header, data, len(head) + len(data) + 8)
            return
        if fragment.more and len(data) & 7:
            stack.icmpv6.send_error(pkt, icmp.PARAMETER_PROBLEM, 0, 4)
        elif fragment.offset + len(data) > 65535:
            stack.icmpv6.send_error(pkt, icmp.PARAMETER_PROBLEM, 0, chain.at + 2 - pkt.network)
        key = (pkt.src, pkt.dst, fragment.ident, -1)
        mark = bytes((fragment.next_header,)) + (chain.pointer - pkt.network).to_bytes(2, "big") + head
        try:
            done = self.reassembler.add(key, fragment.offset, fragment.more, data, mark, stack.clock.now_ns())
        except Malformed:
            self._count(pkt, "ReasmFails")
            raise
        if done is not None:
            chain.pointer = int.from_bytes(done.head[1:3], "big") + pkt.network
            largest = max([len(piece) for _, piece in done.pieces])
            self._resume(pkt, done.head[3:], chain, done.head[0], joined(done), largest + len(done.head) + 5)

    def _resume(
        self, pkt: RxPacket, head: bytes, chain: Chain, protocol: int, payload: bytes, largest: int = 0
    ) -> None:
        """Go on with the packet as it was before it was cut: the fragment header taken out. `largest` is that fragment's
        payload."""
        stack = self.stack
        if len(head) - 40 + len(payload) > 65535:
            self._count(pkt, "ReasmFails")
            raise Malformed(DropReason.BAD_LENGTH)
        whole_head = bytearray(head)
        whole_head[4:6] = _U16.pack(len(head) - 40 + len(payload))
        whole_head[chain.pointer - pkt.network] = protocol
        whole = WholePacket(bytes(whole_head) + payload, largest)
        copy_metadata(pkt, whole)
        whole.protocol = protocol
        whole.transport = len(whole_head)
        self._count(pkt, "ReasmOKs")
        if protocol in (FRAGMENT, HOP_BY_HOP):
            raise Malformed(DropReason.BAD_FRAGMENT)
        if stack.netfilter is not None and pkt.nic is not None:
            whole.protocol, whole.transport = whole.data[6], 40
            self._filtered(pkt.nic, whole, largest)
            return
        if protocol in _EXTENSIONS:
            self._extensions(whole, True)
            return
        whole.key = whole.src + whole.dst + whole.data[whole.transport : whole.transport + 4]
        self._count(whole, "InDelivers")
        stack.deliver_transport(whole)

    def fragments_expired(self, partial: Partial) -> None:
        stats = self.stack.stats
        stats.ip6.inc("ReasmTimeout")
        stats.ip6.inc("ReasmFails")
        stats.drop(DropReason.FRAGMENT_TIMEOUT)
        if not partial.head or partial.pieces[0][0] != 0:
            return
        head = partial.head[3:]
        pkt = RxPacket(head + partial.pieces[0][1])
        pkt.src, pkt.dst = partial.key[0], partial.key[1]
        pkt.protocol = partial.head[0]
        pkt.transport = len(head)
        self.stack.icmpv6.send_error(pkt, icmp.TIME_EXCEEDED, 1, 0)
