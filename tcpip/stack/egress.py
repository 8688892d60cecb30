"""What an interface sends waits here for as long as its queueing disciplines say (net/core/dev.c: __dev_xmit_skb).

Deviates: no more than `BYTES_MOST` wait at an interface, whatever the disciplines' own limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.timers import NEVER

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.link.classify_u32 import U32Tables
    from tcpip.link.qdisc import Qdisc
    from tcpip.stack.nic import Nic

BYTES_MOST: Final = 1 << 23
ROOT: Final = 0xFFFFFFFF


class Discipline:
    """One of an interface's, as rtnetlink names it: `parent` is the class that it is in, or `ROOT`. `inside`: those in its classes, by
    the class's number; a class without one has what the discipline itself puts there. `number`: the how many-th it is. `words`: the
    tables that its filters share."""

    __slots__ = ("nic", "kind", "handle", "parent", "qdisc", "inside", "number", "words")

    def __init__(self, nic: Nic, kind: str, handle: int, qdisc: Qdisc, parent: int = ROOT, number: int = 0) -> None:
        self.number = number
        self.nic = nic
        self.kind = kind
        self.handle = handle
        self.parent = parent
        self.qdisc = qdisc
        self.inside: dict[int, Discipline] = {}
        self.words: U32Tables | None = None

    def dropped(self) -> int:
        """Packets that never went out."""
        return self.qdisc.total_dropped()

    def graft(self, number: int, below: Discipline | None) -> Discipline | None:
        """Put `below` into class `number`, or take away what is there; what was."""
        former = self.inside.pop(number, None)
        if below is not None:
            self.inside[number] = below
        self.qdisc.graft(number, None if below is None else below.qdisc)
        return former

    def trim(self) -> None:
        """Classes that are no more have nothing inside."""
        self.inside = {number: one for number, one in self.inside.items() if self.qdisc.has_class(number)}

    def all(self) -> list[Discipline]:
        """This one and all below."""
        found = [self]
        for one in self.inside.values():
            found += one.all()
        return found


class Egress(Discipline):
    """The discipline at an interface's root. `refused`: dropped because too much waited."""

    __slots__ = ("refused", "_timer")

    def __init__(self, nic: Nic, kind: str, handle: int, qdisc: Qdisc) -> None:
        super().__init__(nic, kind, handle, qdisc)
        self.refused = 0
        self._timer = nic.stack.timers.timer(self._run)

    def dropped(self) -> int:
        return super().dropped() + self.refused

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
        most = self.nic.at_once()
        while len(ready) < most:
            pkt = self.qdisc.dequeue(now)
            if pkt is None:
                break
            ready.append(pkt)
        self._send(ready, now)

    def _send(self, ready: list[TxPacket], now: int) -> None:
        if ready:
            self.nic.transmit(ready)
        at = self.qdisc.next_at(now)
        if at != NEVER:
            self._timer.arm(at)

    def changed(self) -> None:
        """A discipline has other settings: look at once whether something may go."""
        self._timer.arm(self.nic.stack.clock.now_ns())

    def reset(self) -> None:
        """Forget what waits."""
        self.qdisc.reset()
        self._timer.cancel()

    def close(self) -> None:
        """Another one is in its place: what waits is gone."""
        self.qdisc.reset()
        self._timer.close()
