"""Stacks that are measured without a device: `python -m tools.bench.netstack_memory ROW [N]` prints one number."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Final

from tcpip.addr import AF_INET, SockAddr, parse
from tcpip.buffer import CSUM_VALID, RxPacket
from tcpip.clock import NS_PER_S, ManualClock, MonotonicClock
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, PSH, SYN, TcpHeader
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.channel import ChannelLink
from tcpip.link.pipe import pipe
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.timers import TimerQueue
from tcpip.transport.endpoint import AGAIN, Endpoint

HERE, THERE = parse("10.0.0.1"), parse("10.0.0.2")
PORT: Final = 7
SECONDS: Final = 1.0
BLOCK: Final = bytes(256 * 1024)
TURNS: Final = 20000
SEGMENTS: Final = 20000
ROUNDS: Final = 5


class Loaded:
    """A stack with `count` established connections; their peer is made of bytes."""

    def __init__(self, count: int) -> None:
        self.clock = ManualClock(1000 * NS_PER_S)
        self.stack = Stack(self.clock, Random(1), ipv6=False)
        self.link = ChannelLink(1500, b"", CAP_NO_ARP)
        self.nic = self.stack.add_nic(self.link, "eth0")
        self.nic.add_address(HERE, 8)
        self.listener = self.stack.new_endpoint(AF_INET, SOCK_STREAM)
        self.listener.bind(SockAddr(HERE, PORT))
        self.listener.listen(1024)
        self.peers: list[tuple[bytes, int]] = []
        self.acks: list[int] = []
        self.endpoints: list[Endpoint] = [self._connect(number) for number in range(count)]
        self.seqs = [1] * count

    def segment(self, who: tuple[bytes, int], flags: int, seq: int, ack: int, data: bytes = b"") -> bytes:
        """An IP packet whose checksum the link has seen to, the IP header's included."""
        from tcpip.header.ipv4 import Ipv4Header

        head = bytearray(40)
        Ipv4Header(who[0], HERE, 6, 40 + len(data)).emit(head, 0)
        TcpHeader(who[1], PORT, seq, ack, flags, 60000).emit(head, 20)
        return bytes(head) + data

    def deliver(self, packet: bytes) -> list[bytes]:
        self.nic.deliver([RxPacket(packet, CSUM_VALID)])
        return self.link.take()

    def _connect(self, number: int) -> Endpoint:
        who = ((0x0A010000 + number // 200).to_bytes(4, "big"), 2000 + number % 200)
        answer = self.deliver(self.segment(who, SYN, 0, 0))[-1]
        ack = int.from_bytes(answer[24:28], "big") + 1 & 0xFFFFFFFF
        self.deliver(self.segment(who, ACK, 1, ack))
        self.peers.append(who)
        self.acks.append(ack)
        return self.listener.accept()


def resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def through_pipe() -> float:
    """Gbit/s from one stack to another, every super-segment as a packet."""
    clock = MonotonicClock()
    a, b = Stack(clock), Stack(clock)
    left, right = pipe()
    a.add_nic(left).add_address(HERE, 24)
    b.add_nic(right).add_address(THERE, 24)
    listener = b.new_endpoint(AF_INET, SOCK_STREAM)
    listener.bind(SockAddr(THERE, PORT))
    listener.listen(1)
    sender = a.new_endpoint(AF_INET, SOCK_STREAM)
    try:
        sender.connect(SockAddr(THERE, PORT))
    except NetworkError:
        pass
    a.flush()
    receiver = listener.accept()
    buffer = memoryview(bytearray(1 << 20))
    total, began = 0, time.perf_counter()
    while (now := time.perf_counter()) - began < SECONDS:
        while sender.send(BLOCK) != AGAIN:
            pass
        a.flush()
        while (count := receiver.recv_into(buffer)) != AGAIN:
            total += count
        b.flush()
        for stack in (a, b):
            if (stack.next_deadline() or clock.now_ns() + 1) <= clock.now_ns():
                stack.run_timers()
    return total * 8 / (now - began) / 1e9


def idle_memory(count: int) -> float:
    """MB of the whole process."""
    loaded = Loaded(count)
    gc.collect()
    assert len(loaded.stack.tcp.demux.connected) == count
    return resident_mb()


def idle_turn(count: int) -> float:
    """µs of what a loop does each turn: timers, flush, the next deadline."""
    stack = Loaded(count).stack
    gc.freeze()
    best = 1e9
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(TURNS):
            stack.run_timers()
            stack.flush()
            stack.next_deadline()
        best = min(best, time.perf_counter() - began)
    return best / TURNS * 1e6


def per_segment(count: int) -> float:
    """µs from a segment of one byte that arrives to its byte in the reader's hands; connections in turn."""
    loaded = Loaded(count)
    gc.freeze()
    buffer = memoryview(bytearray(16))
    best = 1e9
    for _ in range(ROUNDS):
        order = [number % count for number in range(SEGMENTS)]
        packets = []
        for number in order:
            packets.append(
                loaded.segment(loaded.peers[number], ACK | PSH, loaded.seqs[number], loaded.acks[number], b"x")
            )
            loaded.seqs[number] += 1
        began = time.perf_counter()
        for number, packet in zip(order, packets, strict=True):
            loaded.deliver(packet)
            assert loaded.endpoints[number].recv_into(buffer) == 1
        best = min(best, time.perf_counter() - began)
        loaded.clock.advance(NS_PER_S)
        loaded.stack.run_timers()
        loaded.link.take()
    return best / SEGMENTS * 1e6


def per_timer(count: int) -> float:
    """µs to arm one of `count` timers again, later, as every acknowledgement does; what comes up in between included."""
    queue = TimerQueue()
    timers = [queue.timer(lambda: None) for _ in range(count)]
    for number, timer in enumerate(timers):
        timer.arm(NS_PER_S + number)
    best = 1e9
    now = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for number in range(SEGMENTS):
            now += 1000
            timers[number % count].arm(now + NS_PER_S)
            queue.run(now)
        best = min(best, time.perf_counter() - began)
    return best / SEGMENTS * 1e6


def import_ms() -> float:
    """Of `tcpip` with a stack, in a fresh interpreter that has started."""
    code = "import time; t = time.perf_counter(); import tcpip, tcpip.stack.stack; print(time.perf_counter() - t)"
    values = []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        values.append(float(done.stdout) * 1e3)
    return sorted(values)[len(values) // 2]


ROWS: Final[dict[str, Callable[[int], float]]] = {
    "pipe": lambda _: through_pipe(),
    "idle_memory": idle_memory,
    "idle_turn": idle_turn,
    "per_segment": per_segment,
    "per_timer": per_timer,
    "import": lambda _: import_ms(),
}


if __name__ == "__main__":
    print(ROWS[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 1))
