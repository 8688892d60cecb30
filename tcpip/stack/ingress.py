"""`ingress` and `clsact`: filters that are asked as a packet comes in, or before it waits to go out (net/sched/sch_ingress.c), and the action
`mirred` that sends it, or a copy, out of another interface (net/sched/act_mirred.c, tc-mirred(8)).

Deviates: what is sent elsewhere goes a moment later, from a queue of `WAITING_MOST` packets of an interface.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip.buffer import TxPacket
from tcpip.header.ethernet import HEADER_LEN
from tcpip.link.bridge import as_sent
from tcpip.link.classify import SHOT, STOLEN, FilterList, GenericAction
from tcpip.link.qdisc import Qdisc

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket
    from tcpip.stack.nic import Nic

WAITING_MOST: Final = 1024
_AT_ONCE: Final = 64


class Ingress(Qdisc):
    """Nothing waits here. `leaving` is asked by `clsact` only. `sent` counts all that has come by."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.both = both
        self.arriving = FilterList()
        self.leaving = FilterList()
        self.elsewhere = 0  # packets that wait to go out of other interfaces
        self.named: object = None  # as its owner knows it

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        self.dropped += 1

    def dequeue(self, now: int) -> TxPacket | None:
        return None

    def takes(self, nic: Nic, pkt: RxPacket) -> bool:
        """A packet comes in: it goes no further (sch_handle_ingress)."""
        if not self.arriving.filters:
            return False
        frame = pkt.frame()
        seen = as_sent(pkt, frame)
        if nic.has_arp:
            seen.network = HEADER_LEN
            seen.ethertype = int.from_bytes(frame[12:14], "big")
        else:
            seen.network = 0
            seen.ethertype = 0x86DD if frame[:1] >= b"\x60" else 0x800
        return self._goes_no_further(self.arriving, seen, nic.stack.clock.now_ns())

    def left_by(self, nic: Nic, batch: list[TxPacket]) -> list[TxPacket]:
        """Of what is to be sent, what goes on (sch_handle_egress)."""
        if not self.leaving.filters:
            return batch
        now = nic.stack.clock.now_ns()
        return [pkt for pkt in batch if not self._goes_no_further(self.leaving, pkt, now)]

    def _goes_no_further(self, filters: FilterList, pkt: TxPacket, now: int) -> bool:
        self._count(pkt)
        verdict = filters.classify(pkt, now)
        if verdict == SHOT:
            self.dropped += 1
        return verdict in (SHOT, STOLEN)


class Mirred(GenericAction):
    """Sends what matches out of `target`; a copy, unless it is `redirects`."""

    __slots__ = ("source", "target", "redirects", "overlimits", "_waiting", "_timer")

    def __init__(self, index: int, verdict: int, source: Nic, target: Nic, redirects: bool) -> None:
        super().__init__(index, verdict, source.stack.clock.now_ns())
        self.source = source
        self.target = target
        self.redirects = redirects
        self.overlimits = 0
        self._waiting: deque[tuple[Ingress, TxPacket]] = deque()
        self._timer = source.stack.timers.timer(self._run)

    def there(self) -> bool:
        """The other interface is."""
        return self.target.stack.nics.get(self.target.number) is self.target

    def execute(self, pkt: TxPacket, now: int) -> int:
        super().execute(pkt, now)
        target, cut = self.target, HEADER_LEN if self.source.has_arp and not self.target.has_arp else 0
        owner = self.source.ingress
        misfit = not self.there() or not target.up or target.has_arp > self.source.has_arp
        if misfit or owner is None or owner.elsewhere >= WAITING_MOST:
            self.overlimits += 1
            return SHOT if self.redirects else self.verdict
        copy = TxPacket(
            bytes(pkt.header[cut:]), pkt.payload, pkt.payload_len, pkt.csum_offset, pkt.gso_type, pkt.gso_size
        )
        copy.csum, copy.ethertype = pkt.csum, pkt.ethertype
        copy.network, copy.transport = pkt.network - cut, max(pkt.transport - cut, 0)
        owner.elsewhere += 1
        self._waiting.append((owner, copy))
        self._timer.arm(now)
        return self.verdict

    def _run(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            owner, pkt = self._waiting.popleft()
            owner.elsewhere -= 1
            if self.there():
                self.target.enqueue(pkt, b"")
        if self._waiting:
            self._timer.arm(self.source.stack.clock.now_ns())
