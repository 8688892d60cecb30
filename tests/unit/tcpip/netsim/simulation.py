"""Two stacks on a bad link in virtual time: everything is drawn from one seed, nothing sleeps."""

from __future__ import annotations

from random import Random

from tcpip import errors
from tcpip.addr import AF_INET, SockAddr
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.errors import NetworkError
from tcpip.link.base import CAP_NO_ARP, LinkEndpoint
from tcpip.link.impairment import Impairment, ImpairmentLink
from tcpip.link.pipe import pipe
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint
from tests.unit.attributes import attributes

A = b"\x0a\x00\x00\x01"
B = b"\x0a\x00\x00\x02"
PORT = 7


class Host:
    """One stack and what its application reads and writes."""

    def __init__(self, clock: ManualClock, seed: int, address: bytes) -> None:
        self.stack = Stack(clock, Random(seed), ipv6=False)
        self.address = address


class Application:
    """Writes `to_send` in random pieces, reads in random pieces, then closes its side."""

    def __init__(self, endpoint: Endpoint, random: Random, to_send: bytes, max_read: int = 65536) -> None:
        self.endpoint = endpoint
        self.random = random
        self.to_send = to_send
        self.sent = 0
        self.received = bytearray()
        self.max_read = max_read
        self.eof = False
        self.finished_sending = False
        self.reading = True
        self.error: errors.NetError | None = None
        self._buffer = bytearray(max_read)

    def step(self) -> None:
        """Do what can be done without waiting."""
        try:
            self._write()
            if self.reading:
                self._read()
        except NetworkError as failure:
            self.error = failure.error

    def _write(self) -> None:
        while self.sent < len(self.to_send):
            piece = self.to_send[self.sent : self.sent + self.random.randint(1, 20000)]
            taken = self.endpoint.send(piece)
            if taken == AGAIN:
                return
            self.sent += taken
        if not self.finished_sending:
            self.finished_sending = True
            self.endpoint.shutdown(1)

    def _read(self) -> None:
        while not self.eof:
            size = self.random.randint(1, self.max_read)
            taken = self.endpoint.recv_into(memoryview(self._buffer)[:size])
            if taken == AGAIN:
                return
            if taken == 0:
                self.eof = True
                return
            self.received += self._buffer[:taken]

    def done(self) -> bool:
        return self.eof and self.finished_sending


class Simulation:
    """A pair of hosts and the clock that both share."""

    def __init__(self, seed: int, settings: Impairment, mtu: int = 1500, back: Impairment | None = None) -> None:
        self.random = Random(seed)
        self.clock = ManualClock(1000 * NS_PER_S)
        self.a = Host(self.clock, seed + 1, A)
        self.b = Host(self.clock, seed + 2, B)
        ends = pipe(mtu, offload=False, capabilities=CAP_NO_ARP)
        self._attach(self.a, self._impair(ends[0], self.a, settings, seed + 3))
        self._attach(self.b, self._impair(ends[1], self.b, back or settings, seed + 4))
        self.applications: list[Application] = []

    def _impair(self, link: LinkEndpoint, host: Host, settings: Impairment, seed: int) -> LinkEndpoint:
        bad = ImpairmentLink(link, self.clock, host.stack.timers, seed)
        for name in attributes(Impairment):
            setattr(bad.outbound, name, getattr(settings, name))
        return bad

    def _attach(self, host: Host, link: LinkEndpoint) -> None:
        nic = host.stack.add_nic(link, "eth0")
        nic.add_address(host.address, 24)

    def turn(self) -> None:
        """Let both stacks and the applications do what is due now."""
        for _ in range(4):
            for host in (self.a, self.b):
                host.stack.run_timers()
            for application in self.applications:
                application.step()
            for host in (self.a, self.b):
                host.stack.flush()

    def advance(self) -> bool:
        """To the next event; False when there is none."""
        deadlines = [d for d in (self.a.stack.next_deadline(), self.b.stack.next_deadline()) if d is not None]
        if not deadlines:
            return False
        self.clock.advance(max(min(deadlines) - self.clock.now_ns(), 0))
        return True

    def run(self, until_s: float) -> None:
        """Until the applications are done or the virtual time is over."""
        limit = self.clock.now_ns() + int(until_s * NS_PER_S)
        while self.clock.now_ns() < limit:
            self.turn()
            if self.applications and all(a.done() or a.error for a in self.applications):
                return
            if not self.advance():
                return

    def connect(self, until_s: float = 200.0) -> tuple[Endpoint, Endpoint]:
        """A connection from a to b."""
        listener = self.b.stack.new_endpoint(AF_INET, SOCK_STREAM)
        listener.bind(SockAddr(B, PORT))
        listener.listen(4)
        client = self.a.stack.new_endpoint(AF_INET, SOCK_STREAM)
        try:
            client.connect(SockAddr(B, PORT))
        except NetworkError as started:
            assert started.error is errors.CONNECT_STARTED
        limit = self.clock.now_ns() + int(until_s * NS_PER_S)
        while self.clock.now_ns() < limit:
            self.turn()
            if listener.readiness():
                server = listener.accept()
                listener.close()
                return client, server
            assert self.advance()
        raise AssertionError("no connection")
