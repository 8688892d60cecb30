"""The lane platform: guest threads ask over shared pages, or by notification when nobody looks.

This module owns what is shared by all spaces: the first process, the listener, the control page, the
table of host threads, and the identification of new processes and threads. How a request is served
and when the sentry looks is in looking.py; one thread's side in thread.py; memory in space.py.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import time
from typing import Callable, Final, Iterable, Mapping, Sequence

from sandbox import host_signal as signal
from sandbox.platform import fpu, host_proc, hostcalls
from sandbox.platform.base import Copy, GuestThread, Platform, PlatformError, TrapHandler
from sandbox.platform.host_proc import HostProc
from sandbox.platform.lane import layout
from sandbox.platform.lane.copies import encode
from sandbox.platform.lane.futexes import FutexCounts
from sandbox.platform.lane.handover import HandOver
from sandbox.platform.lane.listener import Listener
from sandbox.platform.lane.looking import LaneLooker
from sandbox.platform.lane.orders import chunk_calls
from sandbox.platform.lane.patching import Patcher
from sandbox.platform.lane.regime import REGIMES, STUB_LOOKS, Regime
from sandbox.platform.lane.space import LaneSpace
from sandbox.platform.lane.strays import Strays
from sandbox.platform.lane.thread import LaneThread
from sandbox.platform.lane.zygote import TITLE_SIZE, Zygote, shared_pages
from sandbox.reactor import READ, Looker, Reactor

_SYS_CLONE: Final = 56
_SPURIOUS_NS: Final = 10_000_000  # an empty hypercall is answered at the next tick, so that floods gain nothing
_INTERRUPT_NS: Final = 10_000_000_000  # the same for any interrupt; longer, since ordered calls may take their time
_ROOM_NS: Final = 5_000_000  # threads that were told to end have ended by then
_RELEASE_NS: Final = 2_000_000_000  # a thread that does not come within this after an interrupt has its process killed
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_QUIET_MOST: Final = 256  # threads: more are not asked for, one by one, whether they sleep

Done = Callable[[GuestThread | None], None]


class _Fork:
    """A fork order under way: it ends when the child has told its token, or the parent that there is none."""

    __slots__ = ("parent", "patches", "done", "child", "parent_done")

    def __init__(self, parent: LaneThread, done: Done) -> None:
        self.parent = parent
        self.patches = parent.space.patches.copy()
        self.done = done
        self.child: LaneThread | None = None
        self.parent_done = False


class LanePlatform(Platform):
    """`looking=False`: every call parks (for comparison and for debugging)."""

    def __init__(self, reactor: Reactor, looking: bool = True) -> None:
        self.reactor = reactor
        self.task_size = layout.TASK_SIZE
        self.vdso_address = 0
        self.title_at = 0  # where in every guest process its command line is, as the host shows it
        self.min_signal_stack = 0
        self.regime = Regime(looking)
        self.cpus = sorted(os.sched_getaffinity(0))
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.active: list[tuple[memoryview, LaneThread]] = []  # lanes that may get a request
        self.by_tid: dict[int, LaneThread] = {}
        self.spaces: dict[int, LaneSpace] = {}  # by pid
        self._forks: dict[int, _Fork] = {}  # by token
        self._identifying: list[LaneThread] = []  # that have a new host thread under way
        self._fpu_size = 0
        self.ordering = 0  # threads with ordered calls under way: do not look at lanes only
        self._closing = False
        self._most_areas = host_proc.most_areas()
        control_fd = shared_pages("control", layout.CONTROL_SIZE)
        self._control_map = mmap.mmap(control_fd, layout.CONTROL_SIZE)
        self.control = memoryview(self._control_map).cast("Q")
        self.hand_over = HandOver(self.control, self.active, len(os.sched_getaffinity(0)))
        self.waiters = self._counts = FutexCounts(self._control_map)
        self.control[layout.CONTROL_LOOKS] = STUB_LOOKS
        lanes_fd = shared_pages("lanes", layout.CHUNK_SIZE)
        self._first_lanes = mmap.mmap(lanes_fd, layout.CHUNK_SIZE)
        self._zygote = Zygote(control_fd, lanes_fd)
        os.close(control_fd)
        os.close(lanes_fd)
        self.thunk_calls: frozenset[int] = frozenset()
        self.patcher: Patcher | None = None
        self.looker = LaneLooker(self)
        self.strays = Strays(self)
        self._poll = select.poll()
        self.listener: Listener

    # --- start and end ---

    def copy_ahead(self, calls: Mapping[int, Sequence[Copy]]) -> None:
        table = encode(calls)
        self._control_map[layout.CONTROL_COPIES : layout.CONTROL_COPIES + len(table)] = table

    def patch_calls(self, numbers: Iterable[int]) -> None:
        self.thunk_calls = frozenset(n for n in numbers if n < layout.COPIED_CALLS)
        for number in self.thunk_calls:
            self._control_map[layout.CONTROL_THUNKS + number // 8] |= 1 << number % 8

    def start(self, handler: TrapHandler) -> None:
        self.handler = handler
        zygote = self._zygote
        self.listener = Listener(zygote.listener())
        self.looker.bind(handler)
        self.listener.set_synchronous(True)
        self._poll.register(self.listener.fd, select.POLLIN)
        self.proc = HostProc(zygote.pid, zygote.pidfd, True)
        at, size = self.proc.command_line(self.proc.number(zygote.pid, zygote.pidfd))
        self.title_at = at if size == TITLE_SIZE else 0
        space = LaneSpace(self, zygote.pid, zygote.pidfd)
        space.chunks[0] = self._first_lanes
        self.spaces[zygote.pid] = space
        first = LaneThread(self, space, 0, zygote.pid)
        space.threads[0] = self.by_tid[zygote.pid] = first
        self.first = first
        self._wait_for_first(first)
        boot = first.words
        self.vdso_address = boot[layout.LANE_BOOT]
        if not boot[layout.LANE_BOOT + 1] & 2:
            raise PlatformError("this CPU or kernel lacks FSGSBASE: the lane platform needs it")
        self.min_signal_stack = boot[layout.LANE_BOOT + 2]
        if self.min_signal_stack > layout.XSTATE_MOST:
            raise PlatformError(f"signal frames of {self.min_signal_stack} bytes are too large for the stub's stacks")
        if self.thunk_calls:
            patcher = Patcher(self, handler)
            if patcher.permitted(space):
                self.patcher = self.looker.patcher = patcher
                self.control[layout.CONTROL_PATCH] = 1
        self.reactor.watch_first(self.listener.fd, self.looker.on_listener)
        self.reactor.watch(space.pidfd, READ, lambda _: self._reap(space))
        self.reactor.looker = self.looker

    def _wait_for_first(self, first: LaneThread) -> None:
        """The first process parks in its first trap and has its listener descriptor closed."""
        for step in range(2):
            events = self._poll.poll(5000)
            notice = self.listener.receive() if events else None
            if notice is None:
                raise PlatformError("the first guest process does not answer")
            id_, pid, _, nr, _, _, *args = notice
            if pid != first.tid:
                raise PlatformError("the first guest process has an unexpected pid")
            if step == 0:
                first.seen = first.words[layout.LANE_SEQ]
                first.notification = id_
                close = (3, layout.LISTENER_FD, 0, 0, 0, 0, 0, 0)
                first.give([close], [(3, (0,) * 6, -1)], lambda entry, result: None)
            elif nr != 3 or any(args):
                raise PlatformError("the first guest process made an unexpected call")
            else:
                first.at = 1
                self.listener.proceed(id_)
        events = self._poll.poll(5000)
        notice = self.listener.receive() if events else None
        if notice is None or first.words[layout.LANE_KIND] != layout.KIND_DONE:
            raise PlatformError("the first guest process does not answer")
        first.notification = notice[0]
        first.seen = first.words[layout.LANE_SEQ]
        first.stopped = True
        first.orders_done()

    def fpu_size(self) -> int:
        """How long XSAVE images in the host's signal frames are: the same for all threads."""
        if not self._fpu_size:
            image = self.first.fpu_state()
            self._fpu_size = len(image)
            self.control[layout.CONTROL_XFEATURES], self.control[layout.CONTROL_XSTATE] = fpu.kind(image)
        return self._fpu_size

    def quiet(self) -> bool:
        # A thread that has asked may run all the same: it looks for its answer, or it is a guest that plays the stub's
        # part. Where it sleeps, only the sentry can wake it.
        threads = self.by_tid.values()
        if self.looker.standstills.under_way:
            return False  # what they ask is kept
        if len(threads) > _QUIET_MOST or not all(thread.stopped for thread in threads):
            return False
        return all(self.proc.sleeps(space.proc_number) for space in self.spaces.values())

    def most_areas(self) -> int:
        return self._most_areas

    def freeze(self) -> None:
        # A stop is nothing that a thread could notice: one that waits for its answer asks again when it goes on.
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        for space in self.spaces.values():
            try:
                signal.pidfd_send_signal(space.pidfd, number)
            except ProcessLookupError:
                pass  # it has just ended

    def faster_ways(self) -> frozenset[str]:
        """`synchronous`: waking the sentry on the caller's processor; `patches`: writing to guest code."""
        ways = {"synchronous": self.listener.synchronous is not None, "patches": self.patcher is not None}
        return frozenset(name for name, has in ways.items() if has)

    def metrics(self) -> dict[str, int]:
        looker, residency = self.looker, self.regime.until(time.monotonic_ns())
        return {
            "calls": looker.served,
            "parked": looker.notified,
            "ordered": looker.ordered,
            "slept": looker.slept,
            "standstills": looker.standstills.reached,
            "standstills_missed": looker.standstills.missed,
            "lanes": len(self.by_tid),
            **{f"{name}_ns": spent for name, spent in zip(REGIMES, residency, strict=True)},
        }

    def close(self) -> None:
        self._closing = True
        for space in list(self.spaces.values()):
            space.kill()
        deadline = time.monotonic() + 10
        while self.spaces and time.monotonic() < deadline:
            for space in list(self.spaces.values()):
                if select.select([space.pidfd], [], [], 0.1)[0]:
                    self._reap(space)
        self.active.clear()
        self.reactor.looker = Looker()
        self.reactor.unwatch_first(self.listener.fd)
        os.close(self.listener.fd)
        self.proc.close()
        self.control.release()
        self._counts.close()
        self._control_map.close()

    # --- spaces ---

    def new_space(self, done: Done) -> None:
        def empty(thread: GuestThread | None) -> None:
            if thread is not None:
                thread.set_regs([0] * 25)
            done(thread)

        self.first.fork_space(empty)

    def forget_threads(self, space: LaneSpace) -> None:
        """A space is dying: its threads are not looked at and not known any more."""
        self.active[:] = [entry for entry in self.active if entry[1].space is not space]
        for thread in space.threads.values():
            self.by_tid.pop(thread.tid, None)
            thread.disarm()
        self.strays.lost(space)
        self._identifying = [parent for parent in self._identifying if parent.space is not space]
        for token, fork in list(self._forks.items()):
            if fork.parent.space is space or (fork.child is not None and fork.child.space is space):
                del self._forks[token]
                if fork.parent.space is not space:
                    fork.parent.space.finished()
                    fork.done(None)

    def _reap(self, space: LaneSpace) -> None:
        """A host process has ended. Any other child that is a zombie is collected as well."""
        if self.spaces.get(space.pid) is not space:
            return
        space.cpu_time_ns()  # before nobody can tell any more
        done = os.waitid(os.P_PIDFD, space.pidfd, os.WEXITED | os.WNOHANG)
        if done is None:
            return
        status = done.si_status if done.si_code in (os.CLD_KILLED, os.CLD_DUMPED) else done.si_status << 8
        self.reactor.unwatch(space.pidfd)
        del self.spaces[space.pid]
        space.dead = True
        self.forget_threads(space)
        if not self._closing:
            if space is self.first.space:
                raise PlatformError(f"the first guest process has ended (wait status {status:#x})")
            self.handler.space_gone(space, status)
        for thread in space.threads.values():
            thread.owner = None  # bounds that are still watched keep the thread for seconds, and not what ran in it
        space.close()

    # --- new host processes and threads ---

    def fork_space(self, parent: LaneThread, done: Done, first: bool = True) -> None:
        """Order a fork on a stopped thread (LaneThread.fork_space, when it is its turn); `first`: the first attempt."""
        if parent.space.dead:
            return
        token = int.from_bytes(os.urandom(8)) >> 1
        self._forks[token] = fork = _Fork(parent, done)

        def failed() -> None:
            parent.space.finished()
            done(None)

        def again() -> None:
            self.fork_space(parent, done, False)

        def parent_done(entry: int, result: int) -> None:
            if result < 0 and self._forks.pop(token, None) is not None:
                more = result == -errno.EAGAIN and first
                self.strays.failed(parent, lambda: self._make_room(again, failed) if more else failed())
            fork.parent_done = True

        parent.words[layout.LANE_TOKEN] = token
        flags = (layout.FORK_FLAGS, 0, 0, 0, 0, 0)
        parent.give([(_SYS_CLONE, *flags, layout.ORDER_FORK)], [(_SYS_CLONE, flags, -1)], parent_done)

    def adopt_child(self, id_: int, pid: int, token: int, slot: int) -> bool:
        """HYPER_CHILD from an unknown process: is it the child of a fork that we ordered?"""
        fork = self._forks.get(token)
        if fork is None or fork.child is not None or slot != fork.parent.slot or not self.listener.valid(id_):
            return False
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            if error.errno in _NO_ROOM:
                self.kill_stranger(id_, pid)
                self._forked(token, None)
                return True
            return False  # not a process, but a thread of one
        try:
            space = LaneSpace(self, pid, pidfd)
        except OSError:
            os.close(pidfd)
            self.kill_stranger(id_, pid)
            self._forked(token, None)
            return True
        space.patches = fork.patches
        space.areas = fork.parent.space.areas
        self.spaces[pid] = space
        self.reactor.watch(space.pidfd, READ, lambda _: self._reap(space))
        child = LaneThread(self, space, slot, pid, private=True)
        space.threads[slot] = self.by_tid[pid] = child
        fork.child = child
        child.affinity, child.nice = fork.parent.affinity, fork.parent.nice
        child.stopped_as(fork.parent)
        child.born(id_)
        self._forked(token, child)
        return True

    def _forked(self, token: int, child: LaneThread | None) -> None:
        """The child has told who it is; None: the host has no room to serve it."""
        fork = self._forks.pop(token)
        self.strays.announced(fork.parent)
        if not fork.parent_done:
            fork.parent.stopped_at_next()  # the child is there, so the order has been executed
        fork.parent.space.finished()
        fork.done(child)

    def clone_thread(self, parent: LaneThread, done: Done) -> None:
        """A second host thread (LaneThread.clone_thread, when it is its turn): from the pool, or a new one."""
        space = parent.space
        if space.dead:
            return
        if parent.private:
            if not parent.attach(lambda: self.clone_thread(parent, done)):
                space.finished()
                done(None)
            return
        if space.pooled:
            thread = space.pooled.pop()
            thread.released = False
            thread.unlearn()
            thread.set_regs(parent.get_regs())
            thread.take_fpu_state(parent)
            thread.set_affinity(parent.affinity)
            thread.set_nice(parent.nice)
            space.finished()
            done(thread)
            return
        slot = space.free_slot()
        if slot is None:
            space.finished()
            done(None)
        elif slot // layout.CHUNK_SLOTS not in space.chunks:
            self._map_chunk(parent, slot // layout.CHUNK_SLOTS, lambda: self._new_thread(parent, slot, done), done)
        else:
            self._new_thread(parent, slot, done)

    def _make_room(self, then: Callable[[], None], nothing: Callable[[], None]) -> None:
        """The host lets the user have no more threads: end those that only wait to be used again, and try once more
        when they are gone. `nothing`: there are none."""
        idle = [thread for space in self.spaces.values() for thread in space.pooled if thread.slot and thread.stopped]
        for thread in idle:
            thread.space.pooled.remove(thread)
            thread.end()
        if idle:
            self.reactor.call_at(self.reactor.clock.now_ns() + _ROOM_NS, then)
        else:
            nothing()

    def _map_chunk(self, parent: LaneThread, number: int, then: Callable[[], None], failed: Done) -> None:
        space = parent.space
        fd = space.new_chunk(number)
        if fd < 0:
            space.finished()
            failed(None)
            return
        space.lent = None
        expected = chunk_calls(number, fd)
        entries = [(nr, *args, layout.ORDER_LENT if lent >= 0 else 0) for nr, args, lent in expected]

        def done(entry: int, result: int) -> None:
            os.close(fd)
            if result == 0:
                then()
            else:
                space.chunks.pop(number).close()
                space.finished()
                failed(None)

        parent.give(entries, expected, done)

    def _new_thread(self, parent: LaneThread, slot: int, done: Done, first: bool = True) -> None:
        space = parent.space
        space.lane(slot)[: layout.LANE_DATA] = bytes(layout.LANE_DATA)
        parent.words[layout.LANE_SLOT] = slot
        top = layout.STACKS_BASE + slot * layout.STACK_SIZE
        state: list[LaneThread | None] = [None]
        parent_done = [False]

        def finish() -> None:
            thread = state[0]
            if parent_done[0] and thread is not None and thread.on_attached is None:
                space.finished()
                done(thread)

        def failed() -> None:
            space.finished()
            done(None)

        def again() -> None:
            if not space.dead:
                self._new_thread(parent, slot, done, False)

        def ordered(entry: int, result: int) -> None:
            parent_done[0] = True
            if result < 0:
                self._identified(parent)
                more = result == -errno.EAGAIN and first
                self.strays.failed(parent, lambda: self._make_room(again, failed) if more else failed())
            else:
                finish()

        def identified(tid: int) -> None:
            thread = LaneThread(self, space, slot, tid)
            thread.affinity, thread.nice = parent.affinity, parent.nice
            thread.stopped = False
            thread.listed = True
            space.threads[slot] = self.by_tid[tid] = thread
            self.active.append((thread.words, thread))
            state[0] = thread

            def ready() -> None:
                if thread.words[layout.LANE_KIND] == layout.KIND_READY:
                    finish()
                else:
                    space.kill()  # nothing else can be its first word

            thread.on_attached = ready

        parent.identify = identified
        self._identifying.append(parent)
        # The stub fills in the stack pointer; it must lie in the new slot's stack.
        entry = (_SYS_CLONE, layout.THREAD_FLAGS, 0, 0, 0, 0, 0, layout.ORDER_THREAD)
        parent.give([entry], [(_SYS_CLONE, (layout.THREAD_FLAGS, top, 0, 0, 0, 0), -1)], ordered)

    def adopt_thread(self, id_: int, tid: int, slot: int) -> bool:
        """HYPER_THREAD from an unknown thread: is it one that we ordered, in the process it belongs to?"""
        for parent in self._identifying:
            space = parent.space
            if parent.identify is None or slot in space.threads or parent.words[layout.LANE_SLOT] != slot:
                continue
            try:
                hostcalls.tgkill(space.pid, tid, 0)
            except OSError:
                continue
            identify = parent.identify
            self._identified(parent)
            self.strays.announced(parent)
            identify(tid)
            return self.listener.answer(id_, 0)
        return False

    def _identified(self, parent: LaneThread) -> None:
        parent.identify = None
        if parent in self._identifying:
            self._identifying.remove(parent)

    # --- odds and ends ---

    def watch_release(self, thread: LaneThread) -> None:
        """A released thread still runs guest code: it comes within a bound, or its process is killed."""

        def late() -> None:
            if not thread.stopped and not thread.space.dead:
                thread.space.kill()

        self.reactor.call_after(_RELEASE_NS, late)

    def watch_interrupt(self, thread: LaneThread) -> None:
        """A thread that was interrupted posts something within a bound, or its process is killed: it has blocked the
        signal through a forged frame, or waits in the stub for an answer to nothing."""
        if thread.watched:
            return
        thread.watched = True
        seen = thread.seen

        def late() -> None:
            thread.watched = False
            if not thread.space.dead and not thread.stopped and thread.seen == seen:
                thread.space.kill()

        self.reactor.call_after(_INTERRUPT_NS, late)

    def answer_later(self, id_: int) -> None:
        """A hypercall without a request."""
        at = self.reactor.clock.now_ns() + _SPURIOUS_NS

        def answer() -> None:
            self.listener.answer(id_, 0)

        self.reactor.call_at(at, answer)

    def kill_stranger(self, id_: int, pid: int) -> None:
        """A notification from a process that we did not order."""
        if self.listener.valid(id_):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.strays.look()
