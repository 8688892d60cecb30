"""The groups of one NIC and one family: when changes are told, and how queries are answered.

Implements: what RFC 3376 5, 7.2 and RFC 3810 6, 8.2 have in common. Source of behaviour: net/ipv4/igmp.c (igmp_heard_query,
igmpv3_send_cr, igmp_group_added), net/ipv6/mcast.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Sequence

from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.header import group_record as wire
from tcpip.network.group_filter import GroupFilter

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

SOON: Final = 8 * NS_PER_MS
"""How long the first report waits for more changes: whoever changes its mind all the time cannot flood the link."""
REPEAT: Final = NS_PER_S
OLD_REPEAT: Final = 10 * NS_PER_S
"""The longest time until a report is repeated, towards routers of today and to older ones."""
MAX_LEFT: Final = 256


class GroupSettings:
    """What Linux has below net.ipv4 and net.ipv6 about groups, under the same names. `igmp_qrv`, `mld_qrv`: how often a
    change is told unless a router says otherwise."""

    __slots__ = (
        "igmp_qrv",
        "mld_qrv",
        "igmp_max_msf",
        "mld_max_msf",
        "igmp_max_memberships",
        "igmp_link_local_mcast_reports",
    )

    def __init__(self) -> None:
        self.igmp_qrv: int = 2
        self.mld_qrv: int = 2
        self.igmp_max_msf: int = 10
        self.mld_max_msf: int = 64
        self.igmp_max_memberships: int = 20
        self.igmp_link_local_mcast_reports: int = 1


class Listener:
    """`robustness`: how often a change is told. `old`, `oldest`: until when (ns) a router of an older version is there."""

    __slots__ = (
        "nic",
        "groups",
        "left",
        "robustness",
        "old_until",
        "oldest_until",
        "_changes_left",
        "_tell",
        "_answer",
    )

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.groups: dict[bytes, GroupFilter] = {}
        self.left: dict[bytes, GroupFilter] = {}
        self.robustness = self.usual_robustness()
        self.old_until = 0
        self.oldest_until = 0
        self._changes_left = 0
        self._tell = nic.stack.timers.timer(self._tell_changes)
        self._answer = nic.stack.timers.timer(self._answer_general)

    # What the families differ in.

    def usual_robustness(self) -> int:
        """igmp_qrv, mld_qrv."""
        raise NotImplementedError

    def reported(self, group: bytes) -> bool:
        """Whether routers are told of it at all."""
        raise NotImplementedError

    def send_records(self, records: list[wire.Record]) -> None:
        """A report of today's version, in as many packets as it takes."""
        raise NotImplementedError

    def send_old(self, group: bytes, leave: bool) -> None:
        """A report, or that nobody is left, to a router of an older version."""
        raise NotImplementedError

    # State.

    def is_old(self) -> bool:
        """Whether a router is there that speaks no version with sources."""
        return max(self.old_until, self.oldest_until) > self.nic.stack.clock.now_ns()

    def is_oldest(self) -> bool:
        """IGMP version 1."""
        return self.oldest_until > self.nic.stack.clock.now_ns()

    def _times(self) -> int:
        return self.robustness if self.nic.up and self.nic.has_arp and not self.is_old() else 0

    def join(self, group: bytes, include: bool) -> None:
        """One more listens, to nobody yet (`include`) or to all."""
        kept = self.groups.get(group)
        if kept is not None:
            if kept.add(include, (), True, self._times()):
                self._changed()
            return
        answer = _Answer(self, group)
        kept = self.groups[group] = GroupFilter(group, include, self.nic.stack.timers.timer(answer.run))
        before = self.left.pop(group, None)
        if before is not None and include:
            kept.gone = before.gone
            if before.exclude and before.tell_mode >= self.robustness:  # its end is not told yet
                kept.tell_mode = self.robustness
        self._begin(kept)

    def leave(self, group: bytes, include: bool, sources: Sequence[bytes]) -> None:
        """One less, who had listened to these, or to all but these."""
        kept = self.groups.get(group)
        if kept is None:
            return
        if kept.remove(include, sources, True, self._times()):
            self._changed()
        if kept.including > 0 or kept.excluding > 0:
            return
        del self.groups[group]
        kept.timer.close()
        self._end(kept)

    def change(self, group: bytes, include: bool, sources: Sequence[bytes], add: bool, whole: bool = False) -> None:
        """Sources more or less, of one that listens in that mode; with `whole` it begins or ends to do so."""
        kept = self.groups.get(group)
        if kept is None:
            return
        method = kept.add if add else kept.remove
        if method(include, sources, whole, self._times()):
            self._changed()

    def _begin(self, kept: GroupFilter) -> None:
        if not self.reported(kept.group):
            return
        kept.unsolicited = self.robustness
        if self.is_old():
            kept.timer.arm(self.nic.stack.clock.now_ns() + SOON)
            return
        if kept.exclude:
            kept.tell_mode = self.robustness
        self._changed()

    def _end(self, kept: GroupFilter) -> None:
        if not self.reported(kept.group) or not self.nic.up:
            return
        if self.is_old():
            if kept.reporter and not self.is_oldest():
                self.send_old(kept.group, True)
            return
        kept.tell_mode = self.robustness
        if kept.exclude:
            kept.gone.clear()
        if len(self.left) >= MAX_LEFT:
            del self.left[next(iter(self.left))]
        self.left[kept.group] = kept
        self._changed()

    # Changes.

    def _changed(self) -> None:
        if self._times():
            self._changes_left = self.robustness
            self._tell.arm(self.nic.stack.clock.now_ns() + SOON)

    def _tell_changes(self) -> None:
        records: list[wire.Record] = []
        for group, kept in reversed(list(self.left.items())):
            records += kept.farewell()
            if not kept.tell_mode and not kept.gone:
                del self.left[group]
        for kept in reversed(list(self.groups.values())):
            told = kept.changes()
            if self.reported(kept.group):
                records += told
        self.send_records(records)
        self._changes_left -= 1
        if self._changes_left > 0:
            self._tell.arm(self._within(REPEAT))

    def _within(self, longest: int) -> int:
        stack = self.nic.stack
        return stack.clock.now_ns() + max(stack.random.randrange(max(longest, 1)), SOON)

    def stop(self) -> None:
        """The NIC is down: nothing is told."""
        self._tell.cancel()
        self._answer.cancel()
        self._changes_left = 0
        self.left.clear()
        for kept in self.groups.values():
            kept.timer.cancel()

    def start(self) -> None:
        """It is up again: everything is."""
        self.robustness = self.usual_robustness()
        self.tell_all()

    def tell_all(self) -> None:
        """Of each group as if it had just been joined."""
        for kept in self.groups.values():
            if not kept.exclude:
                for addr in kept.listing():
                    kept.sources[addr].tell = self.robustness
            self._begin(kept)

    # Queries.

    def older_router(self) -> None:
        """One has asked: it would not understand what is still to be told."""
        self._tell.cancel()
        self._changes_left = 0
        self.left.clear()
        for kept in self.groups.values():
            kept.gone.clear()

    def general_query(self, longest: int) -> None:
        """Answer for all groups within `longest` ns, or when that is told already anyway."""
        at = self._within(longest)
        if self._answer.deadline is None or at < self._answer.deadline:
            self._answer.arm(at)

    def query(self, group: bytes, sources: Sequence[bytes], longest: int) -> None:
        """Answer for one group, or for each (empty) to an older router. Who asked for everything gets that (RFC 3376 5.2)."""
        now = self.nic.stack.clock.now_ns()
        for kept in [self.groups[group]] if group in self.groups else () if group else list(self.groups.values()):
            if not self.reported(kept.group):
                continue
            waiting = kept.timer.deadline
            if sources and (waiting is None or kept.only_asked):
                if not kept.ask(sources):
                    continue
            else:
                kept.only_asked = False
            kept.unsolicited = 0
            if waiting is None or waiting - now >= longest:
                kept.timer.arm(self._within(longest))

    def heard_report(self, group: bytes) -> None:
        """Somebody else answered an older router, who asks no more than that (RFC 2236 3, RFC 2710 4)."""
        kept = self.groups.get(group)
        if kept is not None and self.is_old():
            kept.timer.cancel()
            kept.unsolicited = 0
            kept.reporter = False

    def _answer_general(self) -> None:
        kept = reversed(list(self.groups.values()))
        self.send_records([one.current() for one in kept if self.reported(one.group)])

    def answer(self, group: bytes) -> None:
        """The time of a group has come."""
        kept = self.groups.get(group)
        if kept is None:
            return
        kept.unsolicited -= 1
        if kept.unsolicited > 0:
            kept.timer.arm(self._within(OLD_REPEAT if self.is_old() else REPEAT))
        kept.reporter = True
        if self.is_old():
            self.send_old(group, False)
        else:
            self.send_records([kept.current()])


class _Answer:
    """What the timer of a group calls."""

    __slots__ = ("listener", "group")

    def __init__(self, listener: Listener, group: bytes) -> None:
        self.listener = listener
        self.group = group

    def run(self) -> None:
        """Answer for it."""
        self.listener.answer(self.group)
