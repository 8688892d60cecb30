"""Docker's resolver at 127.0.0.11, which listens on the loopback of a container's network namespace of the host.

On a network of the user's own, dockerd binds two ports of its choice to 127.0.0.11 in that namespace, where rules of
netfilter lead what is sent to port 53. The sandbox has taken the namespace over, and the sentry stays in it; its stack has
a loopback of its own. As Docker's rules stand before all sockets of a container, what a guest sends to 127.0.0.11 port 53
leaves its loopback for a small stack behind it, whose flows go on over host sockets to just that address and port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.gateway import flow_key, icmp_reply
from sandbox.gateway.egress_guard import DNS_PORT
from sandbox.gateway.flow_key import ETHERNET, FlowKey, read_flow_key
from sandbox.gateway.outlet import Outlet
from tcpip.addr import IPV4_ANY
from tcpip.buffer import RxPacket
from tcpip.link.loopback import LoopbackLink

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.reactor import Reactor
    from tcpip.buffer import TxPacket
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.transport.forwarder import FlowRequest

ADDRESS: Final = b"\x7f\x00\x00\x0b"
_IN_PROC: Final = "0B00007F:"  # proc_pid_net(5): host byte order
_TABLES: Final = ("/proc/self/net/udp", "/proc/self/net/tcp")
_HEAD: Final = 68  # the longest IPv4 header and the ports
_ETHERNET_HEADER: Final = bytes(12) + flow_key.ETHERTYPE_IPV4


def is_here() -> bool:
    """In the network namespace that this process is in, somebody has a socket at the address."""
    for table in _TABLES:
        try:
            with open(table, encoding="ascii") as file:
                if any(row.split()[1].startswith(_IN_PROC) for row in file):
                    return True
        except OSError:
            continue
    return False


def _is_asked(pkt: TxPacket) -> bool:
    """To the address, TCP or UDP, to port 53; of a fragmented packet the first part."""
    if pkt.header[16:20] != ADDRESS or pkt.header[0] >> 4 != 4:
        return False
    head = bytes(pkt.header[:_HEAD])
    if len(head) < _HEAD:
        head += b"".join(bytes(part[:_HEAD]) for part in pkt.payload[:2])
    flow = read_flow_key(_ETHERNET_HEADER + head, False)
    return flow is not None and flow.protocol in (flow_key.TCP, flow_key.UDP) and flow.dst_port == DNS_PORT


class _GuestLoopback(LoopbackLink):
    """The guest's `lo`: the resolver's packets take the other way."""

    def __init__(self, resolver: EmbeddedResolver) -> None:
        super().__init__()
        self._resolver = resolver

    def write_packets(self, batch: list[TxPacket]) -> int:
        own: list[TxPacket] = []
        asked: list[RxPacket] = []
        for pkt in batch:
            if _is_asked(pkt):
                asked.append(pkt.to_rx())
            else:
                own.append(pkt)
        super().write_packets(own)
        if asked:
            self._resolver.deliver(asked)
        return len(batch)


class _ResolverLoopback(LoopbackLink):
    """The `lo` of the stack behind: all that it sends is an answer to the guest."""

    def __init__(self, guest: Nic) -> None:
        super().__init__()
        self._guest = guest

    def write_packets(self, batch: list[TxPacket]) -> int:
        self._guest.deliver([pkt.to_rx() for pkt in batch])
        return len(batch)


class EmbeddedResolver(Outlet):
    """`stack`: an empty one with a loopback, that becomes the resolver's. `guest`: the guest's loopback."""

    def __init__(
        self, stack: Stack, guest: Nic, reactor: Reactor, counters: Counters, warn: Callable[[str], None]
    ) -> None:
        super().__init__(stack, reactor, counters, warn)
        assert stack.lo is not None
        self._guest = guest
        self._nic = stack.lo
        _put_under(self._nic, _ResolverLoopback(guest))
        stack.add_route(IPV4_ANY, 0, b"", self._nic)  # a guest may ask from its other addresses
        _put_under(guest, _GuestLoopback(self))

    def deliver(self, packets: list[RxPacket]) -> None:
        self._nic.deliver(packets)

    def may_leave(self, request: FlowRequest) -> bool:
        return request.dst == ADDRESS and request.dst_port == DNS_PORT

    def unreachable(self, flow: FlowKey, packet: bytes, cause: tuple[int, int]) -> None:
        frame = icmp_reply.unreachable(flow, packet, cause, ADDRESS)
        self._guest.deliver([RxPacket(frame[ETHERNET:])])


def _put_under(nic: Nic, link: LoopbackLink) -> None:
    nic.link = link
    link.attach(nic)
