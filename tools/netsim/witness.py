"""Watches one host's interface and holds every TCP segment that it sends against what it may say.

Offsets are relative to the two initial sequence numbers; 1 is the first byte of text.
Checked: RFC 9293 3.4 (acknowledgements cover what arrived, and never go back), 3.8.6 (the window's right edge is not taken
back; nothing is sent beyond the peer's), 3.7 (segments fit the peer's MSS and the interface's MTU), 3.8.1 (a byte sent
again is the same byte), RFC 2018 3 (SACK blocks are of what arrived), RFC 7323 4 (time stamps do not go back).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from typing import TYPE_CHECKING

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import Clock
from tcpip.link.base import LinkEndpoint, WrapperLink
from tools.netsim.endpoints import check_endpoint
from tools.netsim.segments import ACK, FIN, MASK, RST, SYN, TcpSegment, distance, tcp_of

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

FlowKey = tuple[bytes, bytes, int, int]


class Violation(AssertionError):
    """An invariant does not hold."""


class Ranges:
    """Disjoint, sorted [left, right) ranges."""

    def __init__(self) -> None:
        self.items: list[tuple[int, int]] = []

    def add(self, left: int, right: int) -> None:
        """Union."""
        if left >= right:
            return
        kept = []
        for a, b in self.items:
            if b < left or a > right:
                kept.append((a, b))
            else:
                left, right = min(a, left), max(b, right)
        kept.insert(bisect_left(kept, (left, right)), (left, right))
        self.items = kept

    def covers(self, left: int, right: int) -> bool:
        """All of it is in there."""
        return any(a <= left and right <= b for a, b in self.items)


class Flow:
    """One connection as one end's interface has seen it."""

    def __init__(self, iss: int) -> None:
        self.iss = iss
        self.offers: set[int] = set()  # numbers of several SYN-ACKs: cookies differ from one to the next
        self.irs = -1
        self.scale = -1  # what our SYN offers, and the peer's; both count when both do
        self.peer_scale = -1
        self.peer_mss = 536
        self.acked = 0  # the highest acknowledgement sent
        self.edge = 0  # the right edge of the largest window told
        self.peer_edge = 0  # ... and of the largest one heard
        self.stamp = -1
        self.arrived = Ranges()
        self.sent = bytearray()  # text by offset, from 1 on
        self.known = bytearray()  # ... and 1 where it was seen: the interface may have dropped some
        self.fin_at = -1

    def heard(self, seg: TcpSegment) -> None:
        """A good segment came in."""
        if seg.flags & SYN:
            if seg.flags & ACK and self.iss >= 0 and seg.ack != (self.iss + 1) & MASK and not self.offers:
                return  # it answers an earlier connection with the same ports
            if 2 in seg.options:  # whichever of several SYNs was the first that was not dropped
                self.peer_mss = max(self.peer_mss, int.from_bytes(seg.options[2], "big"))
            if self.irs < 0:
                self._agree(seg)
            if seg.seq != self.irs:
                return
        if self.irs < 0:
            return
        at = distance(seg.seq, self.irs)
        self.arrived.add(at, at + len(seg.payload) + (seg.flags & SYN != 0) + (seg.flags & FIN != 0))
        if seg.flags & ACK:
            if not seg.flags & SYN and (seg.ack - 1) & MASK in self.offers:
                self.iss, self.offers = (seg.ack - 1) & MASK, set()
            shift = self.peer_scale if self._scaled(seg) else 0
            self.peer_edge = max(self.peer_edge, distance(seg.ack, self.iss) + (seg.window << shift))

    def _scaled(self, seg: TcpSegment) -> bool:
        return not seg.flags & SYN and self.scale >= 0 and self.peer_scale >= 0

    def _agree(self, seg: TcpSegment) -> None:
        self.irs = seg.seq
        scale = seg.options.get(3)
        if scale is not None:
            self.peer_scale = min(scale[0], 14)
        if not seg.flags & ACK:
            self.peer_edge = max(self.peer_edge, seg.window)

    def says(self, seg: TcpSegment) -> str:
        """A segment goes out: what is wrong with it, or nothing."""
        if seg.flags & SYN and 3 in seg.options:
            self.scale = seg.options[3][0]
        if seg.flags & RST or self.irs < 0:
            return ""
        at = distance(seg.seq, self.iss)
        return self._acknowledges(seg) or self._sends(seg, at) or self._stamps(seg)

    def _acknowledges(self, seg: TcpSegment) -> str:
        if not seg.flags & ACK:
            return ""
        ack = distance(seg.ack, self.irs)
        if ack < self.acked:
            return f"acknowledgement goes back from {self.acked} to {ack}"
        if ack > 0 and not self.arrived.covers(0, ack):
            return f"acknowledges {ack}, of which has arrived {self.arrived.items}"
        self.acked = ack
        unit = 1 << (self.scale if self._scaled(seg) else 0)
        edge = ack + seg.window * unit
        if edge + unit <= self.edge:
            return f"the window's edge goes back from {self.edge} to {edge}"
        self.edge = max(self.edge, edge)
        blocks = seg.options.get(5, b"")
        for i in range(0, len(blocks), 8):
            left, right = (distance(int.from_bytes(blocks[i + j : i + j + 4], "big"), self.irs) for j in (0, 4))
            if not left < right or not self.arrived.covers(left, right):
                return f"SACK block {left}:{right}, of which has arrived {self.arrived.items}"
        return ""

    def _sends(self, seg: TcpSegment, at: int) -> str:
        size = len(seg.payload)
        end = at + size
        if size and end > self.peer_edge:
            return f"sends up to {end}, the peer takes no more than {self.peer_edge}"
        if size + seg.header_len - 20 > self.peer_mss:
            return f"{size} bytes of text for an MSS of {self.peer_mss}"
        if size and at >= 1:
            if not self._same(at - 1, seg.payload):
                return f"other text at {at} than when it was first sent"
            if 0 <= self.fin_at < end:
                return f"text up to {end} behind the FIN at {self.fin_at}"
        if seg.flags & FIN:
            if self.fin_at not in (-1, end):
                return f"FIN at {end}, and another at {self.fin_at}"
            self.fin_at = end
        return ""

    def _same(self, start: int, text: bytes) -> bool:
        """Text is what it was; what is new is kept."""
        end = start + len(text)
        if end > len(self.sent):
            more = bytes(end - len(self.sent))
            self.sent += more
            self.known += more
        if any(self.known[start:end]):
            old, seen = self.sent[start:end], self.known[start:end]
            if old != text and any(k and a != b for a, b, k in zip(old, text, seen, strict=True)):
                return False
        self.sent[start:end] = text
        self.known[start:end] = b"\1" * len(text)
        return True

    def _stamps(self, seg: TcpSegment) -> str:
        stamp = seg.options.get(8)
        if stamp is None:
            return ""
        value = int.from_bytes(stamp[:4], "big")
        if self.stamp >= 0 and distance(value, self.stamp) < 0:
            return f"time stamp goes back from {self.stamp} to {value}"
        self.stamp = value
        return ""


