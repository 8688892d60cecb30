"""What identifies a flow in one direction, and the same the other way round.

A tuple is (protocol, source, destination, source port, destination port). ICMP queries have their identifier in place of
the source port and type << 8 | code in place of the destination port, as Linux has it (net/netfilter/nf_conntrack_proto_icmp.c);
protocols without ports have zeros.
"""

from __future__ import annotations

from typing import Final

from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

FlowTuple = tuple[int, bytes, bytes, int, int]

ORIGINAL: Final = 0
REPLY: Final = 1

PORT_PROTOCOLS: Final = frozenset((IPPROTO_TCP, IPPROTO_UDP))
_ANSWERS_V4: Final = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
_ANSWERS_V6: Final = {128: 129, 129: 128}
REQUESTS: Final = {IPPROTO_ICMP: frozenset((8, 13, 15, 17)), IPPROTO_ICMPV6: frozenset((128,))}
"""ICMP messages that begin a flow."""
ICMP_ERRORS: Final = {IPPROTO_ICMP: frozenset((3, 4, 11, 12)), IPPROTO_ICMPV6: frozenset((1, 2, 3, 4))}
"""ICMP messages that quote a packet of another flow."""


def address(flow: FlowTuple, which: int) -> bytes:
    """The source (1) or destination (2)."""
    return flow[1] if which == 1 else flow[2]


def port(flow: FlowTuple, which: int) -> int:
    """The source's (1) or destination's (2) port; of an ICMP query its identifier."""
    return flow[3] if which == 1 or flow[0] in REQUESTS else flow[4]


def changed(flow: FlowTuple, which: int, addr: bytes, number: int) -> FlowTuple:
    """The same with another source (1) or destination (2), and its port or the identifier."""
    protocol, src, dst, first, second = flow
    at_first = which == 1 or protocol in REQUESTS
    return (
        protocol,
        addr if which == 1 else src,
        dst if which == 1 else addr,
        number if at_first else first,
        second if at_first else number,
    )


def is_query(protocol: int, kind: int) -> bool:
    """An ICMP message with an identifier."""
    return kind in (_ANSWERS_V4 if protocol == IPPROTO_ICMP else _ANSWERS_V6)


def invert(flow: FlowTuple) -> FlowTuple:
    """The answer's tuple."""
    protocol, src, dst, first, second = flow
    if protocol in REQUESTS:
        answers = _ANSWERS_V4 if protocol == IPPROTO_ICMP else _ANSWERS_V6
        return protocol, dst, src, first, answers[second >> 8] << 8 | second & 0xFF
    return protocol, dst, src, second, first


def read(data: bytes | memoryview, at: int, end: int, protocol: int, src: bytes, dst: bytes) -> FlowTuple | None:
    """The tuple of a packet whose transport header is at data[at:end]; None when it is cut short or has none."""
    if protocol in PORT_PROTOCOLS:
        if end - at < 8:
            return None
        return protocol, src, dst, data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
    if protocol in REQUESTS:
        if end - at < 8 or not is_query(protocol, data[at]):
            return None
        return protocol, src, dst, data[at + 4] << 8 | data[at + 5], data[at] << 8 | data[at + 1]
    return protocol, src, dst, 0, 0
