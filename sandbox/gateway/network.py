"""Network: what the kernel knows of its network (`Kernel.net`): the stack, who may talk to whom, what was counted."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.gateway.counters import Counters
from sandbox.gateway.egress_guard import DNS_PORT
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.sockets.inet.own_links import own_link
from sandbox.text import printable
from tcpip.addr import IPV4_BROADCAST, is_any, is_loopback, is_multicast, unmapped
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6

if TYPE_CHECKING:
    from sandbox.gateway.egress_guard import EgressGuard
    from sandbox.gateway.late_gateway import LateGateway
    from sandbox.gateway.loopback import Forwarder, Mirror
    from sandbox.gateway.operator import Operator
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task
    from sandbox.reactor import Reactor
    from sandbox.sockets.inet.queued_link import Backlog
    from sandbox.sockets.inet.socket import InetSocket
    from sandbox.sockets.netlink.family import PortTable
    from sandbox.sockets.netlink.netfilter.batch import Nftables
    from sandbox.sockets.netlink.notify import Notifier
    from tcpip.addr import SockAddr
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint

DELIVERY_NS: Final = 1_500_000_000
"""How long what was sent may take to leave after the last process has ended: one lost solicitation or segment is made up
for."""
_PORTLESS: Final = (IPPROTO_ICMP, IPPROTO_ICMPV6)


def who(t: Task) -> str:
    """A process, for the log: its name is what it likes, and stays on one line."""
    return f"pid {t.group.ids.top()} ({printable(t.comm.decode('utf-8', 'replace'))})"


class Totals:
    """How much there is in all network namespaces, for the bounds."""

    __slots__ = ("sockets", "packet_rings", "veth_bytes", "uevents", "backlog")

    def __init__(self) -> None:
        self.sockets = 0
        self.packet_rings = 0
        self.veth_bytes = 0  # on their way between namespaces
        self.uevents = 0  # the number of the last one
        self.backlog: Backlog | None = None  # where packets of guests' links wait


class Network:
    """`kind` as on the command line. `guard` None: the surrounding network decides.

    `resolv_conf` and `hosts` are the contents of the files of that name inside.
    """

    def __init__(self, stack: Stack, kind: str) -> None:
        self.stack = stack
        self.kind = kind
        self.guard: EgressGuard | None = None
        self.counters = Counters()
        self.sockets: set[InetSocket] = set()
        self.totals = Totals()  # a network namespace has those of the sandbox
        self.owner: NetNamespace | None = None  # None: of the sandbox
        self.ids: dict[Network, int] = {}  # the numbers that other namespaces have here
        self.observers: set[Network] = set()  # where this one has a number
        self.netlink_ports: PortTable | None = None
        self.ended = False  # it gets no numbers any more
        self.notifier: Notifier | None = None  # since somebody has joined a group
        self.nftables: Nftables | None = None
        self.mirror: Mirror | None = None
        self.gateway: LateGateway | None = None  # of `user` and `internal`
        self.resolv_conf = b""
        self.hosts = b""
        self.capture = ""  # where the packets are written to, for the summary
        self._closers: list[Callable[[], None]] = []
        self._forwarder: Forwarder | None = None
        self._operator: Operator | None = None

    def user(self) -> UserNamespace:
        """Who may administer it."""
        return INITIAL if self.owner is None else self.owner.user

    def check(self, t: Task, protocol: int, where: SockAddr) -> None:
        """connect(2) or sendto(2) to `where`: EACCES at once when no rule allows it."""
        guard = self.guard
        if guard is None:
            return
        address = unmapped(where.addr)
        if address in guard.own or self._stays_inside(address):
            return
        port = 0 if protocol in _PORTLESS else where.port
        if guard.permits(protocol, address, port):
            if guard.on_verdict is not None:
                guard.allowed(who(t), protocol, address, port)
            return
        guard.refused(who(t), protocol, address, port)
        raise SyscallError(errno.EACCES)

    def sent(self, t: Task, protocol: int, where: SockAddr, endpoint: Endpoint) -> None:
        """`t` has connected or sent to `where`: the name service's log lines will name it."""
        guard = self.guard
        if where.port == DNS_PORT and guard is not None and unmapped(where.addr) in guard.own:
            guard.note_asker(protocol, endpoint.getsockname().port, who(t))

    def _stays_inside(self, address: bytes) -> bool:
        """Loopback, this machine, what no gateway carries on anyway, or what leaves by an interface that a guest has made: if
        it comes to the gateway after all, that decides."""
        if is_loopback(address) or is_any(address) or is_multicast(address) or address == IPV4_BROADCAST:
            return True
        if self.stack.is_local(address):
            return True
        if all([own_link(nic) is None for nic in self.stack.nics.values()]):
            return False
        try:
            return own_link(self.stack.find_route(address).nic) is not None
        except NetworkError:
            return False

    def forward(self, reactor: Reactor, fd: int, port: int) -> None:
        """A connected stream of the host, the network's from now on, goes on to a port of the loopback inside."""
        if self._forwarder is None:
            from sandbox.gateway.loopback import Forwarder

            self._forwarder = Forwarder(self.stack, reactor, self.counters)
            self.on_close(self._forwarder.close)
        self._forwarder.forward(fd, port)

    def operator(self, kernel: Kernel) -> Operator:
        """For who runs the sandbox."""
        if self._operator is None:
            from sandbox.gateway.operator import Operator

            self._operator = Operator(kernel, self)
        return self._operator

    def find_nic(self, name: str) -> Nic | None:
        """An interface by name."""
        return self.stack.find_nic(name)

    def deliver_rest(self, reactor: Reactor) -> None:
        """Processes are gone, and a kernel goes on: what they have sent leaves, as far as it can within `DELIVERY_NS`."""
        stack = self.stack
        if not stack.has_undelivered():
            return

        def look() -> None:
            if not stack.has_undelivered():
                reactor.stop()

        reactor.add_before_sleep(look)
        reactor.call_at(reactor.clock.now_ns() + DELIVERY_NS, reactor.stop)
        reactor.run()

    def on_close(self, function: Callable[[], None]) -> None:
        """Run it when the network goes."""
        self._closers.append(function)

    def close(self) -> None:
        """Give back what is held on the host."""
        while self._closers:
            self._closers.pop()()

    def count_packets(self) -> None:
        """Bring the packet counters up to date: every NIC but the loopback."""
        nics = [nic for nic in self.stack.nics.values() if not nic.loopback]
        self.counters.packets_in = sum(nic.rx_packets for nic in nics)
        self.counters.packets_out = sum(nic.tx_packets for nic in nics)

    def summary(self) -> list[str]:
        """Lines for the end of a run."""
        self.count_packets()
        lines = self.counters.lines()
        return [*lines, f"capture: {self.capture}"] if self.capture else lines
