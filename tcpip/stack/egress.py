"""What an interface sends waits here for as long as its queueing discipline says (net/core/dev.c: __dev_xmit_skb).

Deviates: no more than `BYTES_MOST` wait at an interface, whatever the discipline's own limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.timers import NEVER

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.link.qdisc import Qdisc
    from tcpip.stack.nic import Nic

BYTES_MOST: Final = 1 << 23


class Egress:
    """The discipline at an interface's root. `kind` and `handle` are how rtnetlink names it. `bytes`, `packets`: sent since it is
    there; `refused`: dropped because too much waited."""

    __slots__ = ("nic", "kind", "handle", "qdisc", "bytes", "packets", "refused", "_timer")

    def __init__(self, nic: Nic, kind: str, handle: int, qdisc: Qdisc) -> None:
        self.nic = nic
        self.kind = kind
        self.handle = handle
        self.qdisc = qdisc
        self.bytes = 0
        self.packets = 0
        self.refused = 0
        self._timer = nic.stack.timers.timer(self._run)

    def dropped(self) -> int:
        """Packets that never went out."""
        return self.qdisc.total_dropped() + self.refused

    def write(self, batch: list[TxPacket]) -> None:
        """Let packets wait, and send what is ready."""
        qdisc, now = self.qdisc, self.nic.stack.clock.now_ns()
        ready: list[TxPacket] = []
        for pkt in batch:
            if qdisc.bytes + len(pkt) > BYTES_MOST:
                self.refused += 1
                continue
            qdisc.enqueue(pkt, now)
            self._drain(ready, now)
        self._send(ready, now)

    def _drain(self, ready: list[TxPacket], now: int) -> None:
        pkt = self.qdisc.dequeue(now)
        while pkt is not None:
            ready.append(pkt)
            pkt = self.qdisc.dequeue(now)

    def _run(self) -> None:
        now = self.nic.stack.clock.now_ns()
        ready: list[TxPacket] = []
        self._drain(ready, now)
        self._send(ready, now)

    def _send(self, ready: list[TxPacket], now: int) -> None:
        if ready:
            self.packets += len(ready)
            self.bytes += sum([len(pkt) for pkt in ready])
            self.nic.transmit(ready)
        at = self.qdisc.next_at(now)
        if at != NEVER:
            self._timer.arm(at)

    def changed(self) -> None:
        """The discipline has other settings: look at once whether something may go."""
        self._timer.arm(self.nic.stack.clock.now_ns())

    def reset(self) -> None:
        """Forget what waits."""
        self.qdisc.reset()
        self._timer.cancel()

    def close(self) -> None:
        """Another one is in its place: what waits is gone."""
        self.qdisc.reset()
        self._timer.close()
