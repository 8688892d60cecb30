"""Queues of TUN devices: what waits for a reader is bounded, and given back."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.gateway.network import Totals
from sandbox.sockets.inet.queued_link import BACKLOG, TOTAL_BYTES
from sandbox.sockets.inet.tun import OVERHEAD, TunQueue
from tcpip.buffer import RxPacket


def test_a_long_queue_of_small_packets_is_bounded_by_memory() -> None:
    totals = Totals()
    queue = TunQueue(totals, lambda call: None)
    count = 0
    while queue.put(b"", b"x", 1 << 32):
        count += 1
    assert count == TOTAL_BYTES // (OVERHEAD + 1)
    assert queue.take() == (b"", b"x")
    assert queue.put(b"", b"x", 1 << 32) and not queue.put(b"", b"x", 1 << 32)
    queue.gone()
    assert totals.veth_bytes == 0 and queue.take() is None


def test_what_is_written_is_bounded_until_it_arrives() -> None:
    totals = Totals()
    calls: list[Callable[[], None]] = []
    queue = TunQueue(totals, calls.append)
    count = 0
    while queue.write(RxPacket(b"E" * 20)):
        count += 1
    assert count == BACKLOG and len(calls) == 1
    calls.pop()()
    assert totals.veth_bytes == 0 and queue.write(RxPacket(b"E" * 20)) and len(calls) == 1
