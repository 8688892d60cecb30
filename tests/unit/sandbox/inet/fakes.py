"""A task and a kernel, as far as sockets look at them."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from sandbox.gateway.network import Network
from sandbox.kernel.net_namespace import NetNamespace
from sandbox.kernel.pid_namespace import Pid, PidNamespace
from sandbox.kernel.user_namespace import UserNamespace
from sandbox.reactor import Reactor
from tcpip.addr import parse
from tcpip.clock import ManualClock
from tcpip.link.channel import ChannelLink
from tcpip.stack.stack import Stack


class FakeCreds:
    uid = fsuid = fsgid = 0

    def __init__(self) -> None:
        self.capable = True

    def has(self, capability: int) -> bool:
        return self.capable

    def has_in(self, user: UserNamespace, capability: int) -> bool:
        return self.capable


class FakeKernel:
    def __init__(self) -> None:
        self.clock = ManualClock(10**12)
        self.reactor = Reactor(self.clock)
        kernel: Any = self
        self.net_ns = NetNamespace(kernel, 1)
        self.stack = Stack(self.clock, Random(1))
        self.net = Network(self.stack, "internal")
        nic = self.stack.add_nic(ChannelLink(), "eth0")
        nic.add_address(parse("10.0.2.15"), 24)
        nic.add_address(parse("fd53:7461:636b::15"), 64, dad=False)
        self.stack.add_route(parse("0.0.0.0"), 0, parse("10.0.2.1"), nic)


class FakeTask:
    """Guest memory is a dict of buffers by address."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.ns = SimpleNamespace(net=self.kernel.net_ns)
        self.creds = FakeCreds()
        self.pid = self.tid = 42
        self.ids = Pid(PidNamespace(), 42)
        self.group = self
        self.comm = b"prog"
        self.memory: dict[int, bytes] = {}
        self.signals: list[object] = []

    def copy_in(self, address: int, size: int) -> bytes:
        return self.memory[address][:size].ljust(size, b"\0")

    def copy_out(self, address: int, data: bytes) -> None:
        self.memory[address] = bytes(data)

    def send_signal(self, info: object) -> None:
        self.signals.append(info)
