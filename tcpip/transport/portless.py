"""Whose a packet is that has no ports: the raw and the ping endpoints of a stack. What an endpoint is, is imported with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.buffer import RxPacket
from tcpip.errors import DropReason

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.ping import PingEndpoint
    from tcpip.transport.protocol import IcmpError
    from tcpip.transport.raw import RawEndpoint


class RawTable:
    """All raw endpoints of a stack, by address size and protocol."""

    __slots__ = ("stack", "endpoints", "alerted", "alerted6")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.alerted6: list[RawEndpoint] = []
        self.alerted: list[RawEndpoint] = []  # those with IP_ROUTER_ALERT
        self.endpoints: dict[tuple[int, int], list[RawEndpoint]] = {}

    def deliver(self, pkt: RxPacket) -> bool:
        """A copy for each that wants it; whether there was one."""
        taken = False
        for endpoint in self.endpoints.get((len(pkt.dst), pkt.protocol), ()):
            if endpoint.wants(pkt):
                endpoint.handle_packet(pkt)
                taken = True
        return taken

    def take_alert(self, pkt: RxPacket) -> bool:
        """A packet on its way through with a router alert (ip_call_ra_chain): whether somebody has taken it."""
        taken = False
        for endpoint in self.alerted:
            nic = pkt.nic.number if pkt.nic is not None else 0
            if endpoint.protocol == pkt.protocol and endpoint.options.nic in (0, nic):
                endpoint.handle_packet(pkt)
                taken = True
        return taken

    def take_alert_6(self, pkt: RxPacket, value: int) -> bool:
        """The same with IPV6_ROUTER_ALERT, for alerts of one `value` (ip6_call_ra_chain)."""
        taken = False
        for endpoint in self.alerted6:
            nic = pkt.nic.number if pkt.nic is not None else 0
            if endpoint.alert_value == value and endpoint.options.nic in (0, nic):
                endpoint.enqueue_filtered(pkt, pkt.network)
                taken = True
        return taken


class PingTable:
    """All ping endpoints of a stack, by identifier and family."""

    __slots__ = ("stack", "endpoints")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.endpoints: dict[tuple[int, int], list[PingEndpoint]] = {}

    def deliver(self, pkt: RxPacket, identifier: int) -> None:
        """An echo reply."""
        for endpoint in self.endpoints.get((len(pkt.dst), identifier), ()):
            if endpoint.wants(pkt):
                endpoint.handle_packet(pkt)
                return
        self.stack.stats.drop(DropReason.NO_ENDPOINT, pkt)

    def sender_of(self, error: IcmpError, request_type: int) -> PingEndpoint | None:
        """Whose echo request an error quotes."""
        if error.quoted[0] != request_type:
            return None
        identifier = error.quoted[4] << 8 | error.quoted[5]
        found = self.endpoints.get((len(error.dst), identifier))
        return found[0] if found else None

    def deliver_error(self, error: IcmpError, request_type: int) -> None:
        """An error that quotes an echo request."""
        endpoint = self.sender_of(error, request_type)
        if endpoint is not None:
            endpoint.handle_error(error)
