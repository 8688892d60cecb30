"""One packet on its way through the hooks: what rules look at, and the one place where headers are rewritten.

It stands for a received packet (`rx`) until that is delivered or forwarded, and for a packet to send (`tx`) after that.
Checksums are adjusted, not computed anew (RFC 1624), so that a packet that was damaged before stays damaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, RxPacket, TxPacket
from tcpip.checksum import finish, partial_sum
from tcpip.filter import flow_tuple
from tcpip.filter.flow_tuple import FlowTuple
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP
from tcpip.transport.protocol import transport_checksum_ok

if TYPE_CHECKING:
    from tcpip.filter.connection import Connection
    from tcpip.stack.nic import Nic
    from tcpip.transport.protocol import PacketHandler
    from tcpip.transport.socket_options import SocketOptions

NEW: Final = 1
ESTABLISHED: Final = 2
RELATED: Final = 4
INVALID: Final = 8
UNTRACKED: Final = 16

SRC: Final = 1
DST: Final = 2
"""Which end's address and port are rewritten."""

QUOTE_ROOM: Final = 160
"""Bytes of an ICMP error that are looked at: its header, an IP header with options or extensions, eight bytes more."""
_CSUM_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6, IPPROTO_ICMP: 2, IPPROTO_ICMPV6: 2}
_HEADER_LEN: Final = {IPPROTO_TCP: 20, IPPROTO_UDP: 8, IPPROTO_ICMP: QUOTE_ROOM, IPPROTO_ICMPV6: QUOTE_ROOM}


