"""Bands: what is in a lower one goes first (net/sched/sch_prio.c, tc-prio(8))."""

from __future__ import annotations

from typing import Final

from tcpip.buffer import TxPacket
from tcpip.header.priority import priority_of_tos
from tcpip.link.classify import SHOT, FilterList
from tcpip.link.qdisc import Fifo, Qdisc
from tcpip.timers import NEVER

PRIORITY_MAP: Final[tuple[int, ...]] = (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
BANDS: Final = 3
_MAJOR: Final = 0xFFFF0000


class Prio(Qdisc):
    """`bands` queues of `length` packets each, unless others are put there. `filters` say which, or the priority of the socket by
    `map`; of what is passed on, the type of service. A priority of `handle` and a minor number is a band itself."""

    def __init__(self, bands: int, chosen: tuple[int, ...], length: int, handle: int = 0) -> None:
        super().__init__()
        self.map = chosen
        self.length = length
        self.handle = handle
        self.filters = FilterList()
        self.bands: list[Qdisc] = [Fifo(length) for _ in range(bands)]

    def change(self, bands: int, chosen: tuple[int, ...]) -> None:
        """What waits in bands that are no more is gone."""
        for band in self.bands[bands:]:
            self._retire(band)
        self.bands = self.bands[:bands] + [Fifo(self.length) for _ in range(bands - len(self.bands))]
        self.map = chosen
        self._add_up()

    def _band(self, pkt: TxPacket, now: int) -> Qdisc | None:
        """prio_classify; None: it is dropped."""
        number = pkt.socket.priority if pkt.socket is not None else priority_of_tos(_tos(pkt))
        if not self.handle or number & _MAJOR != self.handle:
            verdict = self.filters.classify(pkt, now) if self.filters.filters else -1
            if verdict == SHOT:
                return None
            if verdict < 0:
                return self.bands[self.map[number & 15 if not number & _MAJOR else 0]]
            number = self.filters.classid
        band = (number & 0xFFFF) - 1
        return self.bands[band if 0 <= band < len(self.bands) else self.map[0]]

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        band = self._band(pkt, now)
        if band is None:
            self.dropped += 1
            return
        band.enqueue(pkt, now)
        self._add_up()

    def dequeue(self, now: int) -> TxPacket | None:
        for band in self.bands:
            pkt = band.dequeue(now) if band.packets else None
            if pkt is not None:
                self._add_up()
                self._count(pkt)
                return pkt
        self._add_up()
        return None

    def _add_up(self) -> None:
        self._holds(sum([band.packets for band in self.bands]), sum([band.bytes for band in self.bands]))

    def next_at(self, now: int) -> int:
        return min([band.next_at(now) for band in self.bands if band.packets], default=NEVER)

    def children(self) -> list[Qdisc]:
        return list(self.bands)

    def graft(self, number: int, child: Qdisc | None) -> None:
        self._retire(self.bands[number - 1])
        self.bands[number - 1] = child or Fifo(self.length)
        self._add_up()


def _tos(pkt: TxPacket) -> int:
    header, at = pkt.header, pkt.network
    if len(header) >= at + 20 and header[at] >> 4 == 4:
        return header[at + 1]
    if len(header) >= at + 40 and header[at] >> 4 == 6:
        return (header[at] << 4 | header[at + 1] >> 4) & 0xFF
    return 0
