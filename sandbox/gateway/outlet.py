"""Outlet: a stack whose flows go on over ordinary host sockets, and what its egress parts ask of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Callable, Final

from sandbox.gateway.tcp_egress import TcpEgress
from sandbox.gateway.udp_egress import UdpEgress
from tcpip.clock import NS_PER_S
from tcpip.link.base import Dispatcher

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.gateway.flow_key import FlowKey
    from sandbox.reactor import Reactor
    from tcpip.stack.stack import Stack
    from tcpip.transport.forwarder import FlowRequest

SWEEP_NS: Final = 5 * NS_PER_S
MAX_LINES: Final = 16  # different complaints


class Outlet(Dispatcher):
    """Owns `stack`. `deliver` takes what the guest sends there."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters, warn: Callable[[str], None]) -> None:
        self.stack = stack
        self.reactor = reactor
        self.counters = counters
        self._warn = warn
        self._said: set[str] = set()
        self.tcp = TcpEgress(self)
        self.udp = UdpEgress(self)
        self._sweep = stack.timers.timer(self._run_sweep)

    def serves(self, request: FlowRequest) -> bool:
        """A TCP flow that the stack asks about is for a service of this side, which has taken it."""
        return False

    @abstractmethod
    def may_leave(self, request: FlowRequest) -> bool:
        """A flow that the stack asks about may go on."""

    @abstractmethod
    def unreachable(self, flow: FlowKey, packet: bytes, cause: tuple[int, int]) -> None:
        """Tell the guest that `packet` (a frame) got nowhere; `cause` is one of icmp_reply's."""

    def warn(self, line: str) -> None:
        """Once: what a guest can bring about as often as it likes must not fill the log."""
        if line not in self._said and len(self._said) < MAX_LINES:
            self._said.add(line)
            self._warn(line)

    def now(self) -> int:
        """ns, the stack's clock."""
        return self.stack.clock.now_ns()

    def expect_sweep(self) -> None:
        """Something may go stale."""
        if self._sweep.deadline is None:
            self._sweep.arm(self.now() + SWEEP_NS)

    def _run_sweep(self) -> None:
        if self.sweep(self.now()):
            self._sweep.arm(self.now() + SWEEP_NS)

    def sweep(self, now: int) -> bool:
        """Forget what is idle; True: there is some left."""
        return self.udp.sweep(now)

    def close(self) -> None:
        """Close what is open on the host."""
        self._sweep.cancel()
        self.tcp.close()
        self.udp.close()
