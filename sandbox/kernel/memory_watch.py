"""MemoryWatch: what the sandbox really uses is looked at now and then, and one process ends when it is too much
(mm/oom_kill.c). Promises are bounded when they are made (mm/commit.py), but several times what there is."""

from __future__ import annotations

import ctypes
import gc
from itertools import islice
from typing import TYPE_CHECKING, Callable, Final, Iterable

from sandbox.abi.linux.signal import SIGKILL
from sandbox.kernel.cgroup.memory import penalize, slow_down
from sandbox.kernel.kernel import Kernel
from sandbox.platform.base import AddressSpace, MemoryUse

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.thread_group import ThreadGroup

PAGE: Final = 4096
SPACES_A_LOOK: Final = 64
MEASURED_A_LOOK: Final = 16
MEASURE_NS: Final = 20_000_000  # no more are measured after so long: the host walks all of a process's page tables
FILES_A_LOOK: Final = 64
SOONEST_NS: Final = 20_000_000
LATEST_NS: Final = 500_000_000
FILL_NS_PER_PAGE: Final = 1000  # how fast guests fill memory: 4 GiB a second
AREA_BYTES: Final = 256  # struct vm_area_struct and its part of the tree, in the host's kernel
TIDY_PAGES: Final = 2048  # so much may the sentry grow before its garbage is collected
COUNT_NS: Final = 10_000_000  # areas are counted for about so long a look
SHARE: Final = 10  # a look takes at most one part in so many of the time
OWN_SLACK: Final = (64 << 20) // PAGE  # caches of the sentry's own, pages
ENDING_NS: Final = 500_000_000  # so long one that was killed may take to end, before another of its group is
TELLING_NS: Final = 1_200_000_000  # so long the host may take to be told of it, before
HEARD_NS: Final = 50_000_000  # who waits for memory.events has so long before the end of who was killed is told
OOM_SCORE_ADJ_MIN: Final = -1000
NOTHING: Final = MemoryUse(0, 0, 0)


class _Victim:
    """One that was killed: until when it may take to end, and the control groups that get memory back then."""

    __slots__ = ("patience_ns", "groups")

    def __init__(self, patience_ns: int, groups: set[Cgroup]) -> None:
        self.patience_ns = patience_ns
        self.groups = groups


