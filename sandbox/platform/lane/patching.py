"""Call sites that trap often are made to jump to a thunk (thunks.py), which posts without a signal.

What is written is five bytes of private, executable memory of a file, through /proc/PID/mem: it makes the page a copy of
the process's own as a debugger's breakpoint does, needs no change of protection, and is over when the call returns. So
it is done at one moment, when every thread of the process is stopped and none of them between two of the bytes that
change; those that run are brought to a stop for it (standstill.py). No thread runs until it is done, and each executes a
serialising instruction before it does (LANE_SYNC), so there are no half-written instructions and no old ones. Where the
sentry cannot write there, nothing is patched.

What else the guest does to such memory is noticed when it is ordered (`before`), except MADV_DONTNEED, which brings the
file's bytes back: then the site traps again, and is patched again.
"""

from __future__ import annotations

import os
from bisect import bisect_left, insort_right
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.arch.amd64 import RIP
from sandbox.platform.base import MemoryFault, TrapHandler
from sandbox.platform.lane.layout import LANE_REGS, LANE_SYNC, STUB_BASE
from sandbox.platform.lane.standstill import GAP
from sandbox.platform.lane.thunks import AREA_SIZE, CMP_SIZE, CMP_TRAP, MOV_SIZE, PATCH_SIZE, Site, ThunkArea, find_site

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.space import LaneSpace
    from sandbox.platform.lane.thread import LaneThread

RIP_WORD: Final = LANE_REGS + RIP
TRIES: Final = 16  # every so many traps from one address it is tried to patch it
_NEVER: Final = 1 << 40  # from here on the count is of an address that cannot be patched
_THUNK: Final = -(1 << 40)  # a count that stays below zero: the address is in a thunk
_MAX_COUNTS: Final = 4096
_MAX_AREAS: Final = 8
_WRITE_TRIES: Final = 64  # a second or two, where threads do not get a processor
_SIGILL: Final = 4
_SIGTRAP: Final = 5
_SIGSEGV: Final = 11
_SEGV_MAPERR: Final = 1
_SYS_MMAP: Final = 9
_SYS_MPROTECT: Final = 10
_SYS_MUNMAP: Final = 11
_SYS_MREMAP: Final = 25
_SYS_REMAP_FILE_PAGES: Final = 216
_PROT_WRITE: Final = 2
_PROT_EXEC: Final = 4
_UNUSED: Final = STUB_BASE + 8  # a byte of the stub between two gates


class Patches:
    """Of one space."""

    __slots__ = (
        "traps",
        "sites",
        "areas",
        "lost",
        "_starts",
        "_thunks",
        "no_more_areas",
        "coming",
        "forbidden",
        "still_next",
        "still_gap",
        "write_tries",
    )

    def __init__(self) -> None:
        self.traps: dict[int, int] = {}  # from an address
        self.sites: dict[int, Site] = {}  # patched, by their first byte
        self._starts: list[int] = []  # the same, in order
        self.areas: list[ThunkArea] = []
        self.lost: list[ThunkArea] = []  # that the guest has unmapped
        self._thunks: dict[int, Site] = {}  # every site that ever had one
        self.no_more_areas = False
        self.coming: ThunkArea | None = None  # that is being mapped
        self.forbidden = False  # a debugger looks at the code
        self.still_next = 0  # the process is not brought to a stop before, ns
        self.still_gap = GAP
        self.write_tries = 0  # of a call that makes code writable

    def close(self) -> None:
        """The space is gone."""
        if self.coming is not None:
            self.coming.close_fd()

    def copy(self) -> Patches:
        """For a forked child, whose memory is the same."""
        new = Patches()
        new.sites = dict(self.sites)
        new._starts = list(self._starts)
        new.areas = list(self.areas)
        new.lost = list(self.lost)
        new._thunks = dict(self._thunks)
        new.no_more_areas = self.no_more_areas
        new.forget_counts()
        return new

    def forget_counts(self) -> None:
        """So that a guest that makes calls from everywhere does not make the sentry grow."""
        self.traps = {thunk + CMP_TRAP: _THUNK for thunk, site in self._thunks.items() if site.number is None}

    def place(self, site: Site) -> bool:
        """Find room for its thunk."""
        for area in self.areas:
            if area.place(site):
                self._thunks[site.thunk] = site
                if site.number is None:
                    self.traps[site.thunk + CMP_TRAP] = _THUNK
                return True
        return False

    def aim(self, rip: int) -> int:
        """Where a thread really goes on of which the guest sees `rip`."""
        site = self.sites.get(rip - 2)
        return site.tail if site is not None and site.number is None else rip

    def shown(self, rip: int) -> int:
        """The address that the guest sees of a thread stopped at `rip`."""
        site = self.site(rip, self.areas)
        return site.shown(rip) if site is not None else rip

    def site(self, rip: int, areas: list[ThunkArea]) -> Site | None:
        """Whose thunk, in one of the areas, `rip` lies in."""
        for area in areas:
            if area.holds(rip):
                return self._thunks.get(area.base + (rip - area.base & ~63))
        return None

    def last_at(self, start: int) -> Site | None:
        """A site that begins with its call, as it was last patched."""
        return next((s for s in reversed(self._thunks.values()) if s.start == start and s.number is None), None)

    def most_counts(self) -> int:
        """That `traps` may have."""
        return _MAX_COUNTS + len(self._thunks)

    def add(self, site: Site) -> None:
        """It is patched."""
        if site.start not in self.sites:
            insort_right(self._starts, site.start)
        self.sites[site.start] = site

    def remove(self, site: Site) -> None:
        """It is not."""
        del self.sites[site.start]
        del self._starts[bisect_left(self._starts, site.start)]

    def within(self, start: int, end: int) -> list[Site]:
        """The patched sites with a byte in [start, end)."""
        at = bisect_left(self._starts, start - CMP_SIZE + 1)
        return [self.sites[start] for start in self._starts[at : bisect_left(self._starts, end)]]


