"""The gateway of the sandbox's own network: a second stack at the other end of the guest's cable.

Every frame of the guest passes `deliver`, which lets through to the gateway's stack only what belongs there: ARP and
neighbour discovery, the gateway's own services, and flows that the policy permits and that the egress parts carry
over ordinary host sockets. A raw socket of the guest's gets no further than any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway import flow_key, icmp_reply
from sandbox.gateway.flow_key import FlowKey, read_flow_key
from sandbox.gateway.outlet import Outlet
from sandbox.gateway.ping_egress import PingEgress
from tcpip.addr import is_link_local, is_multicast, is_v4_mapped
from tcpip.buffer import RxPacket, TxPacket

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.gateway.egress_guard import EgressGuard
    from sandbox.gateway.stream_service import StreamService
    from sandbox.reactor import Reactor
    from tcpip.link.base import LinkEndpoint
    from tcpip.stack.stack import Stack
    from tcpip.transport.forwarder import FlowRequest

_SYN: Final = 0x02
_FIN_SYN_RST_ACK: Final = 0x17
_ECHO: Final = {flow_key.ICMP: 8, flow_key.ICMPV6: 128}
_ETHERTYPE_ARP: Final = b"\x08\x06"

# The guest is at the other end of a cable that loses nothing: a SYN is lost only when a backlog is full for a moment.
_SYN_RTO_NS: Final = 50_000_000
_SYN_RETRIES: Final = 11  # as long in all as six with the usual time-out


def _stays(dst: bytes) -> bool:
    """For the gateway itself, or for everybody on the cable."""
    return is_multicast(dst) or dst in plan.OWN or (len(dst) == 16 and is_link_local(dst))


def _is_outward(src: bytes, dst: bytes) -> bool:
    """Not of a forged source, to which nothing could come back; nor to an address that is on no wire (RFC 4291)."""
    return src in plan.GUEST and not (len(dst) == 16 and is_v4_mapped(dst))


class Gateway(Outlet):
    """Owns the gateway's stack. `link` is the gateway's end of the cable; `services` makes its own TCP services, by port,
    when somebody first asks for them."""

    def __init__(
        self,
        stack: Stack,
        link: LinkEndpoint,
        reactor: Reactor,
        guard: EgressGuard,
        counters: Counters,
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(stack, reactor, counters, warn)
        self.guard = guard
        self._link = link
        self.services: dict[int, Callable[[], StreamService]] = {}
        self._running: dict[int, StreamService] = {}
        self.nic = stack.add_nic(link, "gateway")
        stack.tcp.config.syn_rto_ns, stack.tcp.config.syn_retries = _SYN_RTO_NS, _SYN_RETRIES
        stack.tcp.config.syn_linear_timeouts = 0
        self.nic.promiscuous = True
        self.nic.accept_ra = False
        for addr, length in (
            (plan.GATEWAY4, plan.PREFIX4_LEN),
            (plan.HOST4, 32),
            (plan.GATEWAY6, plan.PREFIX6_LEN),
            (plan.HOST6, 128),
        ):
            self.nic.add_address(addr, length, dad=False)
        link.attach(self)
        self.ping = PingEgress(self)

    # --- frames of the guest ---

    def deliver(self, packets: list[RxPacket]) -> None:
        """One batch from the guest."""
        own: list[RxPacket] = []
        for pkt in packets:
            if pkt.data[12:14] == _ETHERTYPE_ARP:
                own.append(pkt)
                continue
            flow = read_flow_key(pkt.data)
            if flow is not None and self._takes(flow, pkt):
                own.append(pkt)
        if own:
            self.nic.deliver(own)

    def _takes(self, flow: FlowKey, pkt: RxPacket) -> bool:
        """The gateway's stack may have it. What an egress part takes care of is passed on by that."""
        src, dst = flow.src, flow.dst
        if _stays(dst):
            return True
        if not _is_outward(src, dst):
            return False
        if flow.protocol == flow_key.TCP:
            return self._takes_tcp(flow, pkt)
        if flow.later_fragment:
            return flow.protocol == flow_key.UDP  # to the reassembler: without its first part it goes nowhere
        if flow.protocol == flow_key.UDP:
            return self._permitted(flow, pkt, flow.dst_port)
        if flow.protocol in _ECHO and flow.transport < flow.end:
            if pkt.data[flow.transport] != _ECHO[flow.protocol]:
                return True  # errors and the like end in the stack
            if self._permitted(flow, pkt, 0):
                if dst in plan.HOST:
                    return True
                self.ping.echo(flow, pkt)
            return False
        self._permitted(flow, pkt, 0)
        return False

    def _takes_tcp(self, flow: FlowKey, pkt: RxPacket) -> bool:
        """A SYN asks the policy; the rest belongs to connections of the stack, which resets what it does not know. What
        neither knows, and is permitted, the stack asks the egress parts about."""
        if flow.later_fragment or flow.transport + 20 > flow.end:
            return False
        if pkt.data[flow.transport + 13] & _FIN_SYN_RST_ACK != _SYN:
            return True
        return self._permitted(flow, pkt, flow.dst_port)

    def _permitted(self, flow: FlowKey, pkt: RxPacket, port: int) -> bool:
        if self.guard.permits(flow.protocol, flow.dst, port):
            return True
        self.guard.refused("", flow.protocol, flow.dst, port)
        self.unreachable(flow, pkt.data, icmp_reply.PROHIBITED)
        return False

    # --- for the egress parts ---

    def serves(self, request: FlowRequest) -> bool:
        """One of the gateway's own services takes it."""
        port = request.dst_port
        if request.dst not in (plan.GATEWAY4, plan.GATEWAY6) or port not in self.services:
            return False
        service = self._running.get(port)
        if service is None:
            service = self._running[port] = self.services[port]()
        service.take(request)
        return True

    def may_leave(self, request: FlowRequest) -> bool:
        """A flow that the gateway's stack asks about goes outwards, and the policy permits it."""
        if _stays(request.dst) or not _is_outward(request.src, request.dst):
            return False
        return self.guard.permits(request.protocol, request.dst, request.dst_port)

    def write_frame(self, frame: bytes) -> None:
        """A frame to the guest that no stack has made."""
        self._link.write_packets([TxPacket(frame, [], 0)])

    def unreachable(self, flow: FlowKey, packet: bytes, cause: tuple[int, int]) -> None:
        self.write_frame(icmp_reply.unreachable(flow, packet, cause))

    def sweep(self, now: int) -> bool:
        pings_left = self.ping.sweep(now)
        return super().sweep(now) or pings_left

    def close(self) -> None:
        super().close()
        self.ping.close()
