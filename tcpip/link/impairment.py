"""A link that is bad on purpose: delay, jitter, loss, bursts of it, duplicates, reordering, corruption, rate, partition.

Everything is drawn from one seeded generator and timed by the stack's timers, so a run can be repeated. Settings may
change while it runs. It works on single segments: super-segments and checksums are finished before they come here.
"""

from __future__ import annotations

from collections import deque
from random import Random

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import NS_PER_S, Clock
from tcpip.link.base import CAP_LOOPBACK, CAP_NO_ARP, LinkEndpoint, WrapperLink
from tcpip.link.quantity import RATES, TIMES, scaled
from tcpip.timers import TimerQueue


class Impairment:
    """What one direction does. Probabilities are 0..1, times ns, `rate` bits per second (0: no limit).

    Burst loss is a two-state Markov chain (Gilbert): in the bad state everything is lost. `queue_limit` counts packets
    that wait for the rate limiter. Reordered packets skip the delay. Frames of more than `max_size` bytes, header included,
    vanish without a word (0: none do): a black hole of path MTU discovery.
    """

    __slots__ = (
        "delay_ns",
        "jitter_ns",
        "loss",
        "burst_enter",
        "burst_leave",
        "duplicate",
        "reorder",
        "corrupt",
        "rate",
        "queue_limit",
        "partition",
        "max_size",
    )

    def __init__(self) -> None:
        self.delay_ns = 0
        self.jitter_ns = 0
        self.loss = 0.0
        self.burst_enter = 0.0
        self.burst_leave = 1.0
        self.duplicate = 0.0
        self.reorder = 0.0
        self.corrupt = 0.0
        self.rate = 0
        self.queue_limit = 1000
        self.partition = False
        self.max_size = 0


UNDER_WAY_MOST = 50_000
"""Packets that are delayed at a time; later ones are lost."""
_SHARES = frozenset(("loss", "burst_enter", "burst_leave", "duplicate", "reorder", "corrupt"))


def apply_spec(spec: str, settings: Impairment) -> None:
    """Set what `spec` names, as in `loss=3%,delay=20ms,jitter=5ms,rate=10mbit,queue_limit=50`; ValueError."""
    for part in spec.split(","):
        name, equals, value = part.strip().partition("=")
        if name == "partition" and not equals:
            settings.partition = True
        elif name in _SHARES and value.endswith("%") and 0 <= float(value[:-1]) <= 100:
            setattr(settings, name, float(value[:-1]) / 100)
        elif name in ("delay", "jitter"):
            setattr(settings, name + "_ns", scaled(value, TIMES))
        elif name == "rate":
            settings.rate = scaled(value, RATES)
        elif name in ("queue_limit", "max_size") and value.isdecimal():
            setattr(settings, name, int(value))
        else:
            raise ValueError(f"not an impairment: {part!r} (loss=3%, delay=20ms, rate=10mbit, ...)")


class _Direction:
    """One direction's state: when the wire is free again, how many wait, whether a loss burst is on."""

    __slots__ = ("owner", "settings", "outward", "busy_until", "waiting", "bursting", "last_at")

    def __init__(self, owner: ImpairmentLink, settings: Impairment, outward: bool) -> None:
        self.owner = owner
        self.settings = settings
        self.outward = outward
        self.busy_until = 0
        self.waiting: deque[int] = deque()  # when each packet that waits for the rate limiter will leave
        self.bursting = False
        self.last_at = 0

    def submit(self, frame: bytes, csum: int) -> None:
        s = self.settings
        random = self.owner.random
        if (s.max_size and len(frame) > s.max_size) or self._lost():
            self.owner.lost += 1
            return
        if s.corrupt and random.random() < s.corrupt and frame:
            damaged = bytearray(frame)
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
            frame, csum = bytes(damaged), 0
        copies = 2 if s.duplicate and random.random() < s.duplicate else 1
        for _ in range(copies):
            self._schedule(frame, csum)

    def _lost(self) -> bool:
        s = self.settings
        random = self.owner.random
        if s.partition:
            return True
        if s.burst_enter:
            chance = s.burst_leave if self.bursting else s.burst_enter
            if random.random() < chance:
                self.bursting = not self.bursting
            if self.bursting:
                return True
        return s.loss > 0 and random.random() < s.loss

    def _schedule(self, frame: bytes, csum: int) -> None:
        s = self.settings
        owner = self.owner
        now = owner.clock.now_ns()
        at = now
        if s.rate:
            while self.waiting and self.waiting[0] <= now:
                self.waiting.popleft()
            if len(self.waiting) >= s.queue_limit:
                owner.lost += 1
                return
            self.busy_until = max(self.busy_until, now) + len(frame) * 8 * NS_PER_S // s.rate
            at = self.busy_until
            self.waiting.append(at)
        if not (s.reorder and owner.random.random() < s.reorder):
            at += s.delay_ns
            if s.jitter_ns:
                at += owner.random.randrange(s.jitter_ns + 1)
            self.last_at = at = max(at, self.last_at)
        if at <= now:
            owner.release(frame, csum, self.outward)
            return
        if owner.under_way >= UNDER_WAY_MOST:
            owner.lost += 1
            return
        owner.under_way += 1
        owner.timers.after(at, _Release(self, frame, csum).run)


class _Release:
    """One packet under way."""

    __slots__ = ("direction", "frame", "csum")

    def __init__(self, direction: _Direction, frame: bytes, csum: int) -> None:
        self.direction = direction
        self.frame = frame
        self.csum = csum

    def run(self) -> None:
        self.direction.owner.under_way -= 1
        self.direction.owner.release(self.frame, self.csum, self.direction.outward)


class ImpairmentLink(WrapperLink):
    """Wraps `inner`; `outbound` and `inbound` are live settings. `timers` is the owning stack's queue."""

    def __init__(self, inner: LinkEndpoint, clock: Clock, timers: TimerQueue, seed: int = 0) -> None:
        super().__init__(inner, inner.capabilities & (CAP_NO_ARP | CAP_LOOPBACK))
        self.clock = clock
        self.timers = timers
        self.random = Random(seed)
        self.outbound = Impairment()
        self.inbound = Impairment()
        self.lost = 0
        self.under_way = 0
        self._out = _Direction(self, self.outbound, True)
        self._in = _Direction(self, self.inbound, False)

    def write_packets(self, batch: list[TxPacket]) -> int:
        for pkt in batch:
            self._out.submit(pkt.join(), 0)
        return len(batch)

    def received(self, packets: list[RxPacket]) -> None:
        for pkt in packets:
            self._in.submit(pkt.frame(), pkt.csum)

    def release(self, frame: bytes, csum: int, outward: bool) -> None:
        """A packet's time has come."""
        if outward:
            self.inner.write_packets([TxPacket(frame, [], 0)])
        elif self.dispatcher is not None:
            self.dispatcher.deliver([RxPacket(frame, csum)])
