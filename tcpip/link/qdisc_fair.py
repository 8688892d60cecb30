"""Fair queueing with CoDel: every flow has a queue of its own (RFC 8290; net/sched/sch_fq_codel.c).

Deviates: a flow that has nothing to send any more is forgotten with what its CoDel has learnt; `memory` counts bytes of packets.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import Final

from tcpip.buffer import TxPacket
from tcpip.link.qdisc import flow_key
from tcpip.link.qdisc_codel import FULL_SIZE, CodelQdisc, CodelQueue, CodelSettings

FLOWS: Final = 1024
FAIR_LIMIT: Final = 10240
DROP_BATCH: Final = 64
MEMORY_LIMIT: Final = 32 << 20


class Flow(CodelQueue):
    """One flow's packets, and how many bytes it may still send in its turn."""

    __slots__ = ("number", "deficit")

    def __init__(self, number: int, deficit: int) -> None:
        super().__init__()
        self.number = number
        self.deficit = deficit


class FairQueue(CodelQdisc):
    """Deficit round robin over flows, new ones first; CoDel in each. Full, it drops the oldest packets of the flow with the most
    bytes, up to half of them.

    A flow is a source, destination, protocol and ports, hashed with `seed` into `flows` queues. `new_flows` counts packets
    that made one, `over_memory` what was dropped because there were too many bytes.
    """

    def __init__(
        self,
        limit: int = FAIR_LIMIT,
        quantum: int = FULL_SIZE,
        seed: int = 0,
        flows: int = FLOWS,
        settings: CodelSettings | None = None,
    ) -> None:
        super().__init__(settings or CodelSettings(True))
        self.limit = limit
        self.quantum = quantum
        self.seed = seed
        self.flows = flows
        self.drop_batch = DROP_BATCH
        self.memory_limit = MEMORY_LIMIT
        self.new_flows = 0
        self.over_memory = 0
        self._flows: dict[int, Flow] = {}
        self.new: deque[Flow] = deque()
        self.old: deque[Flow] = deque()

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        number = zlib.crc32(flow_key(pkt), self.seed) % self.flows
        flow = self._flows.get(number)
        if flow is None:
            flow = self._flows[number] = Flow(number, self.quantum)
            self.new_flows += 1
            self.new.append(flow)
        self._put(flow, pkt, now)
        if self.bytes > self.memory_limit:
            self.over_memory += self._drop()
        elif self.packets > self.limit:
            self._drop()

    def _drop(self) -> int:
        """From the fattest flow (fq_codel_drop)."""
        flow = max(self._flows.values(), key=_bytes_of)
        least, count = flow.bytes // 2, 0
        while count == 0 or (count < self.drop_batch and flow.bytes > least):
            if self._pop(flow) is None:
                break
            count += 1
        self.refused += count
        self.dropped += count
        return count

    def trim(self) -> None:
        """The limits are others: what is too much goes (fq_codel_change)."""
        while self.packets > self.limit or self.bytes > self.memory_limit:
            if not self._drop():
                break

    def reset(self) -> None:
        super().reset()
        self._flows.clear()
        self.new.clear()
        self.old.clear()

    def dequeue(self, now: int) -> TxPacket | None:
        while self.new or self.old:
            turn = self.new or self.old
            flow = turn[0]
            if flow.deficit <= 0:
                flow.deficit += self.quantum
                turn.popleft()
                self.old.append(flow)
                continue
            pkt = self._codel(flow, now)
            if pkt is not None:
                flow.deficit -= len(pkt)
                return pkt
            turn.popleft()
            if turn is self.new and self.old:
                self.old.append(flow)  # RFC 8290 4.2: else a flow of single packets would always be a new one
            else:
                del self._flows[flow.number]
        return None


def _bytes_of(flow: Flow) -> int:
    return flow.bytes
