"""What a NIC wants to hear of one multicast group: the filters of all its sockets merged, and what routers are yet to be told.

Implements: RFC 3376 3.2, 5.1, 5.2, RFC 3810 4.2, 6.1, 6.2. Source of behaviour: net/ipv4/igmp.c (ip_mc_add_src, ip_mc_del_src,
add_grec), net/ipv6/mcast.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterable, Sequence

from tcpip.header import group_record as wire

if TYPE_CHECKING:
    from tcpip.timers import Timer

MAX_GONE: Final = 1024
"""Sources no longer listed whose end is told, of one group: whoever changes lists faster than reports are sent fills no memory."""


class FilteredSource:
    """One source: how many sockets name it, and in how many more reports its change is told."""

    __slots__ = ("including", "excluding", "tell", "was_listed", "asked")

    def __init__(self) -> None:
        self.including = 0
        self.excluding = 0
        self.tell = 0
        self.was_listed = False
        self.asked = False


class GroupFilter:
    """`including` and `excluding` sockets listen in either mode; `exclude` is the mode of all. `tell_mode`: in how many more
    reports the change of mode is told. `gone`: sources no longer listed, and how often that is still to be told."""

    __slots__ = (
        "group",
        "including",
        "excluding",
        "exclude",
        "tell_mode",
        "sources",
        "gone",
        "only_asked",
        "timer",
        "unsolicited",
        "reporter",
    )

    def __init__(self, group: bytes, include: bool, timer: Timer) -> None:
        self.group = group
        self.including = int(include)
        self.excluding = int(not include)
        self.exclude = not include
        self.tell_mode = 0
        self.sources: dict[bytes, FilteredSource] = {}
        self.gone: dict[bytes, int] = {}
        self.only_asked = False
        self.timer = timer
        self.unsolicited = 0
        self.reporter = False

    def listed(self, source: FilteredSource) -> bool:
        """Whether it is in the list of the merged filter: named by one who includes, or excluded by all who exclude."""
        if self.excluding:
            return source.excluding == self.excluding and not source.including
        return source.including > 0

    def listing(self) -> list[bytes]:
        """Of the merged filter."""
        return [addr for addr, source in self.sources.items() if self.listed(source)]

    # Changes. Both say whether there is something to tell.

    def add(self, include: bool, sources: Sequence[bytes], whole: bool, times: int) -> bool:
        """A socket names `sources` more; with `whole` it begins to listen in that mode."""
        self._mark()
        if whole:
            self._count(include, 1)
        for addr in sources:
            source = self.sources.setdefault(addr, FilteredSource())
            if include:
                source.including += 1
            else:
                source.excluding += 1
        if self.exclude != (self.excluding > 0):
            self._change_mode(self.excluding > 0, times)
            return True
        return self._compare(times)

    def remove(self, include: bool, sources: Sequence[bytes], whole: bool, times: int) -> bool:
        """The opposite; who listens to nobody more keeps the mode, in which its end is told."""
        self._mark()
        if whole:
            self._count(include, -1)
        changed = False
        for addr in sources:
            source = self.sources.get(addr)
            if source is None:
                continue
            if include:
                source.including -= 1
            else:
                source.excluding -= 1
            if source.including <= 0 and source.excluding <= 0:
                del self.sources[addr]
                if source.was_listed and times:
                    self._forget(addr, times)
                    changed = True
        if self.exclude and not self.excluding and self.including:
            self._change_mode(False, times)
            return True
        return self._compare(times) or changed

    def _count(self, include: bool, step: int) -> None:
        if include:
            self.including += step
        else:
            self.excluding += step

    def _mark(self) -> None:
        for source in self.sources.values():
            source.was_listed = self.listed(source)

    def _change_mode(self, exclude: bool, times: int) -> None:
        """That one record has the whole list makes those of its changes needless."""
        self.exclude = exclude
        self.tell_mode = times
        for source in self.sources.values():
            source.tell = 0

    def _compare(self, times: int) -> bool:
        changed = False
        for addr, source in self.sources.items():
            listed = self.listed(source)
            if listed == source.was_listed:
                continue
            changed = True
            source.tell = times if listed else 0
            if listed:
                self.gone.pop(addr, None)
            elif times:
                self._forget(addr, times)
        return changed

    def _forget(self, addr: bytes, times: int) -> None:
        if len(self.gone) >= MAX_GONE and addr not in self.gone:
            del self.gone[next(iter(self.gone))]
        self.gone[addr] = times

    # Records.

    def current(self) -> wire.Record:
        """For who asks: the list, or those of it that were asked for."""
        kind = wire.MODE_IS_EXCLUDE if self.excluding else wire.MODE_IS_INCLUDE
        listed = self.listing()
        if self.only_asked and not self.exclude:
            listed = [addr for addr in listed if self.sources[addr].asked]
        for addr in listed:
            self.sources[addr].asked = False
        self.only_asked = False
        return kind, self.group, listed

    def changes(self) -> list[wire.Record]:
        """What is to be told now, once less then."""
        allow, block = wire.ALLOW_NEW_SOURCES, wire.BLOCK_OLD_SOURCES
        records = self._told(block if self.exclude else allow, self._told_sources(), bool(self.tell_mode))
        records += self._told(allow if self.exclude else block, self._told_gone(), bool(self.tell_mode))
        if self.tell_mode:
            self.tell_mode -= 1
            records.append(
                (wire.CHANGE_TO_EXCLUDE if self.exclude else wire.CHANGE_TO_INCLUDE, self.group, self.listing())
            )
        return records

    def farewell(self) -> list[wire.Record]:
        """The same of a group that is left."""
        records: list[wire.Record] = []
        if not self.exclude:
            records = self._told(wire.BLOCK_OLD_SOURCES, self._told_gone(), False)
        if self.tell_mode:
            if self.exclude:
                records.append((wire.CHANGE_TO_INCLUDE, self.group, ()))
            self.tell_mode -= 1
        return records

    def _told(self, kind: int, sources: list[bytes], silent: bool) -> list[wire.Record]:
        return [(kind, self.group, sources)] if sources and not silent else []

    def _told_sources(self) -> list[bytes]:
        told = [addr for addr, source in self.sources.items() if source.tell]
        for addr in told:
            self.sources[addr].tell -= 1
        return told

    def _told_gone(self) -> list[bytes]:
        told = list(reversed(self.gone))
        self.gone = {addr: times - 1 for addr, times in self.gone.items() if times > 1}
        return told

    # Queries.

    def ask(self, sources: Iterable[bytes]) -> bool:
        """Whether a query for these sources concerns us; those that are listed are marked."""
        asked = set(sources)
        if self.exclude:
            self.only_asked = False
            return not asked <= set(self.listing())
        found = False
        for addr in asked & self.sources.keys():
            self.sources[addr].asked = found = True
        self.only_asked |= found
        return found
