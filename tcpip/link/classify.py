"""Filters: which class of a discipline a packet belongs to (net/sched/cls_api.c, tc(8)).

A `FilterList` is asked from the lowest preference on; the first filter that matches says the class, or that the packet is dropped.
Deviates: one chain, and of actions only those of gact (net/sched/act_gact.c) that need no chance, policers without a peak rate, and that of `tcpip.stack.ingress`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket

UNSPEC: Final = -1
"""No filter matches; of an action: ask the next one."""
OK: Final = 0
SHOT: Final = 2
PIPE: Final = 3
STOLEN: Final = 4
ALL_PROTOCOLS: Final = 3
"""ETH_P_ALL."""


def mark_of(pkt: TxPacket) -> int:
    """The packet filter's, or else the socket's."""
    if pkt.track is not None:
        return pkt.track.mark
    return pkt.socket.mark if pkt.socket is not None else 0


@mypyc_attr(allow_interpreted_subclasses=True)
class GenericAction:
    """What becomes of what matches: OK, SHOT, PIPE (the next action, or OK) or UNSPEC. It counts."""

    __slots__ = ("index", "verdict", "packets", "octets", "installed", "used", "first")

    def __init__(self, index: int, verdict: int, now: int) -> None:
        self.index = index
        self.verdict = verdict
        self.packets = 0
        self.octets = 0
        self.installed = now
        self.used = now
        self.first = 0

    def execute(self, pkt: TxPacket, now: int) -> int:
        self.packets += 1
        self.octets += len(pkt)
        self.used = now
        self.first = self.first or now
        return self.verdict


class Police(GenericAction):
    """A token bucket: who keeps to `rate` bytes a second, with `burst` ns of it at once, and to `mtu` gets `conforms`, others the verdict
    (net/sched/act_police.c). `rate` 0: any. Tokens are ns."""

    __slots__ = ("rate", "burst", "mtu", "conforms", "exceeded", "_tokens", "_at")

    def __init__(self, index: int, verdict: int, now: int, rate: int, burst: int, mtu: int, conforms: int) -> None:
        super().__init__(index, verdict, now)
        self.rate = rate
        self.burst = burst
        self.mtu = mtu
        self.conforms = conforms
        self.exceeded = 0
        self._tokens = burst
        self._at = now

    def execute(self, pkt: TxPacket, now: int) -> int:
        super().execute(pkt, now)
        size = len(pkt)
        if size <= self.mtu:
            if not self.rate:
                return self.conforms
            left = min(self._tokens + now - self._at, self.burst) - size * NS_PER_S // self.rate
            if left >= 0:
                self._tokens, self._at = left, now
                return self.conforms
        self.exceeded += 1
        return self.verdict


class Target:
    """What a filter answers: a class (0: none), after its actions. `alone`: its one action is a policer that was asked for in the way of
    before there were actions."""

    __slots__ = ("classid", "actions", "alone")

    def __init__(self, classid: int, actions: list[GenericAction]) -> None:
        self.classid = classid
        self.actions = actions
        self.alone = False

    def execute(self, pkt: TxPacket, now: int) -> int:
        """tcf_exts_exec."""
        verdict = OK
        for action in self.actions:
            verdict = action.execute(pkt, now)
            if verdict != PIPE:
                return verdict
        return verdict


@mypyc_attr(allow_interpreted_subclasses=True)
class Filter:
    """All filters of one preference (struct tcf_proto). `protocol` is that of the link layer."""

    def __init__(self, kind: str, preference: int, protocol: int) -> None:
        self.kind = kind
        self.preference = preference
        self.protocol = protocol
        self.classid = 0

    @abstractmethod
    def classify(self, pkt: TxPacket, now: int) -> int:
        """UNSPEC: it does not match; else the verdict, with the class in `classid`."""

    @abstractmethod
    def targets_of(self) -> list[Target]:
        """All there are."""

    def classids(self) -> set[int]:
        """The classes that it leads to."""
        return {one.classid for one in self.targets_of()}


class MatchAll(Filter):
    """Everything (net/sched/cls_matchall.c). `handle` is 0 as long as there is no target."""

    def __init__(self, preference: int, protocol: int) -> None:
        super().__init__("matchall", preference, protocol)
        self.handle = 0
        self.target = Target(0, [])
        self.matched = 0

    def targets_of(self) -> list[Target]:
        return [self.target] if self.handle else []

    def classify(self, pkt: TxPacket, now: int) -> int:
        if not self.handle:
            return UNSPEC
        self.matched += 1
        self.classid = self.target.classid
        return self.target.execute(pkt, now)


class ByMark(Filter):
    """By the packet's mark, of which `mask` is looked at (net/sched/cls_fw.c)."""

    def __init__(self, preference: int, protocol: int) -> None:
        super().__init__("fw", preference, protocol)
        self.mask = 0xFFFFFFFF
        self.targets: dict[int, Target] = {}

    def targets_of(self) -> list[Target]:
        return list(self.targets.values())

    def classify(self, pkt: TxPacket, now: int) -> int:
        found = self.targets.get(mark_of(pkt) & self.mask)
        if found is None:
            return UNSPEC
        self.classid = found.classid
        return found.execute(pkt, now)


class FilterList:
    """A discipline's or class's filters, by preference. `classid`: what the last packet was told. `parent`: what the one who has last
    made or changed one has called it."""

    __slots__ = ("filters", "classid", "parent")

    def __init__(self) -> None:
        self.filters: list[Filter] = []
        self.classid = 0
        self.parent = 0

    def classify(self, pkt: TxPacket, now: int) -> int:
        """tcf_classify."""
        protocol = pkt.ethertype
        for one in self.filters:
            if one.protocol != protocol and one.protocol != ALL_PROTOCOLS:
                continue
            verdict = one.classify(pkt, now)
            if verdict >= OK:
                self.classid = one.classid
                return verdict
        return UNSPEC

    def find(self, preference: int) -> Filter | None:
        return next((one for one in self.filters if one.preference == preference), None)

    def add(self, one: Filter) -> None:
        self.filters.append(one)
        self.filters.sort(key=_preference)


def _preference(one: Filter) -> int:
    return one.preference