class MemoryWatch:
    """`own_pages` gives the private memory of the sentry itself, in pages: what it grows by after the start is the
    guests' doing; `give_back` gives the host what of it is free. Every look costs a bounded time; with many processes
    each is looked at in turn. While every guest waits nobody looks.

    What the host's kernel keeps for each mapped area is charged to its process, as a memory cgroup charges it (SLAB_ACCOUNT).
    It is the host's own count that is charged, since a guest can map private memory without telling the kernel. That is no
    reason to kill it: an honest program too has more areas than the kernel's books, where the host could not merge
    neighbours again after a fork. Counting takes time, so nobody counts while as many as the host allows would fit; then
    up to half of the time goes into it, since a fork costs the host as much as a count of what it copies. A child has as
    many as its parent was known to have, until it is counted itself."""

    def __init__(
        self, kernel: Kernel, own_pages: Callable[[], int], give_back: Callable[[], None] = lambda: None
    ) -> None:
        self.kernel = kernel
        self._own_pages = own_pages
        self._give_back = give_back
        self._victims: dict[AddressSpace, _Victim] = {}  # were killed, and what they had has not come back yet
        self._own_base = own_pages()
        self._own = 0  # of it now, beyond what is accounted for
        self._tidied = self._own_base  # what there was of it when garbage was last collected
        self._forgiven = 0
        self._seen: dict[AddressSpace, MemoryUse] = {}
        self._grown: dict[AddressSpace, int] = {}  # pages more than at the look before, of those that were looked at
        self._measured = False  # in this look, for memory.high
        self._measure_until = 0  # in this look
        self._unmeasured = False  # some never were, since there was no time left
        self._turn: list[AddressSpace] = []
        self._copies: dict[AddressSpace, int] = {}  # pages that others count too; of this round of measuring
        self._copies_before: dict[AddressSpace, int] = {}  # and of the one before
        self._counted = False  # areas are counted, since they might be too many
        self._uncounted: list[AddressSpace] = []  # in this round
        self._still = False  # every guest has waited since this round began
        # That a process is to end for it: its pages, and the most that another has; what is done then.
        self.tell_host: Callable[[AddressSpace, int, int, Callable[[], None]], None] | None = None
        self._timer = kernel.timers.timer(self.look)
        self._arm(SOONEST_NS)
        kernel.cgroups.on_bound = self._arm

    def look(self) -> None:
        """Look, kill if there is too much, and say when to look again."""
        begin = self.kernel.clock.now_ns()
        self._measured = self._unmeasured = False
        self._measure_until = begin + MEASURE_NS
        self._refresh()
        self._count_areas(begin)
        left = self.kernel.commit.size - self._used(sum(use.private for use in self._seen.values()))
        if left < 0:
            self._measure(self._seen)
            left = self.kernel.commit.size - self._used(self._private_at_least(self._seen))
        if self._some_ended() and left < 0:
            left = self._take_back()
        groups = self.kernel.cgroups
        self._note_peaks()
        of_groups = self._look_at_groups() if groups.memory_bounds or groups.memory_highs else left
        if left < 0 and not self._victims:
            self._kill(-left, list(self._seen), self.kernel.commit.size)
        left = min(left, of_groups)
        took = self.kernel.clock.now_ns() - begin
        delay = max(took * SHARE, min(max(left * FILL_NS_PER_PAGE, SOONEST_NS), LATEST_NS))
        if self._uncounted or self._unmeasured:
            delay = max(took if self._uncounted else 2 * took, SOONEST_NS)
        quiet = self._quiet()
        self._tidy(quiet)
        if left >= 0 and quiet:
            self.kernel.reactor.call_at_next_event(lambda: self._arm(delay))  # nobody fills anything until then
        else:
            self._arm(delay)

    def _look_at_groups(self) -> int:
        """Control groups that are bounded by themselves (containers of a pod too), by the memory of their processes: pages
        left of the one that has least. What they put into files is of the sandbox. The innermost come first, as they are met first
        when memory is taken: who is within all bounds of his own does not end for one who is not."""
        groups = self.kernel.cgroups
        of_group: dict[Cgroup, list[AddressSpace]] = {
            cgroup: [] for cgroup in (*groups.memory_bounds, *groups.memory_highs)
        }
        for space in self._seen:
            task = next(iter(self.kernel.spaces.get(space, ())), None)
            for cgroup in task.group.cgroup.ancestors() if task is not None else ():
                if cgroup in of_group:
                    of_group[cgroup].append(space)
        least = self.kernel.commit.size
        for cgroup, every in sorted(of_group.items(), key=lambda one: -len(list(one[0].ancestors()))):
            spaces = [space for space in every if space in self._seen]  # but not who was killed for a group within it
            if cgroup.memory.high is not None:
                least = min(least, self._slow(cgroup, cgroup.memory.high, spaces))
            most = cgroup.memory_pages
            if most is None:
                continue
            left = most - self._used_by(spaces, True)
            if left < 0:
                self._measure(spaces)
                left = most - self._used_by(spaces, False)
            if left < 0 and not any(cgroup in victim.groups for victim in self._victims.values()):
                self._kill(-left, spaces, most, cgroup)
            least = min(least, left)
        return least

    def _slow(self, cgroup: Cgroup, high: int, spaces: list[AddressSpace]) -> int:
        """Who has got more since the last look in a group that has more than memory.high waits for it: pages left."""
        used = self._used_by(spaces, True)
        if used > high:
            if not self._measured:  # once a look: it may take long, and nobody ends who is over his bound here
                self._measured = True
                self._measure(self._seen)
            used = self._used_by(spaces, False)
        if used > high:
            slow_down(self.kernel, cgroup, used, [(space, self._grown.get(space, 0)) for space in spaces])
        return max(0, high - used)

    def _note_peaks(self) -> None:
        """What groups use together, for memory.peak."""
        used: dict[Cgroup, int] = {}
        for space, use in self._seen.items():
            task = next(iter(self.kernel.spaces.get(space, ())), None)
            if task is not None:
                cgroup = task.group.cgroup
                used[cgroup] = used.get(cgroup, 0) + use.private + use.shared
        total: dict[Cgroup, int] = {}
        for cgroup, pages in used.items():
            for one in cgroup.ancestors():
                total[one] = total.get(one, 0) + pages
        for cgroup, pages in total.items():
            cgroup.memory.seen(pages)

    def _used_by(self, spaces: list[AddressSpace], quick: bool) -> int:
        """Pages of their own and shared among them; `quick`: with what forks left in common counted for each."""
        seen = self._seen
        private = sum(seen[space].private for space in spaces) if quick else self._private_at_least(spaces)
        shared = min(self.kernel.commit.shared, sum(seen[space].shared for space in spaces))
        return private + shared + sum(map(self._areas, spaces))

    def _tidy(self, quiet: bool) -> None:
        """Collect garbage when the sentry has grown by half since it last was, or by less before everybody waits: what
        processes leave behind is in circles, and Python alone would wait for many more of them."""
        own = self._own_pages()
        if own > self._tidied + (TIDY_PAGES if quiet else max(2 * TIDY_PAGES, self._tidied // 2)):
            self._give_back()
            self._tidied = self._own_pages()

    def _take_back(self) -> int:
        """The one that was killed has ended: pages that are left then."""
        self._give_back()
        left = self.kernel.commit.size - self._used(self._private_at_least(self._seen))
        return left + self._forgive(-left) if left < 0 else left

    def _some_ended(self) -> bool:
        """Of those that were killed, or take too long for it."""
        now = self.kernel.clock.now_ns()
        ended = [
            space
            for space, victim in self._victims.items()
            if space not in self.kernel.spaces or now > victim.patience_ns
        ]
        for space in ended:
            del self._victims[space]
        return bool(ended)

    def _quiet(self) -> bool:
        """Nobody makes any more memory his own, and what there is was looked at: areas are, when a round of counting began
        and ended with everybody waiting."""
        quiet = self.kernel.platform.quiet()
        if self._uncounted:
            self._still = self._still and quiet
            return False
        looked, self._still = self._still or not self._counted, quiet
        return quiet and looked

    def _count_areas(self, begin: int) -> None:
        """Of those whose turn it is, for as long as there is time in a look that began at `begin`."""
        most = len(self._seen) * self.kernel.platform.most_areas()
        private = sum(use.private for use in self._seen.values())
        if self.kernel.commit.size - self._used(private, 0) >= _area_pages(most):
            self._counted = False
            self._uncounted.clear()
            return
        self._counted = True
        if not self._uncounted:
            self._uncounted = list(self._seen)
        while self._uncounted:
            space = self._uncounted.pop()
            if space in self._seen:
                space.count_areas()
                if self.kernel.clock.now_ns() - begin > COUNT_NS:
                    break

    def _measure(self, spaces: Iterable[AddressSpace]) -> None:
        """What forks left in common is counted for each process, so the sum of all is more than there is. Find out
        for the biggest of `spaces` whose turn it is, while there is time in this look; when everybody had a turn, anew."""
        left = [space for space in spaces if space not in self._copies]
        if not left:
            left = list(spaces)
            for space in left:
                self._copies_before[space] = self._copies.pop(space)
        left.sort(key=lambda space: self._seen[space].private, reverse=True)
        for space in left[:MEASURED_A_LOOK]:
            if self.kernel.clock.now_ns() >= self._measure_until:
                known = self._copies.keys() | self._copies_before.keys()
                self._unmeasured = self._unmeasured or any(one not in known for one in left)
                break
            self._copies[space] = space.shared_copies()

    def _private_at_least(self, spaces: Iterable[AddressSpace]) -> int:
        """Pages that processes have of their own, as far as that was measured."""
        total = 0
        for space in spaces:
            use = self._seen[space]
            copies = self._copies.get(space, self._copies_before.get(space))
            if copies is not None:
                total += max(0, use.private - copies)
        return total

    def _arm(self, delay: int) -> None:
        self._timer.arm(self.kernel.clock.now_ns() + delay)

    def _refresh(self) -> None:
        """Ask the host about the spaces whose turn it is, and about files that are mapped."""
        spaces = self.kernel.spaces
        for gone in [space for space in self._seen if space not in spaces]:
            del self._seen[gone]
            self._copies.pop(gone, None)
            self._copies_before.pop(gone, None)
        self._grown.clear()
        if not self._turn:
            self._turn = list(spaces)
        for space in self._turn[-SPACES_A_LOOK:]:
            if space in spaces:
                had, use = self._seen.get(space), space.memory_use()
                self._seen[space] = use
                if had is not None and use.private + use.shared > had.private + had.shared:
                    self._grown[space] = use.private + use.shared - had.private - had.shared
        del self._turn[-SPACES_A_LOOK:]
        mapped = self.kernel.mounts.vfs.space.mapped
        for file in list(islice(mapped, FILES_A_LOOK)):
            file.blocks()
            mapped[file] = mapped.pop(file)

    def _used(self, private: int, areas: int | None = None) -> int:
        """Pages: `private` ones of processes, what they share, of files beyond their bound (only a mapping gets there), of
        the sentry beyond what files are already bounded by, and of the host for areas (`areas`: in place of those counted)."""
        files = self.kernel.mounts.vfs.space
        kept = files.used + (files.overhead >> 12)
        self._own = max(0, self._own_pages() - self._own_base - OWN_SLACK - kept)
        shared = min(self.kernel.commit.shared, sum(use.shared for use in self._seen.values()))
        if areas is None:
            areas = sum(map(self._areas, self._seen))
        return private + shared + max(0, files.used - files.limit) + self._own + areas

    def _forgive(self, excess: int) -> int:
        """What a process made the sentry hold is free when it has ended, but not all of it can be given back to the host: it
        must not cost others their lives, up to as much as there is memory."""
        pages = min(excess, self._own, self.kernel.commit.size - self._forgiven)
        self._forgiven += pages
        self._own_base += pages
        return pages

    def _kill(self, excess: int, spaces: Iterable[AddressSpace], total: int, cgroup: Cgroup | None = None) -> None:
        """End the process with the most memory of those in `spaces`, with everybody who shares it. `total`: pages that
        `cgroup` has, or the sandbox."""
        worst: AddressSpace | None = None
        worst_points = 0
        for space in spaces:
            points = self._badness(space, total)
            if worst is None or points > worst_points:
                worst, worst_points = space, points
        if worst is None:
            return
        groups = self._groups(worst)
        patience_ns = self.kernel.clock.now_ns() + ENDING_NS
        self._victims[worst] = _Victim(patience_ns, {one for group in groups for one in group.cgroup.ancestors()})
        use = self._seen.pop(worst)
        own = use.private + self._areas(worst)
        whose = "the sandbox" if cgroup is None else "its container" if cgroup.view is not None else "its control group"
        for group in groups:
            name = group.leader.comm.decode("utf-8", "backslashreplace")
            line = (
                f"Out of memory: Killed process {group.ids.top()} ({name}): {own * 4} kB of its own, "
                f"{use.shared * 4} kB shared; {whose} has {total * 4} kB and used {(total + excess) * 4} kB"
            )
            self.kernel.log.warning(line)
            self.kernel.log.boot(self.kernel.uptime_ns(), line)
            group.view.oom_kills += 1
            group.cgroup.was_killed()
        if cgroup is not None and groups:
            groups += cgroup.out_of_memory(groups[0])
        tell = self.tell_host
        if tell is not None and any(group.view is self.kernel.view for group in groups):  # whose engine asks the host
            self._victims[worst].patience_ns += TELLING_NS
            self._hold(groups, patience_ns + TELLING_NS)
            tell(worst, _resident(use), self._most_resident(), lambda: self._told(worst, groups))
        else:
            self._end(groups)

    def _told(self, space: AddressSpace, groups: list[ThreadGroup]) -> None:
        victim = self._victims.get(space)
        if victim is not None:
            victim.patience_ns = self.kernel.clock.now_ns() + ENDING_NS
        self._end(groups)

    def _most_resident(self) -> int:
        return max(map(_resident, self._seen.values()), default=0)

    def _end(self, groups: list[ThreadGroup]) -> None:
        """Whoever waits for memory.events of one's control group has heard of it when his end is told: as on Linux, where memory is
        given back in between. Until then he gets no further."""
        if not any(one.memory_events.changed.is_awaited() for group in groups for one in group.cgroup.ancestors()):
            kill(groups)
            return
        now = self.kernel.clock.now_ns()
        self._hold(groups, now + 2 * HEARD_NS)
        self.kernel.reactor.call_at(now + HEARD_NS, lambda: kill(groups))

    @staticmethod
    def _hold(groups: list[ThreadGroup], until_ns: int) -> None:
        for group in groups:
            for task in list(group.tasks):
                penalize(task, until_ns)

    def _areas(self, space: AddressSpace) -> int:
        """Pages of the host's kernel for the areas of a process."""
        return _area_pages(space.known_areas()) if self._counted else 0

    def _groups(self, space: AddressSpace) -> list[ThreadGroup]:
        return list(dict.fromkeys(task.group for task in self.kernel.spaces.get(space, ())))

    def _badness(self, space: AddressSpace, total: int) -> int:
        """oom_badness: pages, moved by oom_score_adj in thousandths of the memory; those that must not be chosen come
        last. Each open file counts as a page: the sentry holds what belongs to it."""
        use = self._seen[space]
        adjust = max((group.oom_score_adj for group in self._groups(space)), default=0)
        files = sum({id(task.fds): len(task.fds) for task in self.kernel.spaces.get(space, ())}.values())
        own = use.private - self._copies.get(space, 0) + self._areas(space)
        points = own + use.shared + use.file + files + adjust * total // 1000
        return points - (total << 20) if adjust == OOM_SCORE_ADJ_MIN else points


def kill(groups: list[ThreadGroup]) -> None:
    """They end."""
    for group in groups:
        group.hurry()
        group.begin_exit(SIGKILL)


def give_back() -> None:
    """Let the host have memory of this process that is free (malloc_trim(3); not every C library has it)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident(use: MemoryUse) -> int:
    return use.private + use.shared + use.file


def _area_pages(areas: int) -> int:
    return areas * AREA_BYTES // PAGE


def own_pages() -> int:
    """Private memory of this process, in pages; 0 where the host does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            fields = file.read().split()
        return int(fields[1]) - int(fields[2])
    except (OSError, ValueError, IndexError):
        return 0
