"""Segments on their way out: headers, options, and the packet that the route takes.

Implements: RFC 9293 3.1, 3.10.7.1 (resets), RFC 7323 3.2, 2.3, RFC 2018 4, RFC 2883 4, RFC 5961 (challenge ACKs are
sent from here, by those who count them).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip.buffer import GSO_TCPV4, GSO_TCPV6, Slice, TxPacket
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, CSUM_OFFSET, FIN, HEADER, PSH, RST, SYN, URG
from tcpip.header.tcp_options import TS_WORD, TcpOptions, UnknownOption, emit_sack
from tcpip.seqnum import MASK
from tcpip.sockopt import IPPROTO_TCP, PMTUDISC_DONT, PMTUDISC_WANT
from tcpip.stack.route_flow import of_packet
from tcpip.transport.flow_labels import REFLECT_CLOSED, label_in
from tcpip.transport.tcp.ecn import ECT_0, syn_flags
from tcpip.transport.tcp.ecn import MASK as ECN_BITS
from tcpip.transport.tcp.md5 import sign
from tcpip.transport.tcp.segment import Segment

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack
    from tcpip.transport.tcp.endpoint import TcpEndpoint

HEADER_TS: Final = struct.Struct("!HHIIHHHHIII")
"""A header with an aligned timestamp option: 32 bytes."""
WORD_TS: Final = 8 << 12
WORD_PLAIN: Final = 5 << 12
_NOTHING: Final[list[Slice]] = []


def emit_segment(ep: TcpEndpoint, seq: int, size: int, flags: int, now: int, fresh: bool = False) -> None:
    """Send [seq, seq + size) of the send buffer with `flags`, for the first time if `fresh`, and the receiver's ACK, window, SACK."""
    snd, rcv, route = ep.snd, ep.rcv, ep.route
    if route is None:
        return
    window = min(rcv.select_window() >> rcv.wscale, 65535)
    tos = ep.tos
    if ep.ecn.ok:
        flags = ep.ecn.mark(flags, fresh and size > 0)
        if fresh and size:
            tos |= ECT_0
    urgent = 0
    if snd.urgent_end > seq:
        urgent = min(snd.urgent_end - seq, 65535)
        flags |= URG
    if ep.timestamps:
        header = bytearray(
            HEADER_TS.pack(
                ep.local_port,
                ep.remote_port,
                seq & MASK,
                rcv.nxt & MASK,
                WORD_TS | flags,
                window,
                0,
                urgent,
                TS_WORD,
                (now // 1_000_000 + ep.ts_offset) & MASK,
                rcv.ts_recent,
            )
        )
    else:
        header = bytearray(
            HEADER.pack(
                ep.local_port, ep.remote_port, seq & MASK, rcv.nxt & MASK, WORD_PLAIN | flags, window, 0, urgent
            )
        )
    extra = _append_sack(ep, header) if rcv.has_sack_info and size <= snd.gso_max - 40 else 0
    payload = snd.buf.slices(seq, size) if size else _NOTHING
    if ep.md5_key:
        sign(route.src, route.dst, header, payload, size, ep.md5_key)
    pkt = TxPacket(header, payload, size, CSUM_OFFSET)
    room = snd.mss - extra
    if size > room:
        header[13] |= PSH  # the peer need not wait for more (tcp_output.c:__tcp_transmit_skb)
        pkt.gso_type = GSO_TCPV6 if route.six else GSO_TCPV4
        pkt.gso_size = room
    rcv.ack_sent()
    segments = 1 if size <= room else -(-size // room)
    snd.segs_out += segments
    if size:
        snd.data_segs_out += segments
        ep.stats_ext.values["TCPOrigDataSent"] += segments if fresh else 0
    if fresh or not (size or flags & FIN):  # what is sent again is in RetransSegs
        ep.stats.values["OutSegs"] += segments
    so = pkt.socket = ep.so
    route.write_packet(pkt, IPPROTO_TCP, so.hop_limit if route.six else so.ttl, tos, ep.dont_fragment)


def _append_sack(ep: TcpEndpoint, header: bytearray) -> int:
    """The SACK option behind a header; how many bytes it took."""
    if ep.md5_key:
        blocks = ep.rcv.take_sack_blocks(2) if not ep.timestamps else []
    else:
        blocks = ep.rcv.take_sack_blocks(3 if ep.timestamps else 4)
    if not blocks:
        return 0
    option = emit_sack([(left & MASK, right & MASK) for left, right in blocks])
    header += option
    header[12] += (len(option) >> 2) << 4
    return len(option)


def emit_ack(ep: TcpEndpoint, now: int) -> None:
    """A pure acknowledgement; a link that is down loses it like any other packet."""
    try:
        emit_segment(ep, ep.snd.nxt, 0, ACK, now)
    except NetworkError as failure:
        ep.soft_error = failure.error


def emit_probe(ep: TcpEndpoint, now: int) -> None:
    """An acknowledgement with an old sequence number, which the peer must answer (RFC 9293 3.8.4)."""
    try:
        emit_segment(ep, ep.snd.una - 1, 0, ACK, now)
    except NetworkError as failure:
        ep.soft_error = failure.error


def emit_syn(ep: TcpEndpoint, flags: int, now: int, fast_open: UnknownOption | None = None, text: int = 0) -> None:
    """The SYN of an active open, or its SYN-ACK in a simultaneous one, with what we offer; windows are not scaled here.

    `fast_open` and the first `text` bytes of the send buffer go with it (RFC 7413).
    """
    route = ep.route
    if route is None:
        return
    options = TcpOptions()
    options.mss = ep.advertised_mss()
    config = ep.config
    passive = ep.fast_open is not None
    options.sack_permitted = bool(ep.sack_ok if passive else config.sack)
    if ep.timestamps if passive else config.timestamps and not ep.md5_key:
        options.timestamp = True
        options.ts_val = ep.ts_now(now)
        options.ts_ecr = ep.rcv.ts_recent
    if ep.window_scaling if passive else config.window_scaling:
        options.window_scale = ep.rcv.offered_wscale
    if fast_open is not None:
        options.unknown.append(fast_open)
    packed = options.emit()
    window = min(ep.rcv.first_window, 65535)
    ep.rcv.adv = max(ep.rcv.adv, ep.rcv.nxt + ep.rcv.first_window)
    ack = ep.rcv.nxt & MASK if flags & ACK else 0
    word = (20 + len(packed)) << 10 | syn_flags(ep, flags)
    header = bytearray(HEADER.pack(ep.local_port, ep.remote_port, ep.snd.iss & MASK, ack, word, window, 0, 0)) + packed
    ep.snd.segs_out += 1
    ep.stats.inc("OutSegs", int(not ep.snd.retransmits or flags & ACK != 0))
    if flags & ACK:
        ep.rcv.ack_sent()
    ttl = ep.so.hop_limit if route.six else ep.so.ttl
    try:
        payload = ep.snd.buf.slices(ep.snd.iss + 1, text) if text else _NOTHING
        if ep.md5_key:
            sign(route.src, route.dst, header, payload, text, ep.md5_key)
        pkt = TxPacket(header, payload, text, CSUM_OFFSET)
        pkt.socket = ep.so
        route.write_packet(pkt, IPPROTO_TCP, ttl, ep.tos, ep.dont_fragment)
    except NetworkError as failure:
        ep.soft_error = failure.error


def emit_bare(
    route: Route,
    ports: tuple[int, int],
    seq: int,
    ack: int,
    flags: int,
    window: int,
    options: bytes,
    md5_key: bytes = b"",
    ttl: int = -1,
    tos: int = 0,
) -> None:
    """A segment without a connection behind it. `ports` are ours and the peer's; nothing is raised."""
    word = (20 + len(options)) << 10 | flags
    header = bytearray(HEADER.pack(ports[0], ports[1], seq & MASK, ack & MASK, word, window, 0, 0)) + options
    if md5_key:
        sign(route.src, route.dst, header, _NOTHING, 0, md5_key)
    stats = route.stack.stats.tcp
    stats.inc("OutSegs")
    if flags & RST:
        stats.inc("OutRsts")
    try:
        route.write_packet(TxPacket(header, [], 0, CSUM_OFFSET), IPPROTO_TCP, ttl, tos)
    except NetworkError:
        stats.inc("InErrs", 0)


def reset_for(stack: Stack, seg: Segment) -> None:
    """RFC 9293 3.10.7.1: the reset that answers a segment to nobody. A reset is never answered."""
    if seg.flags & RST:
        return
    pkt = seg.pkt
    number = pkt.nic.number if pkt.nic is not None else 0
    try:
        number = number if pkt.src[:1] == b"\xfe" else 0
        route = stack.find_route(pkt.src, pkt.dst, number, 0, of_packet(pkt, True))
    except NetworkError:
        return
    key = pkt.key
    ports = (int.from_bytes(key[-2:], "big"), int.from_bytes(key[-4:-2], "big"))
    tos = pkt.tos & ~ECN_BITS
    if stack.flow_labels.reflect & REFLECT_CLOSED:
        tos |= label_in(pkt) << 8
    if seg.flags & ACK:
        emit_bare(route, ports, seg.ack, 0, RST, 0, b"", b"", -1, tos)
    else:
        length = seg.payload_len() + (1 if seg.flags & SYN else 0) + (1 if seg.flags & FIN else 0)
        emit_bare(route, ports, 0, seg.seq + length, RST | ACK, 0, b"", b"", -1, tos)


def emit_reset(ep: TcpEndpoint) -> None:
    """Our own reset of a connection, with its options, in the window of a peer that has seen all we sent."""
    ep.stats.inc("OutRsts")
    try:
        emit_segment(ep, ep.snd.nxt, 0, RST | ACK, ep.stack.clock.now_ns())
    except NetworkError as failure:
        ep.soft_error = failure.error


def dont_fragment(pmtudisc: int, locked: bool = False) -> bool:
    """IP_MTU_DISCOVER to the DF bit; whoever wants to learn a path's MTU need not where the route says it (ip_dont_fragment)."""
    return pmtudisc != PMTUDISC_DONT and not (locked and pmtudisc == PMTUDISC_WANT)
