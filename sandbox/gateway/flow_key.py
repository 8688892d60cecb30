"""What the gateway reads of a packet: addresses, protocol, ports. Nothing is believed but bounds-checked bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket

ETHERNET: Final = 14
ETHERTYPE_IPV4: Final = b"\x08\x00"
ETHERTYPE_IPV6: Final = b"\x86\xdd"
TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
ICMPV6: Final = 58
FRAGMENT_HEADER: Final = 44


class FlowKey:
    """`transport`: offset of the transport header, `end`: of the packet's end. `later_fragment`: there are no ports.

    `ports` are the four bytes as they lie there, empty for protocols without.
    """

    __slots__ = ("src", "dst", "protocol", "ports", "network", "transport", "end", "later_fragment")

    def __init__(self, src: bytes, dst: bytes, protocol: int, transport: int, end: int) -> None:
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.ports = b""
        self.network = ETHERNET
        self.transport = transport
        self.end = end
        self.later_fragment = False

    @property
    def src_port(self) -> int:
        return self.ports[0] << 8 | self.ports[1] if self.ports else 0

    @property
    def dst_port(self) -> int:
        return self.ports[2] << 8 | self.ports[3] if self.ports else 0

    @property
    def key(self) -> bytes:
        """What names the flow."""
        return bytes((self.protocol,)) + self.src + self.dst + self.ports


def frame_of(pkt: RxPacket) -> bytes:
    """A packet that the stack has had, in an Ethernet frame again: what was put together of fragments has none."""
    kind = ETHERTYPE_IPV4 if len(pkt.src) == 4 else ETHERTYPE_IPV6
    return bytes(12) + kind + pkt.data[pkt.network : pkt.end]


def read_flow_key(frame: bytes, whole: bool = True) -> FlowKey | None:
    """None for what is not an IP packet in an Ethernet frame. `whole`: all of it is there, which is then checked;
    otherwise `frame` is its beginning, long enough for the headers."""
    kind = frame[12:14]
    if kind == ETHERTYPE_IPV4:
        flow = _ipv4(frame, whole)
    elif kind == ETHERTYPE_IPV6:
        flow = _ipv6(frame, whole)
    else:
        return None
    if flow is not None and not flow.later_fragment and flow.protocol in (TCP, UDP):
        if flow.transport + 8 > flow.end:
            return None
        flow.ports = frame[flow.transport : flow.transport + 4]
    return flow


def _ipv4(frame: bytes, whole: bool) -> FlowKey | None:
    if len(frame) < ETHERNET + 20 or frame[14] >> 4 != 4:
        return None
    header = (frame[14] & 15) * 4
    total = frame[16] << 8 | frame[17]
    end = ETHERNET + total if total and whole else len(frame)  # a super-segment may have no length that fits
    if header < 20 or end > len(frame) or ETHERNET + header > end:
        return None
    flow = FlowKey(frame[26:30], frame[30:34], frame[23], ETHERNET + header, end)
    flow.later_fragment = bool((frame[20] & 0x1F) << 8 | frame[21])
    return flow


def _ipv6(frame: bytes, whole: bool) -> FlowKey | None:
    if len(frame) < ETHERNET + 40 or frame[14] >> 4 != 6:
        return None
    length = frame[18] << 8 | frame[19]
    end = ETHERNET + 40 + length if length and whole else len(frame)
    if end > len(frame):
        return None
    flow = FlowKey(frame[22:38], frame[38:54], frame[20], ETHERNET + 40, end)
    if flow.protocol == FRAGMENT_HEADER:
        if flow.transport + 8 > end:
            return None
        at = flow.transport
        flow.protocol = frame[at]
        flow.later_fragment = bool((frame[at + 2] << 8 | frame[at + 3]) >> 3)
        flow.transport = at + 8
    return flow
