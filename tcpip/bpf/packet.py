"""A received packet as a program sees it, with what Linux knows of it beside its bytes.

Source: net/core/filter.c: bpf_internal_load_pointer_neg_helper, convert_bpf_extensions, bpf_skb_get_nlattr,
bpf_skb_get_pay_offset; linux/Documentation/networking/filter.rst.
"""

from __future__ import annotations

from random import Random
from typing import Final

from tcpip.bpf import opcodes as op
from tcpip.bpf.interpreter import BAD_LOAD, FilterInput
from tcpip.buffer import RxPacket
from tcpip.header.ethernet import HEADER_LEN
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772
ARPHRD_NONE: Final = 0xFFFE
_NLA_HEADER: Final = 4
_NLA_TYPE: Final = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER


class PacketInput(FilterInput):
    """`start`: the offset in the packet at which the socket's own view begins. There are no marks, queues, hashes or
    VLAN tags on what comes in, and one processor: they are 0."""

    __slots__ = ("pkt", "start", "random")

    def __init__(self, pkt: RxPacket, start: int, random: Random) -> None:
        super().__init__(pkt.end - start)
        self.pkt = pkt
        self.start = start
        self.random = random

    def load(self, offset: int, size: int) -> int:
        pkt = self.pkt
        if offset >= 0x80000000:
            if offset >= op.SKF_NET_OFF:
                at = pkt.network + offset - op.SKF_NET_OFF
            elif offset >= op.SKF_LL_OFF:
                return self._load_link(offset - op.SKF_LL_OFF, size)
            else:
                return BAD_LOAD
        else:
            at = self.start + offset
        if at + size > pkt.end:
            return BAD_LOAD
        return int.from_bytes(pkt.data[at : at + size], "big")

    def _load_link(self, offset: int, size: int) -> int:
        """From the link's header. The loopback has one of zeros; what has none begins with the packet itself."""
        pkt = self.pkt
        frame = pkt.link
        if pkt.nic is None or pkt.nic.loopback:
            header = bytes(HEADER_LEN - 2) + self._ethertype().to_bytes(2, "big")
            frame = pkt.network
            if offset < HEADER_LEN:
                both = header + pkt.data[frame : min(frame + size, pkt.end)]
                return int.from_bytes(both[offset : offset + size], "big") if len(both) >= offset + size else BAD_LOAD
            offset -= HEADER_LEN
        at = frame + offset
        return int.from_bytes(pkt.data[at : at + size], "big") if at + size <= pkt.end else BAD_LOAD

    def _ethertype(self) -> int:
        if self.pkt.ethertype:
            return self.pkt.ethertype
        return 0x0800 if len(self.pkt.dst) == 4 else 0x86DD

    def ancillary(self, what: int, a: int, x: int) -> int:
        pkt = self.pkt
        if what == op.SKF_AD_PROTOCOL:
            return self._ethertype()
        if what == op.SKF_AD_PKTTYPE:
            return pkt.kind
        if what == op.SKF_AD_IFINDEX:
            return pkt.nic.number if pkt.nic is not None else BAD_LOAD
        if what == op.SKF_AD_HATYPE:
            if pkt.nic is None:
                return BAD_LOAD
            return ARPHRD_LOOPBACK if pkt.nic.loopback else ARPHRD_ETHER if pkt.nic.mac else ARPHRD_NONE
        if what == op.SKF_AD_PAY_OFFSET:
            return self._payload_offset()
        if what == op.SKF_AD_RANDOM:
            return self.random.getrandbits(32)
        if what == op.SKF_AD_NLATTR:
            return self._find_attribute(a, x, self.length)
        if what == op.SKF_AD_NLATTR_NEST:
            return self._find_nested(a, x)
        return 0

    def _payload_offset(self) -> int:
        """Where the transport's payload begins (skb_get_poff)."""
        pkt = self.pkt
        at = pkt.transport
        offset = at - self.start
        if pkt.protocol == IPPROTO_TCP and at + 20 <= pkt.end:
            offset += max(20, (pkt.data[at + 12] >> 4) * 4)
        elif pkt.protocol in (IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6):
            offset += 8
        return min(max(offset, 0), self.length)

    def _find_attribute(self, at: int, kind: int, end: int) -> int:
        """The offset of a netlink attribute of a type, searched from `at`; 0 when there is none (nla_find)."""
        data, start = self.pkt.data, self.start
        while at + _NLA_HEADER <= end:
            length = data[start + at] | data[start + at + 1] << 8
            if length < _NLA_HEADER or at + length > end:
                return 0
            if (data[start + at + 2] | data[start + at + 3] << 8) & _NLA_TYPE == kind:
                return at
            at += length + 3 & ~3
        return 0

    def _find_nested(self, at: int, kind: int) -> int:
        if at + _NLA_HEADER > self.length:
            return 0
        length = self.pkt.data[self.start + at] | self.pkt.data[self.start + at + 1] << 8
        if length > self.length - at:
            return 0
        return self._find_attribute(at + _NLA_HEADER, kind, at + length)
