"""EgressFilter: `--allow` on a network that is not ours: packets that no rule covers do not leave.

It wraps the link, so it stands below every socket, raw ones too. Answers to what came in from outside pass.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from sandbox.gateway import flow_key
from sandbox.gateway.flow_key import FlowKey, read_flow_key
from tcpip.addr import is_link_local, is_multicast
from tcpip.link.base import LinkEndpoint, WrapperLink

if TYPE_CHECKING:
    from sandbox.gateway.egress_guard import EgressGuard
    from tcpip.buffer import RxPacket, TxPacket

MAX_INBOUND: Final = 8192
HEAD: Final = 128  # bytes that hold every header that is read
_ETHERTYPE_ARP: Final = b"\x08\x06"
_SYN: Final = 0x02
_SYN_RST_ACK: Final = 0x16
_IGMP: Final = 2
_HOP_BY_HOP: Final = 0
_MLD_TYPES: Final = frozenset((131, 132, 143))  # behind a hop-by-hop header (RFC 3810 5)
_NEIGHBOR_TYPES: Final = frozenset((133, 135, 136))  # router solicitation, neighbour discovery
_PAIR_TYPES: Final = frozenset((135, 136))  # those that one neighbour sends to another
_PROTOCOLS: Final = (flow_key.TCP, flow_key.UDP, flow_key.ICMPV6)
_ECHO_REPLY: Final = {flow_key.ICMP: 0, flow_key.ICMPV6: 129}
_ECHO_REQUEST: Final = {flow_key.ICMP: 8, flow_key.ICMPV6: 128}


class EgressFilter(WrapperLink):
    """`inner` is an Ethernet link."""

    def __init__(self, inner: LinkEndpoint, guard: EgressGuard) -> None:
        super().__init__(inner, inner.capabilities)
        self._guard = guard
        self._inbound: OrderedDict[bytes, None] = OrderedDict()  # keys of what may be answered

    def write_packets(self, batch: list[TxPacket]) -> int:
        passed = [packet for packet in batch if self._may_leave(packet)]
        if passed:
            self.inner.write_packets(passed)
        return len(batch)  # what was refused is not the link's failure

    def received(self, packets: list[RxPacket]) -> None:
        for packet in packets:
            self._note_inbound(packet)
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)

    def _may_leave(self, packet: TxPacket) -> bool:
        head = bytes(packet.header)
        if len(head) < HEAD:
            head += b"".join(bytes(part[:HEAD]) for part in packet.payload[:2])
        if head[12:14] == _ETHERTYPE_ARP:
            return True
        flow = read_flow_key(head, False)
        if flow is None:
            return False
        if flow.later_fragment:
            return self._fragment_may_leave(flow)
        message = head[flow.transport] if flow.transport < len(head) else -1
        if flow.protocol == _HOP_BY_HOP and len(flow.dst) == 16 and _is_mld(head, flow):
            return True
        if flow.protocol == _IGMP and is_multicast(flow.dst):
            return True
        if flow.protocol == flow_key.ICMPV6 and message in _NEIGHBOR_TYPES and self._is_neighbor(flow.dst):
            return True
        if flow.protocol not in _ECHO_REPLY:
            if flow.key in self._inbound:
                return True
        elif message == _ECHO_REPLY[flow.protocol]:
            return flow.key in self._inbound
        elif message != _ECHO_REQUEST[flow.protocol]:
            return self._known(flow.dst)  # an error, about something that came in
        port = flow.dst_port
        if self._guard.permits(flow.protocol, flow.dst, port):
            return True
        self._guard.refused("", flow.protocol, flow.dst, port)
        return False

    def _fragment_may_leave(self, flow: FlowKey) -> bool:
        """There are no ports in it: it passes where some port of the destination would do, or as part of an answer."""
        return self._known(flow.dst) or self._guard.permits_somehow(flow.protocol, flow.dst)

    def _is_neighbor(self, address: bytes) -> bool:
        """Neighbour discovery may go there: it stays on the wire, or answers the like, or a rule lets more go there."""
        if is_link_local(address) or address.startswith(b"\xff\x02") or b"\1" + address in self._inbound:
            return True
        return any(self._guard.permits_somehow(protocol, address) for protocol in _PROTOCOLS)

    def _known(self, address: bytes) -> bool:
        """Something came in from there."""
        return b"\0" + address in self._inbound

    def _note_inbound(self, packet: RxPacket) -> None:
        flow = read_flow_key(packet.frame())
        if flow is None or flow.later_fragment:
            return
        data, at = packet.frame(), flow.transport
        if flow.protocol == flow_key.TCP:
            if at + 14 > flow.end or data[at + 13] & _SYN_RST_ACK != _SYN:
                return
        elif flow.protocol in _ECHO_REQUEST:
            if at < flow.end and flow.protocol == flow_key.ICMPV6 and data[at] in _PAIR_TYPES:
                self._remember(b"\1" + flow.src)
            if at >= flow.end or data[at] != _ECHO_REQUEST[flow.protocol]:
                return
        elif flow.protocol != flow_key.UDP:
            return
        answer = FlowKey(flow.dst, flow.src, flow.protocol, 0, 0)
        answer.ports = flow.ports[2:] + flow.ports[:2]
        self._remember(answer.key)
        self._remember(b"\0" + flow.src)

    def _remember(self, key: bytes) -> None:
        self._inbound[key] = None
        self._inbound.move_to_end(key)
        if len(self._inbound) > MAX_INBOUND:
            self._inbound.popitem(last=False)


def _is_mld(head: bytes, flow: FlowKey) -> bool:
    """A report to a group of this wire, behind a hop-by-hop header."""
    at = flow.transport
    if not flow.dst.startswith(b"\xff\x02") or at + 2 > len(head) or head[at] != flow_key.ICMPV6:
        return False
    message = at + 8 * (head[at + 1] + 1)
    return message < len(head) and head[message] in _MLD_TYPES