class Patcher:
    """`patched`: how many sites, for the metrics."""

    def __init__(self, platform: LanePlatform, handler: TrapHandler) -> None:
        self.platform = platform
        self.handler = handler
        self.patched = 0

    def permitted(self, space: LaneSpace) -> bool:
        """The host lets the sentry write to code: tried with a byte of the first process's stub that is never executed.
        Some do not (the kernel's proc_mem.force_override, or a procfs that is mounted read-only)."""
        return self._poke(space, _UNUSED, b"\0", b"\0")

    # --- a call that was trapped ---

    def trapped(self, thread: LaneThread, number: int, args: tuple[int, ...]) -> bool:
        """Count; patch what it came from when it is time. True: the call will be handed on later."""
        patches = thread.space.patches
        rip = thread.words[RIP_WORD]
        traps = patches.traps
        traps[rip] = count = traps.get(rip, 0) + 1
        if count < 0:
            thread.words[RIP_WORD] = patches.shown(rip)
            return False
        if count % TRIES or patches.forbidden:
            return False
        if len(traps) > patches.most_counts():
            patches.forget_counts()
        if count >= _NEVER or number not in self.platform.thunk_calls:
            return False
        if not all(other.stopped for other in thread.space.threads.values()):
            return self._try_still(thread, rip, number, args)
        return self._try(thread, rip, number, args)

    def _try_still(self, thread: LaneThread, rip: int, number: int, args: tuple[int, ...]) -> bool:
        """As `_try`, once the threads that run have been brought to a stop, if it is worth that."""
        space = thread.space
        patches = space.patches
        site = self._found(space, rip, number)
        if site is None or not self._patchable(thread, site):
            return False
        if not patches.place(site) and (patches.no_more_areas or patches.coming is not None):
            return False
        standstills = self.platform.looker.standstills

        def still() -> None:
            if patches.forbidden or not thread.stopped or not self._try(thread, rip, number, args):
                standstills.end(space)

        return standstills.begin(thread, still)

    def _try(self, thread: LaneThread, rip: int, number: int, args: tuple[int, ...]) -> bool:
        space = thread.space
        patches = space.patches
        site = self._found(space, rip, number)
        if site is None or not self._allowed(thread, site):
            return False
        if patches.place(site):
            if not self._write(space, site):
                patches.traps[rip] = _NEVER
            return False
        if patches.no_more_areas or patches.coming is not None:
            return False
        try:
            area = ThunkArea()
        except OSError:
            patches.no_more_areas = True
            return False

        owner = thread.owner

        def mapped(address: int) -> None:
            area.close_fd()
            patches.coming = None
            if address:
                area.base = address
                patches.areas.append(area)
            if not address or len(patches.areas) >= _MAX_AREAS:
                patches.no_more_areas = True
            again = self._find(space, rip, number)
            if again is not None and not patches.forbidden and self._allowed(thread, again) and patches.place(again):
                self._write(space, again)
            standstills.end(space)
            if thread.owner is owner and not thread.released and not space.dead:  # what was kept may have ended it
                self.handler.syscall(thread, number, args)  # type: ignore[arg-type]

        patches.coming = area
        standstills = self.platform.looker.standstills
        if self.handler.map_code(thread, site.start, area.fd, AREA_SIZE, mapped):
            standstills.drop(thread)
            return True
        patches.coming = None
        area.close_fd()
        return False

    def _find(self, space: LaneSpace, rip: int, number: int) -> Site | None:
        try:
            code = space.read(rip - 8, 14)
        except MemoryFault:
            return None
        patched = space.patches.sites.get(rip - MOV_SIZE)
        if patched is not None and code[1 : 1 + PATCH_SIZE] == patched.new:
            return None  # what still stands behind the jump looks like the other form
        return find_site(code, rip, number)

    def _found(self, space: LaneSpace, rip: int, number: int) -> Site | None:
        """As `_find`; if there is no such call, it is not looked for again."""
        patches = space.patches
        site = self._find(space, rip, number)
        if site is None and rip - MOV_SIZE not in patches.sites and rip - 2 not in patches.sites:
            patches.traps[rip] = _NEVER
        return site

    def _patchable(self, thread: LaneThread, site: Site) -> bool:
        """The memory is of the kind that is patched."""
        end = site.start + (CMP_SIZE if site.number is None else MOV_SIZE)
        return self.handler.patchable(thread, site.start, end)

    def _allowed(self, thread: LaneThread, site: Site) -> bool:
        """It is, and nobody runs."""
        return self._quiet(thread.space, site) and self._patchable(thread, site)

    def _quiet(self, space: LaneSpace, site: Site) -> bool:
        for other in space.threads.values():
            if not other.stopped:
                return False
            at = other.words[RIP_WORD] - site.start
            if 0 < at < PATCH_SIZE and not (at == 2 and site.number is None):
                return False
        return True

    def _write(self, space: LaneSpace, site: Site) -> bool:
        if not self._poke(space, site.start, site.old, site.new):
            return False
        space.patches.add(site)
        self.patched += 1
        return True

    def _poke(self, space: LaneSpace, address: int, expected: bytes, code: bytes) -> bool:
        """Write `code` in place of `expected`, whatever the protection; False when something else is there."""
        try:
            fd = self.platform.proc.open(f"{space.proc_number}/mem", os.O_RDWR)
        except OSError:
            return False
        try:
            if os.pread(fd, len(expected), address) != expected or os.pwrite(fd, code, address) != len(code):
                return False
        except OSError:
            return False
        finally:
            os.close(fd)
        for thread in space.threads.values():
            if not thread.private:
                thread.words[LANE_SYNC] = 1
        return True

    # --- a debugger ---

    def reveal(self, space: LaneSpace, start: int, end: int) -> None:
        """Somebody is about to write there: what was patched is the guest's own code again."""
        for site in space.patches.within(start, end):
            self._restore(space, site)

    def reveal_quiet(self, space: LaneSpace) -> None:
        """Put back whatever can be put back now: bytes that a thread may be executing are not changed."""
        for site in list(space.patches.sites.values()):
            if not self._quiet(space, site):
                return
            self._restore(space, site)

    # --- a thread that stopped at an address of ours ---

    def interrupted(self, thread: LaneThread) -> None:
        """Between two instructions: the guest does not see thunks."""
        if thread.space.patches.areas:
            thread.words[RIP_WORD] = thread.space.patches.shown(thread.words[RIP_WORD])

    def faulted(self, thread: LaneThread, signo: int, code: int, address: int) -> bool:
        """True: it is none of the guest's faults, and the thread goes on."""
        patches = thread.space.patches
        rip = thread.words[RIP_WORD]
        if signo == _SIGILL and self._was_in_call(thread.space, rip):
            self.handler.interrupted(thread)  # if the site is patched, `aim` does the rest
            return True
        if signo == _SIGSEGV and code == _SEGV_MAPERR and address == rip:
            return self._gone(thread, rip)
        shown = patches.shown(rip)
        if shown == rip:
            return False
        if signo == _SIGTRAP:
            # It single-steps itself, and is told at the next instruction of its own. Not to be taken back to the site:
            # it would come here again for ever. (A signal that is pending just now does show this address.)
            self.handler.interrupted(thread)
            return True
        thread.words[RIP_WORD] = shown
        return False

    def _was_in_call(self, space: LaneSpace, rip: int) -> bool:
        """It was in the call before `rip` when the site was patched. By now the site may be the guest's own again."""
        site = space.patches.sites.get(rip - 2)
        if site is not None:
            return site.number is None
        site = space.patches.last_at(rip - 2)
        try:
            return site is not None and space.read(site.start, PATCH_SIZE) == site.old
        except MemoryFault:
            return False

    def _gone(self, thread: LaneThread, rip: int) -> bool:
        """Nothing is mapped where it goes on. Thunks were: the guest has unmapped them, or did not let them be copied
        at a fork (MADV_DONTFORK)."""
        space = thread.space
        site = space.patches.site(rip, space.patches.areas + space.patches.lost)
        if site is None:
            return False
        self._lose_areas(space, rip, rip + 1)
        try:
            if space.read(site.start, PATCH_SIZE) == site.new:
                return False  # the host would not have it put back
        except MemoryFault:
            pass
        thread.words[RIP_WORD] = site.shown(rip)
        self.handler.interrupted(thread)
        return True

    # --- what the guest does to its memory ---

    def about_to_write(self, thread: LaneThread, args: tuple[int, ...]) -> bool:
        """mprotect(2) asks for code to become writable. Where other threads may be executing what is patched there, they are
        brought to a stop, so that the guest has its own bytes when it writes; where that does not succeed soon it has not.
        True: the call will be handed on later."""
        space = thread.space
        if not args[2] & _PROT_WRITE or not space.patches.within(args[0], args[0] + args[1]):
            return False
        if all(other.stopped for other in space.threads.values()):
            return False  # `before` does it
        standstills = self.platform.looker.standstills
        patches = space.patches
        patches.write_tries += 1
        if patches.write_tries > _WRITE_TRIES:
            patches.write_tries = 0
            return False

        def still() -> None:
            patches.write_tries = 0
            for site in patches.within(args[0], args[0] + args[1]):
                if self._quiet(space, site):
                    self._restore(space, site)
            standstills.end(space)

        if not standstills.begin(thread, still, soon=True):
            standstills.postpone(thread)
        return True

    def before(self, space: LaneSpace, number: int, args: Sequence[int]) -> None:
        """An order is about to run: give back the bytes that it takes away, moves or makes writable.

        Sites in what becomes writable stay as they are while other threads run that could not be stopped: bytes that are
        executed meanwhile are not to be changed."""
        patches = space.patches
        ranges = []
        if number in (_SYS_MUNMAP, _SYS_MMAP, _SYS_REMAP_FILE_PAGES):
            ranges = [(args[0], args[1])]
        elif number == _SYS_MREMAP:
            ranges = [(args[0], max(args[1], args[2])), (args[4], args[2])]
        elif number == _SYS_MPROTECT:
            if not args[2] & _PROT_EXEC:
                self._lose_areas(space, args[0], args[0] + args[1])
            if not args[2] & _PROT_WRITE:
                return
            for site in patches.within(args[0], args[0] + args[1]):
                if self._quiet(space, site):
                    self._restore(space, site)
            return
        for start, size in ranges:
            for site in patches.within(start, start + size):
                self._restore(space, site)
            self._lose_areas(space, start, start + size)

    def _lose_areas(self, space: LaneSpace, start: int, end: int) -> None:
        patches = space.patches
        for area in patches.areas[:]:
            if area.base < end and area.base + AREA_SIZE > start:
                for site in list(patches.sites.values()):
                    if area.holds(site.thunk):
                        self._restore(space, site)
                patches.areas.remove(area)
                patches.lost.append(area)
                patches.no_more_areas = len(patches.areas) + len(patches.lost) >= _MAX_AREAS

    def _restore(self, space: LaneSpace, site: Site) -> None:
        """Only what is there as it was written."""
        space.patches.remove(site)
        self._poke(space, site.start, site.new, site.old)
