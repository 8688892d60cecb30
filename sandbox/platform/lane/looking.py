"""Serving requests: from lanes that are looked at, and from notifications of parked threads."""

from __future__ import annotations

import select
import struct
import time
from typing import TYPE_CHECKING, Final

from sandbox.platform import hostcalls
from sandbox.platform.base import PlatformError, TrapHandler
from sandbox.platform.lane import layout
from sandbox.platform.lane.layout import (
    CONTROL_AWAKE,
    KIND_DONE,
    KIND_FAULT,
    KIND_INTERRUPTED,
    KIND_SYSCALL,
    KIND_THUNK,
    LANE_ADDR,
    LANE_ARGS,
    LANE_CODE,
    LANE_CPU,
    LANE_DONE,
    LANE_KIND,
    LANE_NR,
    LANE_SEQ,
    LANE_SIGNO,
)
from sandbox.platform.lane.orders import OWN_CALLS
from sandbox.platform.lane.regime import CROWDED, CROWDED_ROUNDS, DENSE_ROUNDS, PAUSE_ROUNDS, SPARSE
from sandbox.platform.lane.standstill import Standstills
from sandbox.reactor import Looker

if TYPE_CHECKING:
    from sandbox.platform.lane.patching import Patcher
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.thread import LaneThread

_ARGS: Final = struct.Struct("6Q").unpack_from
_ARGS_AT: Final = LANE_ARGS * 8
_SYS_MPROTECT: Final = 10
_SYS_CLONE: Final = 56
_SYS_EXIT: Final = 60
_SYS_GETPPID: Final = 110
_CALLS: Final = (KIND_SYSCALL, KIND_THUNK)
_FAULTS: Final = (4, 5, 7, 8, 11)  # SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV: what the stub handles
_PRIVATE_CALLS: Final = 64  # that a thread makes before it gets a shared lane
_SERVED_BOUND: Final = 64  # calls served between two looks at descriptors and timers
# poll, pause, nanosleep, accept, wait4, rt_sigtimedwait, rt_sigsuspend, futex, epoll_wait, clock_nanosleep, waitid, pselect6, ppoll,
# epoll_pwait, accept4: where threads stay for long. Among many threads those do not wait there by notification either.
_LONG_WAITS: Final = frozenset((7, 23, 34, 35, 43, 61, 128, 130, 202, 230, 232, 247, 270, 271, 281, 288))
_MANY: Final = 64  # threads above which those that block are not left parked by notification
_PART_NS: Final = 4_000_000  # a thread is sent to another processor at most this often
_BATCH: Final = 16  # notifications received in one turn