class Witness(WrapperLink):
    """Wraps the link of `nic`; every frame also goes into `digest`, which is the same for each run of a seed."""

    def __init__(self, inner: LinkEndpoint, clock: Clock, name: str) -> None:
        super().__init__(inner, inner.capabilities)
        self.clock = clock
        self.name = name
        self.nic: Nic | None = None
        self.shrinking = 0  # packets that wait for a neighbour were cut for a larger MTU
        self.flows: dict[FlowKey, Flow] = {}
        self.digest = hashlib.blake2b()
        self.frames = 0

    def received(self, packets: list[RxPacket]) -> None:
        for pkt in packets:
            seg = tcp_of(pkt.frame())
            if seg is None or not seg.ok or self.nic is None or not self.nic.up:
                continue
            flow = self.flows.get((seg.dst, seg.src, seg.dport, seg.sport))
            if seg.flags & (SYN | ACK) == SYN and (flow is None or (flow.irs != seg.seq and not self._lives(seg))):
                flow = self.flows[(seg.dst, seg.src, seg.dport, seg.sport)] = Flow(-1)
            if flow is not None:
                flow.heard(seg)
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)

    def _lives(self, seg: TcpSegment) -> bool:
        """What came in belongs to a connection."""
        key = seg.src + seg.dst + seg.sport.to_bytes(2, "big") + seg.dport.to_bytes(2, "big")
        return self.nic is not None and key in self.nic.stack.tcp.demux.connected

    def write_packets(self, batch: list[TxPacket]) -> int:
        for pkt in batch:
            frame = pkt.join()
            self.frames += 1
            self.digest.update(b"%d %s" % (self.clock.now_ns(), self.name.encode()) + frame)
            if self.nic is not None and not self.shrinking and len(frame) - 14 > self.nic.mtu:
                self._complain(f"a packet of {len(frame) - 14} bytes, MTU {self.nic.mtu}")
            seg = tcp_of(frame)
            if seg is not None and self.nic is not None and seg.src in self.nic.addresses:
                self._judge(seg)
        return self.inner.write_packets(batch)

    def _judge(self, seg: TcpSegment) -> None:
        key = (seg.src, seg.dst, seg.sport, seg.dport)
        if not seg.ok:
            self._complain("a wrong checksum")
        flow = self.flows.get(key)
        if seg.flags & SYN and (flow is None or flow.iss != seg.seq):
            flow = self._begin(key, flow, seg)
        if flow is None or flow.iss < 0:
            return  # a reset for a connection that never was
        problem = flow.says(seg)
        if problem:
            self._complain(f"{seg.sport} to {seg.dport}: {problem}")
        endpoint = self.nic.stack.tcp.demux.connected.get(wire_key(seg)) if self.nic is not None else None
        problem = check_endpoint(endpoint)
        if problem:
            self._complain(f"{seg.sport} to {seg.dport}: {problem}")

    def _begin(self, key: FlowKey, old: Flow | None, seg: TcpSegment) -> Flow:
        """A SYN with a number of its own: a new connection, or our answer to one that is known already."""
        if seg.flags & ACK and old is not None:
            old.iss = seg.seq
            old.offers.add(seg.seq)
            return old
        flow = self.flows[key] = Flow(seg.seq)
        return flow

    def _complain(self, problem: str) -> None:
        raise Violation(f"{self.name} at {self.clock.now_ns() / 1e9:.6f} s sends {problem}")


def wire_key(seg: TcpSegment) -> bytes:
    """What the demultiplexer knows our end of an outgoing segment by."""
    return b"".join((seg.dst, seg.src, seg.dport.to_bytes(2, "big"), seg.sport.to_bytes(2, "big")))