class FilteredPacket:
    """`data[network:end]` is the IP packet, or as much of its front as is needed; `length` is all of it.

    `state` is one of NEW … UNTRACKED, `connection` and `direction` whose packet it is (None when nobody's). `mark` is
    what routing rules look at. `socket` holds the options of the local socket that sent it. `max_fragment` is the
    largest fragment it came in, 0 for a whole packet. `intercepted`: it goes to local sockets whatever its address,
    and `listener` is the one that takes new flows. `known` is the packet whose connection it has: the same one as it was
    sent, on the loopback, or the one that it answers. `untracked`: it belongs to nobody. `rerouted`: it is to be routed by
    another mark than before. `steps`: what programs of nf_tables have cost so far.
    """

    __slots__ = (
        "rx",
        "tx",
        "data",
        "network",
        "transport",
        "end",
        "length",
        "src",
        "dst",
        "protocol",
        "in_nic",
        "out_nic",
        "flow",
        "connection",
        "direction",
        "state",
        "mark",
        "socket",
        "max_fragment",
        "intercepted",
        "listener",
        "known",
        "untracked",
        "rerouted",
        "traced",
        "trace_number",
        "steps",
    )

    def __init__(self) -> None:
        self.rx: RxPacket | None = None
        self.tx: TxPacket | None = None
        self.data = b""
        self.network = self.transport = self.end = self.length = self.protocol = 0
        self.src = self.dst = b""
        self.in_nic: Nic | None = None
        self.out_nic: Nic | None = None
        self.flow: FlowTuple | None = None
        self.connection: Connection | None = None
        self.direction = flow_tuple.ORIGINAL
        self.state = UNTRACKED
        self.mark = 0
        self.socket: SocketOptions | None = None
        self.max_fragment = 0
        self.intercepted = False
        self.listener: PacketHandler | None = None
        self.known: FilteredPacket | None = None
        self.untracked = False
        self.rerouted = False
        self.traced = False
        self.trace_number = 0
        self.steps = 0

    def received(self, pkt: RxPacket) -> None:
        """Stand for a received packet, header checked."""
        self.rx = pkt
        self.data = pkt.data
        self.network, self.transport, self.end = pkt.network, pkt.transport, pkt.end
        self.length = pkt.end - pkt.network
        self.src, self.dst, self.protocol = pkt.src, pkt.dst, pkt.protocol
        self.in_nic = pkt.nic
        self._read_flow()

    def sent(self, pkt: TxPacket, protocol: int) -> None:
        """Stand for a packet to send, IP header in front and no link header yet; `rx` stays what it was received as."""
        self.tx = pkt
        if not pkt.gso_size:
            _pull(pkt, pkt.transport + _HEADER_LEN.get(protocol, 0))
        data = bytes(pkt.header)
        self.data = data
        self.network, self.transport, self.end = 0, pkt.transport, len(data)
        self.length = len(data) + pkt.payload_len
        self.protocol = protocol
        self.src, self.dst = (data[12:16], data[16:20]) if data[0] >> 4 == 4 else (data[8:24], data[24:40])
        self._read_flow()

    def _read_flow(self) -> None:
        if self.later_fragment():
            self.flow = None
        else:
            self.flow = flow_tuple.read(self.data, self.transport, self.end, self.protocol, self.src, self.dst)

    def later_fragment(self) -> bool:
        """A fragment but the first, which only a raw socket sends."""
        return len(self.src) == 4 and bool(self.data[self.network + 6] & 0x1F or self.data[self.network + 7])

    def read(self, at: int, count: int) -> bytes:
        """data[at : at + count], where `data` may go on beyond what was looked at; fewer when the packet ends."""
        if at + count <= self.end:
            return self.data[at : at + count]
        if self.tx is None:
            return self.data[at : self.end]
        return self.tx.join()[at : at + count]

    def need(self, size: int) -> None:
        """data[:size] is to be rewritten: as much of it as there is shall be in `data`."""
        tx = self.tx
        if tx is not None and self.end < size and not tx.gso_size:
            _pull(tx, size)
            self.data = bytes(tx.header)
            self.end = len(self.data)

    @property
    def four(self) -> bool:
        """An IPv4 packet."""
        return len(self.src) == 4

    def is_icmp_error(self) -> bool:
        """An ICMP message that quotes a packet of another flow."""
        errors = flow_tuple.ICMP_ERRORS.get(self.protocol)
        return errors is not None and self.transport < self.end and self.data[self.transport] in errors

    def transport_len(self) -> int:
        """Bytes from the transport header to the end of the packet."""
        return self.length - (self.transport - self.network)

    def checksum_ok(self) -> bool:
        """The transport checksum of a received packet; what we send ourselves is right."""
        pkt = self.rx
        if pkt is None:
            return True
        if pkt.protocol == IPPROTO_ICMP:
            return not partial_sum(memoryview(pkt.data)[pkt.transport : pkt.end])
        if pkt.protocol == IPPROTO_UDP and not any(pkt.data[pkt.transport + 6 : pkt.transport + 8]):
            return pkt.gso_size == 0
        if pkt.protocol in _CSUM_AT and not transport_checksum_ok(pkt):
            return False
        if pkt.csum == CSUM_NONE and pkt.protocol in _CSUM_AT:
            pkt.csum = CSUM_VALID
        return True

    def checksum_is_partial(self) -> bool:
        """The transport checksum is still to be completed."""
        pkt = self.tx if self.tx is not None else self.rx
        return pkt is not None and pkt.csum == CSUM_PARTIAL and self.protocol != IPPROTO_ICMP

    def rewrite(self, which: int, addr: bytes, port: int) -> None:
        """Another address, and another port or ICMP identifier (of ICMP errors only the address)."""
        cut = min(self.end, self.transport + 20)
        head = bytearray(self.data[:cut])
        pseudo = set_address(head, self.network, which, addr)
        at = self.transport
        changed = 0
        if self.flow is not None and self.protocol in _CSUM_AT:
            where = at + 4 if self.protocol in flow_tuple.REQUESTS else at if which == SRC else at + 2
            changed = port - (head[where] << 8 | head[where + 1])
            head[where : where + 2] = port.to_bytes(2, "big")
        field = _CSUM_AT.get(self.protocol, 0)
        if field and at + field + 2 <= cut:
            if self.protocol == IPPROTO_ICMP:
                pseudo = 0
            self._adjust(head, at + field, pseudo, changed)
        self.replace(head, cut)

    def _adjust(self, head: bytearray, at: int, pseudo: int, changed: int) -> None:
        old = head[at] << 8 | head[at + 1]
        if self.checksum_is_partial():
            head[at : at + 2] = ((old + pseudo) % 0xFFFF).to_bytes(2, "big")
        elif old or self.protocol != IPPROTO_UDP:
            adjust(head, at, pseudo + changed)
            if self.protocol == IPPROTO_UDP and not head[at] and not head[at + 1]:
                head[at] = head[at + 1] = 0xFF

    def replace(self, head: bytearray, cut: int) -> None:
        """`head` in place of data[:cut], of the same length; addresses are read again."""
        data = bytes(head) + self.data[cut:]
        self.data = data
        at = self.network
        self.src, self.dst = (
            (data[at + 12 : at + 16], data[at + 16 : at + 20])
            if data[at] >> 4 == 4
            else (data[at + 8 : at + 24], data[at + 24 : at + 40])
        )
        self._read_flow()
        pkt = self.rx
        if self.tx is not None:
            self.tx.header = data
        elif pkt is not None:
            pkt.data = data
            pkt.src, pkt.dst = self.src, self.dst
            pkt.key = self.src + self.dst + data[pkt.transport : min(pkt.transport + 4, pkt.end)]


def set_address(head: bytearray, at: int, which: int, addr: bytes) -> int:
    """Write one address of the IP header at head[at:], and its checksum; the change of the pseudo-header's sum."""
    size = len(addr)
    where = at + (12 if size == 4 else 8) + (0 if which == SRC else size)
    delta = partial_sum(addr) - partial_sum(head[where : where + size])
    head[where : where + size] = addr
    if size == 4:
        adjust(head, at + 10, delta)
    return delta


def adjust(head: bytearray, at: int, delta: int) -> None:
    """The checksum field at head[at:] after the sum of what it covers has changed by `delta` (RFC 1624 3)."""
    old = head[at] << 8 | head[at + 1]
    head[at : at + 2] = finish(0xFFFF - old + delta).to_bytes(2, "big")


def _pull(pkt: TxPacket, size: int) -> None:
    """Take payload into the header until that has `size` bytes, if there are so many."""
    missing = size - len(pkt.header)
    if missing <= 0 or not pkt.payload_len:
        return
    body = b"".join(pkt.payload)
    pkt.header = bytes(pkt.header) + body[:missing]
    pkt.payload = [body[missing:]]
    pkt.payload_len = len(body) - min(missing, len(body))