class LaneLooker(Looker):
    """`served`, `notified`, `ordered`: counters for the sandbox's metrics."""

    def __init__(self, platform: LanePlatform) -> None:
        self.platform = platform
        self.handler: TrapHandler
        self.patcher: Patcher | None = None
        self.served = 0
        self.notified = 0
        self.ordered = 0
        self.slept = 0
        self._awake = False
        self._unanswered: list[LaneThread] = []  # at the end of their turn
        self._prune_above = 4
        self._part_next = 0  # when to look next whether threads share a processor
        self._poll = select.poll()
        self.standstills = Standstills(platform.reactor, self._serve_posted)
        self._standing = self.standstills.under_way

    def bind(self, handler: TrapHandler) -> None:
        """The kernel that is asked."""
        self.handler = handler
        self._poll.register(self.platform.listener.fd, select.POLLIN)

    # --- requests ---

    def serve(self, thread: LaneThread) -> None:
        """Hand one posted request to the kernel."""
        words = thread.words
        thread.seen = words[LANE_SEQ]
        thread.stopped = True
        self.served += 1
        kind = words[LANE_KIND]
        if thread.acting:
            thread.tell_actions()
        if thread.on_attached is not None:
            then, thread.on_attached = thread.on_attached, None
            then()
            return
        if thread.on_return is not None:
            thread.returned(kind == KIND_DONE)
            if thread.space.dead:
                return
        if thread.released:
            if kind != KIND_DONE:
                thread.pool()
                return
        if self._standing and thread.space in self._standing and self.standstills.keep(thread):
            return
        if kind in _CALLS:
            number, args = words[LANE_NR], _ARGS(thread.lane, _ARGS_AT)
            if number == _SYS_MPROTECT and self.patcher is not None and self.patcher.about_to_write(thread, args):
                return
            if kind == KIND_THUNK:
                pass  # a shared lane, and a site that is patched
            elif thread.private:
                thread.parked += 1
                long = number in _LONG_WAITS and len(self.platform.by_tid) > _MANY
                if (long or thread.parked > _PRIVATE_CALLS) and not thread.space.busy:
                    thread.parked = 0
                    if thread.attach():
                        return
            elif self.patcher is not None and self.patcher.trapped(thread, number, args):
                return
            self.handler.syscall(thread, number, args)
        elif kind == KIND_DONE:
            thread.orders_done()
        elif kind == KIND_INTERRUPTED:
            if self.patcher is not None:
                self.patcher.interrupted(thread)
            self.handler.interrupted(thread)
        elif kind == KIND_FAULT and (signo := words[LANE_SIGNO]) in _FAULTS:
            code = words[LANE_CODE] & 0xFFFF_FFFF
            if code & 0x8000_0000:
                code -= 0x1_0000_0000
            if self.patcher is not None and self.patcher.faulted(thread, signo, code, words[LANE_ADDR]):
                return
            self.handler.fault(thread, signo, code, words[LANE_ADDR])
        else:
            thread.space.kill()
        if thread.stopped and self._awake:
            self._unanswered.append(thread)

    # --- looking ---

    def look(self) -> bool:
        if not self._awake:
            return False
        if self._unanswered:
            self._let_sleep()
        platform = self.platform
        reactor = platform.reactor
        soon, later = reactor.soon, reactor.later
        regime = platform.regime
        rounds = CROWDED_ROUNDS if regime.now == CROWDED else DENSE_ROUNDS
        hand_over = platform.hand_over
        hand_over.deferring = True
        served = idle = 0
        while idle < rounds:
            found = False
            for words, thread in platform.active:
                if words[LANE_SEQ] > thread.seen and not thread.stopped:
                    try:
                        self.serve(thread)
                    except Exception as error:  # noqa: BLE001
                        self._mishap(thread, error)
                    served += 1
                    if hand_over.left:
                        hand_over.served()
                    found = True
            if soon and reactor.run_soon():
                break
            if found:
                idle = 0
                if served >= _SERVED_BOUND:
                    break
                if len(platform.active) > self._prune_above:
                    self._prune()
            else:
                idle += 1
                if hand_over.due:
                    hand_over.idle()
                if later:
                    if self._unanswered or idle >= PAUSE_ROUNDS:
                        break
                elif self._unanswered:
                    self._let_sleep()
            if platform.ordering:
                break  # the next thing is a notification
        hand_over.deferring = False
        if hand_over.due and (not hand_over.left or idle >= rounds or not self._awake):
            hand_over.flush()
        if served or idle >= rounds:
            regime.looked(served, time.monotonic_ns())
        return idle < rounds

    def _serve_posted(self, thread: LaneThread) -> None:
        """What goes wrong is this thread's affair, whoever is being served besides."""
        try:
            self.serve(thread)
        except Exception as error:  # noqa: BLE001
            self._mishap(thread, error)

    def _let_sleep(self) -> None:
        """What was served and not answered, neither at once nor by what it has set in motion, need not look any more."""
        for thread in self._unanswered:
            if thread.stopped and not thread.space.dead:
                thread.let_sleep()
        self._unanswered.clear()

    def _prune(self) -> None:
        """Take stopped threads off the list; they come back when they are answered."""
        keep = []
        for entry in self.platform.active:
            thread = entry[1]
            if thread.stopped or thread.space.dead:
                thread.listed = False
            else:
                keep.append(entry)
        self.platform.active[:] = keep
        self._prune_above = 4 + 2 * len(keep)  # so that many threads that run do not cost a look at each at every turn

    def about_to_sleep(self) -> bool:
        platform = self.platform
        if not self._awake:
            if len(platform.active) > self._prune_above:
                self._prune()
            if platform.listener.synchronous is False:
                platform.listener.set_synchronous(True)
            return False
        self._prune()
        platform.control[CONTROL_AWAKE] = 0
        hostcalls.fence()
        self._awake = False
        for words, thread in platform.active:
            if words[LANE_SEQ] > thread.seen and not thread.stopped:
                self._look_from_now()
                return True
        self.slept += 1
        platform.regime.goes_to_sleep(time.monotonic_ns())
        platform.listener.set_synchronous(True)
        return False

    def _look_from_now(self) -> None:
        self._awake = True
        self.platform.control[CONTROL_AWAKE] = 1

    def _stop_looking(self, now: int) -> None:
        platform = self.platform
        platform.control[CONTROL_AWAKE] = 0
        self._awake = False
        if platform.hand_over.due:
            platform.hand_over.flush()
        platform.regime.choose(len(platform.active), now)
        hostcalls.fence()
        for words, thread in platform.active[:]:
            if words[LANE_SEQ] > thread.seen and not thread.stopped and not thread.space.dead:
                self._serve_posted(thread)  # before it could see that nobody looks
        platform.listener.set_synchronous(True)

    # --- notifications ---

    def on_listener(self) -> None:
        """The reactor saw the listener readable."""
        listener = self.platform.listener
        for _ in range(_BATCH):
            notice = listener.receive()
            if notice is not None:
                try:
                    self._notified(notice[0], notice[1], notice[3], notice[6:])
                except Exception as error:  # noqa: BLE001
                    self._mishap(self.platform.by_tid.get(notice[1]), error)
                    if notice[1] not in self.platform.by_tid:
                        self.platform.kill_stranger(notice[0], notice[1])
            if listener.synchronous or not self._poll.poll(0):
                break  # woken on our own CPU, the guest has not run yet

    def _mishap(self, thread: LaneThread | None, error: Exception) -> None:
        """A bug costs the process that met it. Not the first one: nothing can go on without it."""
        if isinstance(error, PlatformError) or (thread is not None and thread.space is self.platform.first.space):
            raise error
        self.handler.mishap(thread.space if thread is not None else None, error)
        if thread is not None:
            thread.space.kill()

    def _notified(self, id_: int, pid: int, nr: int, args: tuple[int, ...]) -> None:
        thread = self.platform.by_tid.get(pid)
        if thread is not None and thread.private and not thread.stopped:
            if nr == _SYS_GETPPID or not thread.expected or thread.on_return is not None:
                thread.fetch()  # else it executes orders: it has not asked anything since
        elif self._awake:
            now = time.monotonic_ns()
            if self.platform.regime.notified_while_awake(now):
                self._stop_looking(now)
                thread = self.platform.by_tid.get(pid)  # what was served may have ended it
        if nr != _SYS_GETPPID:
            if thread is None or not self._let_through(thread, id_, nr, args):
                self._attack(id_, pid, thread)
            return
        self.notified += 1
        if thread is None:
            child = args[0] == layout.HYPER_CHILD and self.platform.adopt_child(id_, pid, args[1], args[2])
            if not child and not (args[0] == layout.HYPER_THREAD and self.platform.adopt_thread(id_, pid, args[1])):
                self._attack(id_, pid, None)
        elif args[0] == layout.HYPER_PARK:
            thread.parked_at = None  # not at a call any more
            if thread.private:
                thread.words[LANE_SEQ] = args[2]
            self._parked(thread, id_)
        else:
            self._attack(id_, pid, thread)

    def _parked(self, thread: LaneThread, id_: int) -> None:
        words = thread.words
        if words[LANE_DONE] == words[LANE_SEQ]:
            thread.parked_at = None
            self._has_answer(thread, id_)
            return
        thread.notification = id_
        if thread.stopped:
            return  # posted, looked at, and not answered yet
        if words[LANE_SEQ] <= thread.seen:
            thread.notification = 0
            thread.parked_at = None
            self.platform.answer_later(id_)
            return
        if thread.private:
            if not self._awake and self.platform.listener.synchronous is False:
                self.platform.listener.set_synchronous(True)
            self.serve(thread)
            return
        self._serve_parked(thread, words)
        if thread.notification and thread.stopped and len(self.platform.by_tid) > _MANY:
            thread.wait_at_lane()

    def _has_answer(self, thread: LaneThread, id_: int) -> None:
        """It was answered before it parked: it only has to look. That happens once a request at most."""
        if thread.excused == thread.seen:
            self.platform.answer_later(id_)
        else:
            thread.excused = thread.seen
            self.platform.listener.answer(id_, 0)

    def _serve_parked(self, thread: LaneThread, words: memoryview) -> None:
        now = time.monotonic_ns()
        regime = self.platform.regime
        if not self._awake:
            regime.woken_by_call(now)
            if regime.choose(len(self.platform.active), now) == SPARSE:
                self._serve_sparse(thread, now)
                regime.served(time.monotonic_ns())
            else:
                self.platform.listener.set_synchronous(False)  # so that the answer sends it to another CPU
                self._serve_apart(thread)
                self._look_from_now()
        elif words[LANE_CPU] == hostcalls.current_cpu():
            self._serve_apart(thread)
        else:
            self.serve(thread)

    def _serve_sparse(self, thread: LaneThread, now: int) -> None:
        """Usually the thread is woken on this processor, where it was when it parked. Where more threads run than it,
        that must not bring them all together here in time."""
        listener = self.platform.listener
        if self._runs_alone(thread):
            pass
        elif thread.words[LANE_CPU] != hostcalls.current_cpu():
            if listener.synchronous:
                listener.set_synchronous(False)  # until the next one that is to be woken here, or the sentry sleeps
            self.serve(thread)
            return
        elif now > self._part_next and self._shares_cpu(thread, now):
            self._serve_apart(thread)
            return
        if listener.synchronous is False:
            listener.set_synchronous(True)
        self.serve(thread)

    def _runs_alone(self, thread: LaneThread) -> bool:
        """No other thread with a shared lane does anything but wait for an answer."""
        for _, other in self.platform.active:  # noqa: SIM110 a generator costs more
            if not other.stopped and other is not thread:
                return False
        return True

    def _serve_apart(self, thread: LaneThread) -> None:
        """Its answer wakes it on another processor than this one."""
        thread.keep_apart()
        self.serve(thread)
        thread.set_free()

    def _shares_cpu(self, thread: LaneThread, now: int) -> bool:
        """Another thread runs on this processor too, while there are others. Looked at now and then only."""
        self._part_next = now + _PART_NS
        here = hostcalls.current_cpu()
        for words, other in self.platform.active:
            if other is not thread and not other.stopped and words[LANE_CPU] == here:
                return len(self.platform.cpus) > 1
        return False

    def _let_through(self, thread: LaneThread, id_: int, nr: int, args: tuple[int, ...]) -> bool:
        """Compare an ordered call with what was ordered, register by register."""
        listener = self.platform.listener
        words = thread.words
        posted = words[LANE_SEQ] > thread.seen
        if (posted and thread.on_return is not None) or (
            not thread.expected and (thread.stopped or posted or words[LANE_DONE] == thread.seen)
        ):
            # It parked here with its own call: a question like any other, that may be let through as it is.
            thread.parked_at = (nr, args)
            self._parked(thread, id_)
            return True
        at = thread.at
        if at < len(thread.expected):
            number, wanted, fd = thread.expected[at]
            if nr == number and (args == wanted or (nr == _SYS_CLONE and _in_stack(args, wanted))):
                has_it = fd < 0 or (at > 0 and thread.expected[at - 1][2] == fd)  # for the order before, and not closed
                if not has_it and not listener.lend(id_, fd, layout.LENT_FD):
                    return True
                thread.at = at + 1
                self.ordered += 1
                if nr == _SYS_CLONE:
                    self.platform.strays.cloned(thread)
                attached = False
                if thread.at == len(thread.expected):
                    if thread.lane_fd >= 0:
                        attached = True
                    elif thread.on_return is not None:
                        self.platform.ordering -= 1  # nothing more is heard of it
                        thread.counted = False
                listener.proceed(id_)
                if attached:
                    thread.attached()
                elif nr == _SYS_EXIT:
                    thread.ended()
                return True
        if at and thread.expected:
            number, wanted, _ = thread.expected[at - 1]
            if nr == number and args == wanted and nr != _SYS_CLONE:
                listener.proceed(id_)  # the same one again: it was interrupted before it ran
                return True
        if at == 0 and nr in OWN_CALLS and words[LANE_DONE] == words[LANE_SEQ]:
            self._has_answer(thread, id_)
            return True
        return False

    def _attack(self, id_: int, pid: int, thread: LaneThread | None) -> None:
        """A call from the stub's text that was not ordered: the process is killed."""
        if thread is None:
            self.platform.kill_stranger(id_, pid)
        else:
            thread.space.kill()


def _in_stack(args: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A thread's clone: its stack pointer, chosen by the stub, lies in the new slot's stack."""
    bottom = wanted[1]
    return (
        bottom != 0
        and args[0] == wanted[0]
        and args[2:] == wanted[2:]
        and bottom < args[1] < bottom + layout.STACK_SIZE
    )
