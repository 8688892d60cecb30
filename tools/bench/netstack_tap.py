"""A stack on a tap that is measured, in a network namespace of its own: `python -m tools.bench.netstack_tap ROW` prints
one number. The kernel's side is `netstack_peer`, which this starts."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from tcpip.adapters.looking_poll import LookingPoll
from tcpip.addr import AF_INET, IPV4_ANY, SockAddr, parse
from tcpip.clock import MonotonicClock
from tcpip.errors import NetworkError
from tcpip.link.tap import TapLink
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_IN
from tools.bench.netstack_peer import DATAGRAM, ECHOED, PORT

HOST, STACK = "10.9.0.1", "10.9.0.2"
BLOCK: Final = bytes(256 * 1024)
BURST: Final = 64


class Machine:
    """Stack, tap and peer. `step` is the application: it does what it can and is called once a turn. `at_once`: every
    answer is waited for by itself, so that it is worth a look before each sleep."""

    def __init__(self, offload: bool, at_once: bool = False) -> None:
        self.stack = Stack(MonotonicClock())
        self.link = TapLink("tap0", offload=offload)
        self.link.host_up(HOST, "255.255.255.0")
        self.stack.add_nic(self.link, "eth0").add_address(parse(STACK), 24)
        self.poll = LookingPoll() if at_once else select.poll()
        self.poll.register(self.link.fileno(), select.POLLIN)
        self._buffer = memoryview(bytearray(1 << 20))

    def endpoint(self, kind: int) -> Endpoint:
        """Bound, listening if it can."""
        endpoint = self.stack.new_endpoint(AF_INET, kind)
        endpoint.bind(SockAddr(IPV4_ANY, PORT))
        if kind == SOCK_STREAM:
            endpoint.listen(1024)
        return endpoint

    def run(self, role: str, step: Callable[[], bool]) -> float:
        """Until the peer ends; what it printed. While `step` says True there is more to do, and nobody waits."""
        command = [sys.executable, "-m", "tools.bench.netstack_peer", role, STACK]
        peer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert peer.stdout is not None
        self.poll.register(peer.stdout.fileno(), select.POLLIN | select.POLLHUP)
        stack, link, fd = self.stack, self.link, self.link.fileno()
        while True:
            busy = step()
            stack.flush()
            deadline = stack.next_deadline()
            wait = None if deadline is None else max(0.0, (deadline - stack.clock.now_ns()) / 1e6)
            events = self.poll.poll(0 if busy else wait)
            for ready, _ in events:
                if ready != fd:
                    output = peer.communicate()[0]
                    return float(output)
                link.receive()
            if not events or wait == 0:
                stack.run_timers()

    def accept(self, listener: Endpoint) -> Endpoint | None:
        try:
            return listener.accept()
        except NetworkError:
            return None


def stream(offload: bool, out: bool) -> float:
    """Gbit/s of one connection."""
    machine = Machine(offload)
    listener = machine.endpoint(SOCK_STREAM)
    connections: list[Endpoint] = []
    buffer = machine._buffer

    def step() -> bool:
        if not connections:
            endpoint = machine.accept(listener)
            if endpoint is None:
                return False
            connections.append(endpoint)
        endpoint = connections[0]
        try:
            if out:
                while endpoint.send(BLOCK) != AGAIN:
                    pass
            else:
                while (count := endpoint.recv_into(buffer)) > 0:
                    pass
                if count == 0:
                    endpoint.close()
        except NetworkError:
            pass  # the peer has seen enough
        return False

    return machine.run("receive" if out else "send", step)


def echo(role: str) -> float:
    """Every connection gets back what it sends."""
    machine = Machine(True, at_once=role == "ping_pong")
    listener = machine.endpoint(SOCK_STREAM)
    ready: dict[Endpoint, None] = {}
    view = machine._buffer[: 4 * ECHOED]

    def new_ones() -> None:
        while (endpoint := machine.accept(listener)) is not None:
            endpoint.queue.add(EVENT_IN, lambda _, e=endpoint: ready.setdefault(e))  # type: ignore[misc]
            ready[endpoint] = None

    def step() -> bool:
        new_ones()
        while ready:
            endpoint = ready.popitem()[0]
            try:
                while (count := endpoint.recv_into(view)) > 0:
                    endpoint.send(bytes(view[:count]))
                    if count < len(view):
                        break  # there is no more; its end would say so when it comes
                if count == 0:
                    endpoint.close()
            except NetworkError:
                endpoint.close()
        return False

    return machine.run(role, step)


def datagrams_out() -> float:
    """To whom has sent the first one."""
    machine = Machine(True)
    endpoint = machine.endpoint(SOCK_DGRAM)
    known = False

    def step() -> bool:
        nonlocal known
        if not known:
            try:
                got = endpoint.recvmsg(machine._buffer)
            except NetworkError:
                return False
            assert got.address is not None
            endpoint.connect(got.address)
            known = True
        try:
            for _ in range(BURST):
                endpoint.send(DATAGRAM)
        except NetworkError:
            pass  # the peer has ended
        return True

    return machine.run("datagrams_in", step)


def datagrams_in() -> float:
    """Those that the application has read, a second."""
    machine = Machine(True)
    endpoint = machine.endpoint(SOCK_DGRAM)
    times: list[float] = []
    total = 0

    def step() -> bool:
        nonlocal total
        count = 0
        while endpoint.recv_into(machine._buffer) > 0:
            count += 1
        if count:
            times.append(time.perf_counter())
            total += count
        return False

    machine.run("datagrams_out", step)
    return total / (times[-1] - times[0])


ROWS: Final[dict[str, Callable[[], float]]] = {
    "tap_out": lambda: stream(True, True),
    "tap_in": lambda: stream(True, False),
    "tap_plain_out": lambda: stream(False, True),
    "tap_plain_in": lambda: stream(False, False),
    "tap_pingpong": lambda: echo("ping_pong"),
    "tap_connections": lambda: echo("connections"),
    "udp_out": datagrams_out,
    "udp_in": datagrams_in,
}


if __name__ == "__main__":
    print(ROWS[sys.argv[1]]())
