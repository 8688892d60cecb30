"""Hierarchical token buckets: classes with a rate each, which lend one another what they do not use (net/sched/sch_htb.c, tc-htb(8)).

A leaf that has used up its rate borrows from the nearest class above that has not, as long as it is below its ceiling. The lowest lender
goes first, then the lowest priority, then whose turn it is.
Deviates: no overheads and no least packet sizes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.link.class_order import ClassOrder
from tcpip.link.classify import SHOT, FilterList
from tcpip.link.qdisc import Fifo, Qdisc
from tcpip.timers import NEVER

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket

LEVELS: Final = 8
_MAJOR: Final = 0xFFFF0000
_IDLE_MOST: Final = 60 * NS_PER_S
_CAN_SEND, _MAY_BORROW, _CANNOT_SEND = 0, 1, 2


class HtbRates:
    """What can be changed of a class: bytes a second, the ns that its buckets hold, octets of a turn, its priority."""

    __slots__ = ("rate", "ceil", "buffer", "ceil_buffer", "quantum", "priority")

    def __init__(self, rate: int, ceil: int, buffer: int, ceil_buffer: int, quantum: int, priority: int) -> None:
        self.rate = rate
        self.ceil = ceil
        self.buffer = buffer
        self.ceil_buffer = ceil_buffer
        self.quantum = quantum
        self.priority = priority


class HtbClass:
    """`queue` is None for one that has classes below. Tokens are ns of sending time at `at`."""

    __slots__ = (
        "number",
        "parent",
        "below",
        "level",
        "rates",
        "queue",
        "filters",
        "tokens",
        "ceil_tokens",
        "at",
        "mode",
        "deficit",
        "lends",
        "borrows",
        "overlimits",
        "sent",
        "sent_bytes",
        "former_drops",
    )

    def __init__(self, number: int, parent: HtbClass | None, rates: HtbRates, queue: Qdisc, now: int) -> None:
        self.number = number
        self.parent = parent
        self.below = 0
        self.level = 0
        self.rates = rates
        self.queue: Qdisc | None = queue
        self.filters = FilterList()
        self.tokens = rates.buffer
        self.ceil_tokens = rates.ceil_buffer
        self.at = now
        self.mode = _CAN_SEND
        self.deficit = 0
        self.lends = self.borrows = self.overlimits = 0
        self.sent = self.sent_bytes = 0
        self.former_drops = 0

    def mode_at(self, now: int) -> int:
        """htb_class_mode."""
        passed = min(now - self.at, _IDLE_MOST)
        if self.ceil_tokens + passed < 0:
            return _CANNOT_SEND
        return _CAN_SEND if self.tokens + passed >= 0 else _MAY_BORROW

    def changes_at(self, now: int) -> int:
        """When its mode is another one by itself; NEVER: not before it has sent."""
        mode = self.mode_at(now)
        if mode == _CAN_SEND:
            return NEVER
        return self.at - (self.ceil_tokens if mode == _CANNOT_SEND else self.tokens)

    def charge(self, size: int, level: int, now: int) -> None:
        """It or one below has sent, on account of the class of `level` (htb_charge_class)."""
        passed, rates = min(now - self.at, _IDLE_MOST), self.rates
        if self.level >= level:
            self.lends += self.level == level
            self.tokens = _left(self.tokens + passed, rates.buffer, size * NS_PER_S // rates.rate)
        else:
            self.borrows += 1
            self.tokens += passed
        self.ceil_tokens = _left(self.ceil_tokens + passed, rates.ceil_buffer, size * NS_PER_S // rates.ceil)
        self.at = now


def _left(tokens: int, most: int, used: int) -> int:
    return max(min(tokens, most) - used, 1 - _IDLE_MOST)


class Htb(Qdisc):
    """`classes` by number. What belongs to none goes to class `default`, or at once (`direct`)."""

    def __init__(self, handle: int, default: int, r2q: int, direct_limit: int) -> None:
        super().__init__()
        self.handle = handle
        self.default = default
        self.r2q = r2q
        self.direct_limit = direct_limit
        self.direct_packets = 0
        self.classes: dict[int, HtbClass] = {}
        self.filters = FilterList()
        self.order = ClassOrder()
        self._direct: deque[TxPacket] = deque()
        self._direct_bytes = 0
        self._turns: deque[HtbClass] = deque()  # leaves where something waits

    # --- classes ---

    def add(self, number: int, parent: HtbClass | None, rates: HtbRates, length: int, now: int) -> HtbClass:
        """What waits at a parent that was a leaf is gone."""
        new = self.classes[number] = HtbClass(number, parent, rates, Fifo(length), now)
        self.order.add(self.handle | number)
        if parent is not None:
            parent.below += 1
            if parent.queue is not None:
                self._empty(parent)
                parent.queue = None
                parent.level = (parent.parent.level if parent.parent is not None else LEVELS) - 1
        return new

    def remove(self, one: HtbClass, length: int) -> None:
        """A leaf goes; what waits there is gone. Its parent is a leaf again when it was the last."""
        self._empty(one)
        self._of_former += one.former_drops
        del self.classes[one.number]
        self.order.remove(self.handle | one.number)
        parent = one.parent
        if parent is not None:
            parent.below -= 1
            if not parent.below:
                parent.queue, parent.level = Fifo(length), 0
        self._add_up()

    def _empty(self, one: HtbClass) -> None:
        if one.queue is not None:
            one.former_drops += one.queue.total_dropped()
            one.queue.reset()
        if one in self._turns:
            self._turns.remove(one)
        self._add_up()

    def children(self) -> list[Qdisc]:
        return [one.queue for one in self.classes.values() if one.queue is not None]

    def total_dropped(self) -> int:
        return super().total_dropped() + sum([one.former_drops for one in self.classes.values()])

    def has_class(self, number: int) -> bool:
        return number in self.classes and self.classes[number].queue is not None

    def graft(self, number: int, child: Qdisc | None) -> None:
        one = self.classes.get(number)
        if one is None or one.queue is None:
            return
        self._empty(one)
        one.queue = child or Fifo(self.direct_limit)

    # --- packets ---

    def _leaf(self, pkt: TxPacket, now: int) -> tuple[HtbClass | None, bool]:
        """The leaf, or None for what goes at once; whether it is dropped instead (htb_classify)."""
        priority = pkt.socket.priority if pkt.socket is not None else 0
        if priority == self.handle:
            return None, False
        filters = self.filters
        if priority & _MAJOR == self.handle:
            chosen = self.classes.get(priority & 0xFFFF)
            if chosen is not None:
                if chosen.queue is not None:
                    return chosen, False
                filters = chosen.filters
        for _ in range(LEVELS * 2):
            verdict = filters.classify(pkt, now) if filters.filters else -1
            if verdict < 0:
                break
            if verdict == SHOT:
                return None, True
            classid = filters.classid
            if classid == self.handle:
                return None, False
            found = self.classes.get(classid & 0xFFFF) if classid & _MAJOR == self.handle else None
            if found is None:
                break
            if found.queue is not None:
                return found, False
            filters = found.filters
        usual = self.classes.get(self.default)
        return (usual if usual is not None and usual.queue is not None else None), False

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        leaf, shot = self._leaf(pkt, now)
        if shot:
            self.dropped += 1
        elif leaf is None or leaf.queue is None:
            if len(self._direct) >= self.direct_limit:
                self.dropped += 1
            else:
                self._direct.append(pkt)
                self._direct_bytes += len(pkt)
                self.direct_packets += 1
        else:
            waited = leaf.queue.packets
            leaf.queue.enqueue(pkt, now)
            if not waited and leaf.queue.packets:
                self._turns.append(leaf)
        self._add_up()

    def dequeue(self, now: int) -> TxPacket | None:
        pkt: TxPacket | None
        if self._direct:
            pkt = self._direct.popleft()
            self._direct_bytes -= len(pkt)
        else:
            pkt = self._of_classes(now)
        self._add_up()
        if pkt is not None:
            self._count(pkt)
        elif self.packets:
            self._note_modes(now)
        return pkt

    def _of_classes(self, now: int) -> TxPacket | None:
        found = self._next(now)
        while found is not None:
            leaf, level = found
            pkt = leaf.queue.dequeue(now) if leaf.queue is not None else None
            if pkt is not None:
                self._sent(leaf, level, pkt, now)
                return pkt
            if leaf.queue is not None and leaf.queue.packets:  # it waits for its own time, below
                return None
            self._turns.remove(leaf)  # what was there has been dropped
            found = self._next(now)
        return None

    def _next(self, now: int) -> tuple[HtbClass, int] | None:
        """Whose turn it is, and the level of who lends to it."""
        best: HtbClass | None = None
        level, mode, order = LEVELS, _CAN_SEND, (LEVELS, LEVELS)
        for leaf in self._turns:
            lender: HtbClass | None = leaf
            while lender is not None:
                mode = lender.mode_at(now)
                if mode != _MAY_BORROW:
                    break
                lender = lender.parent
            if lender is None or mode == _CANNOT_SEND or leaf.queue is None or leaf.queue.next_at(now) > now:
                continue
            if (lender.level, leaf.rates.priority) < order:
                best, level, order = leaf, lender.level, (lender.level, leaf.rates.priority)
        return None if best is None else (best, level)

    def _sent(self, leaf: HtbClass, level: int, pkt: TxPacket, now: int) -> None:
        size = len(pkt)
        leaf.deficit -= size
        if leaf.queue is None or not leaf.queue.packets:
            self._turns.remove(leaf)
        elif leaf.deficit < 0:
            leaf.deficit += leaf.rates.quantum
            self._turns.remove(leaf)
            self._turns.append(leaf)
        one: HtbClass | None = leaf
        while one is not None:
            one.charge(size, level, now)
            one.sent += 1
            one.sent_bytes += size
            self._note(one, now)
            one = one.parent

    def _note_modes(self, now: int) -> None:
        for one in self._turns:
            self._note(one, now)

    def _note(self, one: HtbClass, now: int) -> None:
        """Count who may send nothing any more (htb_change_class_mode)."""
        mode = one.mode_at(now)
        if mode == _CANNOT_SEND and one.mode != mode:
            one.overlimits += 1
            self.overlimits += 1
        one.mode = mode

    def next_at(self, now: int) -> int:
        if self._direct:
            return now
        found = NEVER
        for leaf in self._turns:
            if leaf.queue is not None:
                found = min(found, max(leaf.queue.next_at(now), _ready_at(leaf, now)))
        return found

    def _add_up(self) -> None:
        queues = [one.queue for one in self._turns if one.queue is not None]
        packets = len(self._direct) + sum([queue.packets for queue in queues])
        self._holds(packets, self._direct_bytes + sum([queue.bytes for queue in queues]))

    def reset(self) -> None:
        super().reset()
        self._direct.clear()
        self._direct_bytes = 0
        self._turns.clear()


def _ready_at(leaf: HtbClass, now: int) -> int:
    """When it is worth looking at a leaf again: now, when it may send or borrow, or when a class on the way up may do more."""
    found: int = NEVER
    one: HtbClass | None = leaf
    while one is not None:
        mode = one.mode_at(now)
        if mode == _CAN_SEND:
            return now
        found = min(found, one.changes_at(now))
        if mode == _CANNOT_SEND:
            break
        one = one.parent
    return found
