"""A guest thread on the lane platform: one host thread, one slot, one lane."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.arch.amd64 import (
    CSGSFS,
    EFLAGS,
    EFLAGS_USER,
    FS_BASE,
    GS_BASE,
    IN_64_BIT,
    NUM_REGS,
    RAX,
    RDI,
    RDX,
    RIP,
    RSI,
    RSP,
)
from sandbox.platform import hostcalls
from sandbox.platform.base import FREE_FILES, OP_CMPXCHG32, OP_NAME, OP_XCHG32, GuestThread, Order
from sandbox.platform.lane import layout
from sandbox.platform.lane.affinity import LaneAffinity
from sandbox.platform.lane.layout import (
    ACTION_ATTACH,
    ACTION_ORDERS,
    ACTION_ORDERS_RETURN,
    ACTION_PROCEEDED,
    ACTION_REPLY,
    ACTION_REPLY_COPY,
    ACTION_RESUME,
    KIND_THUNK,
    LANE_ACTION,
    LANE_BLOCKED,
    LANE_COUNT,
    LANE_DONE,
    LANE_FPSTATE,
    LANE_FRAME,
    LANE_INDEX,
    LANE_KEPT,
    LANE_KIND,
    LANE_ORDERS,
    LANE_OUTS,
    LANE_REGS,
    LANE_RESULT,
    LANE_RETURN,
    LANE_SIZE,
    LANE_VALUE,
    LANE_WAIT,
    LENT_FD,
    MAX_ORDERS,
    ORDER_FREE,
    ORDER_KEEPABLE,
    ORDER_LENT,
    ORDER_LOCAL,
    ORDER_WORDS,
)
from sandbox.platform.lane.orders import EXIT, NOT_ASKED, OWN_CALLS, SYS_CLOSE, Expected, assumed, chunk_calls, lent
from sandbox.platform.lane.reports import credible, may_run_free

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.space import LaneSpace

_REGS: Final = struct.Struct(f"{NUM_REGS}Q")
_ORDERS_AT: Final = LANE_ORDERS * 8
_REGS_AT: Final = LANE_REGS * 8
_STOPPED: Final = ((LANE_FRAME * 8, LANE_FPSTATE * 8 + 8), (LANE_REGS * 8, LANE_REGS * 8 + _REGS.size))
_GENERAL: Final = struct.Struct(f"{EFLAGS + 1}Q")
_ORDER: Final = struct.Struct("8Q")
_M64: Final = 0xFFFF_FFFF_FFFF_FFFF


class LaneThread(LaneAffinity):
    """Stopped whenever it has posted a request that is not answered yet."""

    __slots__ = (
        "owner",
        "signed",
        "listed",
        "released",
        "expected",
        "at",
        "identify",
        "counted",
        "parked_at",
        "watched",
        "parked",
        "excused",
        "lane_fd",
        "on_attached",
        "asleep",
        "wait_word",
        "used_before_ns",
    )

    def __init__(self, platform: LanePlatform, space: LaneSpace, slot: int, tid: int, private: bool = False) -> None:
        self.platform = platform
        self.space = space
        self.owner = None
        self.slot = slot
        self.tid = tid
        self.private = private  # its lane lies in guest memory, and this is a copy of it
        self.parked = 0  # times it has parked with a private lane
        self.excused = -1  # the request whose answer it has parked for, when it was there already
        self.lane_fd = -1  # of the shared lane that it is about to map
        self.newborn = False  # nothing is in its private lane yet
        self.noting = False
        self.acting = False
        self.on_attached: Callable[[], None] | None = None  # its next word, on its shared lane, is only for this
        self.lane = memoryview(bytearray(LANE_SIZE)) if private else space.lane(slot)
        self.lane_address = hostcalls.address_of(self.lane) if private else 0
        self.remote_address = layout.STACKS_BASE + slot * layout.STACK_SIZE
        self.words = self.lane.cast("Q")
        self.signed = self.lane.cast("q")
        self.seen = 0
        self.stopped = True
        self.outs = 0
        self.listed = False  # in the platform's list of lanes to look at
        self.notification = 0  # id of the hypercall that it is parked in
        self.released = False
        self.expected: list[Expected] = []  # ordered calls that may still be notified
        self.asked = []  # of the orders in the lane: is there a notification of it?
        self.at = 0  # how many of `expected` were let through
        self.identify: Callable[[int], None] | None = None  # a new host thread tells its slot
        self.on_done = None
        self.left = None
        self.on_return = None  # orders after which it goes on without a word
        self.counted = False  # in platform.ordering
        self.parked_at: tuple[int, tuple[int, ...]] | None = None  # the call at which it is parked
        self.watched = False  # platform.watch_interrupt waits for it
        self.asleep = False  # `let_sleep` was called for what it asks: it may wait at its lane
        self.wait_word = 0 if private else platform.hand_over.new_word()  # at which it sleeps
        if not private:
            self.words[LANE_WAIT] = self.wait_word
        self.used_before_ns = 0  # processor time of the host thread when its guest thread began
        self.affinity = 0  # as set_affinity was told; 0: every processor
        self.nice = platform.nice  # of the host thread

    def detach(self) -> None:
        """Give the lane's memory back; nothing may be asked of the thread any more."""
        self.words.release()
        self.signed.release()
        self.lane.release()
        if self.lane_fd >= 0:
            os.close(self.lane_fd)
            self.lane_fd = -1

    # --- a private lane becomes a shared one ---

    def attach(self, then: Callable[[], None] | None = None) -> bool:
        """Have it map a shared lane and ask there again what it asks now. With `then`, inside an operation of the space:
        that is called, with the thread stopped as before, in place of asking the kernel again. False: there is no lane."""
        number = self.slot // layout.CHUNK_SLOTS
        self.lane_fd = self.space.new_chunk(number)
        if self.lane_fd < 0:
            return False
        self.space.busy = True
        self.space.lent = None
        self.on_done = None
        self.on_attached = then
        self.arm(chunk_calls(number, self.lane_fd))
        self.words[LANE_ACTION] = ACTION_ATTACH
        self.words[LANE_COUNT] = 0
        self.answer()
        return True

    def attached(self) -> None:
        """The last of `attach`'s calls has been let through: what comes next comes on the shared lane."""
        self.disarm()
        os.close(self.lane_fd)
        self.lane_fd = -1
        self.private = False
        registers = self.get_regs()
        self.lane = self.space.lane(self.slot)
        self.words = self.lane.cast("Q")
        self.signed = self.lane.cast("q")
        self.seen = 0
        self.wait_word = self.platform.hand_over.new_word()
        self.words[LANE_WAIT] = self.wait_word
        self.listed = True
        self.platform.active.append((self.words, self))
        then = self.on_attached
        if then is None:
            self.space.finished()
        else:

            def go_on() -> None:
                self.set_regs(registers)
                then()

            self.on_attached = go_on

    def address_space(self) -> LaneSpace:
        return self.space

    # --- registers ---

    def get_reg(self, index: int) -> int:
        return self.words[LANE_REGS + index]

    def set_reg(self, index: int, value: int) -> None:
        self.words[LANE_REGS + index] = value & _M64

    def get_regs(self) -> list[int]:
        return list(_REGS.unpack_from(self.lane, LANE_REGS * 8))

    def set_regs(self, values: Sequence[int]) -> None:
        _GENERAL.pack_into(self.lane, LANE_REGS * 8, *values[:EFLAGS], values[EFLAGS] & EFLAGS_USER | 0x202)
        if len(values) == NUM_REGS:
            self.words[LANE_REGS + CSGSFS] = values[CSGSFS]
            self.words[LANE_REGS + FS_BASE], self.words[LANE_REGS + GS_BASE] = values[FS_BASE:NUM_REGS]

    def register_image(self) -> bytes:
        return self.lane[_REGS_AT : _REGS_AT + _REGS.size].tobytes()

    def enter(self, rip: int, rsp: int, eflags: int, arguments: tuple[int, int, int]) -> None:
        words = self.words
        words[LANE_REGS + RDI], words[LANE_REGS + RSI], words[LANE_REGS + RDX] = arguments
        words[LANE_REGS + RAX] = 0
        words[LANE_REGS + RIP] = rip
        words[LANE_REGS + RSP] = rsp
        words[LANE_REGS + EFLAGS] = eflags & EFLAGS_USER | 0x202
        words[LANE_REGS + CSGSFS] = IN_64_BIT

    # --- letting go ---

    def let_sleep(self) -> None:
        """It will not be answered soon: it need not look any longer, and sleeps (handover.py)."""
        if not self.private and not self.notification:
            self.asleep = True
            self.platform.hand_over.take_over(self.words)
            self.words[LANE_BLOCKED] = self.seen

    def wait_at_lane(self) -> None:
        """Parked by notification: let it wait at its lane instead. The host looks through all that are parked."""
        id_, self.notification = self.notification, 0
        self.parked_at = None
        self.let_sleep()
        self.platform.listener.answer(id_, 0)

    def answer(self) -> None:
        """Publish the answer (its words are written) and wake the thread if it is parked."""
        self.stopped = False
        self.words[LANE_DONE] = self.seen
        if self.private:
            self.flush()
        elif not self.listed:
            self.listed = True
            self.platform.active.append((self.words, self))
        if self.notification:
            id_, self.notification = self.notification, 0
            self.parked_at = None
            self.platform.listener.answer(id_, 0)
        elif self.asleep:
            self.platform.hand_over.answered(self)
        self.asleep = False

    def reply(self, value: int) -> None:
        words = self.words
        self.signed[LANE_VALUE] = value
        if self.outs:
            words[LANE_OUTS] = self.outs
            self.outs = 0
            words[LANE_ACTION] = ACTION_REPLY_COPY
        else:
            words[LANE_ACTION] = ACTION_REPLY
        if self.listed and not (self.notification or self.asleep):
            self.stopped = False  # as `answer`, of which nothing else is to be done
            words[LANE_DONE] = self.seen
        else:
            self.answer()

    def resume(self) -> None:
        self.settle()
        self.go_on(ACTION_RESUME)

    def whole(self) -> bool:
        return self.words[LANE_KIND] != KIND_THUNK

    def make_whole(self, done: Callable[[], None]) -> None:
        """The stub enters by a frame before it does anything that is not a plain answer: an empty list of orders."""
        self.give([], [], lambda entry, result: done())

    # --- ordered calls ---

    def execute(self, orders: Sequence[Order], done: Callable[[int, int], None]) -> None:
        if orders:
            self.space.begin(lambda: self._execute_from(list(orders), 0, done))
        else:
            done(-1, 0)

    def _execute_from(
        self, orders: list[Order], start: int, done: Callable[[int, int], None], action: int = ACTION_ORDERS
    ) -> None:
        """Give the stub as many orders as fit, from number `start`."""
        if self.space.dead:
            return
        if self.platform.patcher is not None:
            for order in orders[start:]:
                self.platform.patcher.before(self.space, order.nr, order.args)
        entries: list[tuple[int, ...]] = []
        expected: list[Expected] = []
        numbers: list[int] = []  # entry in the lane -> order
        for number in range(start, len(orders)):
            order = orders[number]
            if len(entries) + 2 > MAX_ORDERS:
                break
            args = tuple(a & _M64 for a in order.args)
            numbers.append(number)
            if order.nr in (OP_CMPXCHG32, OP_XCHG32, OP_NAME):
                entries.append((order.nr, *args, ORDER_LOCAL))
            elif order.host_fd >= 0:
                args = lent(order, args)
                expected.append((order.nr, args, order.host_fd))
                keeps = order.keepable is not None and self._alone()
                self.space.lent = order.keepable if keeps else None
                if keeps:
                    entries.append((order.nr, *args, ORDER_KEEPABLE))
                    continue
                entries.append((order.nr, *args, ORDER_LENT))
                entries.append((SYS_CLOSE, LENT_FD, 0, 0, 0, 0, 0, 0))
                expected.append((SYS_CLOSE, (LENT_FD, 0, 0, 0, 0, 0), -1))
                numbers.append(number)
            elif order.free and may_run_free(order.nr, args):
                entries.append((order.nr, *args, ORDER_FREE))
            else:
                entries.append((order.nr, *args, 0))
                expected.append((order.nr, args, -1))
        last = numbers[-1]

        def finished(entry: int, result: int) -> None:
            number = numbers[entry] if 0 <= entry < len(numbers) else last
            failed = -4096 < result < 0
            if not failed and number + 1 < len(orders):
                self._execute_from(orders, number + 1, done)
            else:
                self.space.finished()
                done(number, result)

        self.give(entries, expected, finished, action)

    def give(
        self,
        entries: Sequence[tuple[int, ...]],
        expected: list[Expected],
        done: Callable[[int, int], None],
        action: int = ACTION_ORDERS,
    ) -> None:
        """Put orders into the lane and let the stub run them; `done(entry, result)` when it says so."""
        self.settle()
        words = self.words
        for index, entry in enumerate(entries):
            _ORDER.pack_into(self.lane, (LANE_ORDERS + index * ORDER_WORDS) * 8, *entry)
        self.asked = [not entry[7] & (ORDER_LOCAL | ORDER_FREE) for entry in entries]
        words[LANE_COUNT] = len(entries)
        words[LANE_ACTION] = action
        self.arm(expected)
        self.on_done = done
        self.answer()

    def arm(self, expected: list[Expected]) -> None:
        """From now on exactly these calls may come from the stub, in this order."""
        if expected and not self.counted:
            self.platform.ordering += 1
            self.counted = True
        self.expected = expected
        self.at = 0

    def disarm(self) -> None:
        """No ordered call may come any more."""
        if self.counted:
            self.platform.ordering -= 1
            self.counted = False
        self.expected = []
        self.at = 0

    def execute_and_return(
        self, orders: Sequence[Order], value: int, returned: Callable[[], None], failed: Callable[[int, int], None]
    ) -> None:
        simple = len(orders) <= MAX_ORDERS // 2 and all(order.nr < OP_CMPXCHG32 for order in orders)
        if self.space.busy or not simple:
            super().execute_and_return(orders, value, returned, failed)
            return
        self.on_return = returned
        self.signed[LANE_VALUE] = value
        if len(orders) == 1 and self._parked_at(orders[0]):
            self._proceed(orders[0], failed)
        else:
            self.space.begin(lambda: self._execute_from(list(orders), 0, failed, ACTION_ORDERS_RETURN))

    def execute_assumed(self, order: Order, value: int, failed: Callable[[int, int], None]) -> None:
        if self.space.busy or not may_run_free(order.nr, order.args):
            super().execute_assumed(order, value, failed)
            return
        if self.outs:
            self.settle()
        if order.free == FREE_FILES and self.platform.patcher is not None:
            self.platform.patcher.before(self.space, order.nr, order.args)
        words = self.words
        self.on_return = assumed
        self.on_done = failed
        self.asked = NOT_ASKED
        self.signed[LANE_VALUE] = value
        _ORDER.pack_into(self.lane, _ORDERS_AT, order.nr, *order.args, ORDER_FREE)
        words[LANE_COUNT] = 1
        words[LANE_ACTION] = ACTION_ORDERS_RETURN
        self.answer()

    def _parked_at(self, order: Order) -> bool:
        """It is parked at exactly this call; registers that are none of its arguments do not matter."""
        if (
            self.parked_at is None
            or self.parked_at[0] != order.nr
            or not (order.host_fd < 0 or (order.keepable is not None and self._alone()))
        ):
            return False
        count = OWN_CALLS[order.nr]
        args = lent(order, order.args) if order.host_fd >= 0 else order.args
        return self.parked_at[1][:count] == args[:count]

    def _alone(self) -> bool:
        """No other thread of the process makes calls, and so closes what was lent to this one."""
        return len(self.space.threads) - len(self.space.pooled) == 1

    def _proceed(self, order: Order, failed: Callable[[int, int], None]) -> None:
        """It is parked at exactly the call that is ordered: let it through."""
        self.settle()
        assert self.parked_at is not None
        nr, args = self.parked_at
        self.space.begin(lambda: None)
        if self.platform.patcher is not None:
            self.platform.patcher.before(self.space, nr, args)
        self.parked_at = None
        fd = order.host_fd
        self.expected = [(nr, args, fd)]
        self.asked = [True]
        self.at = 1  # the same again is let through: it was interrupted before it ran

        def done(index: int, result: int) -> None:
            self.space.finished()
            failed(index, result)

        self.on_done = done
        self.stopped = False
        self.words[LANE_ACTION] = ACTION_PROCEEDED
        self.words[LANE_COUNT] = 0
        self.words[LANE_DONE] = self.seen
        if self.private:
            self.flush()
        id_, self.notification = self.notification, 0
        listener = self.platform.listener
        has_it = fd < 0 or (self.words[LANE_KEPT] != 0 and self.space.lent == order.keepable)
        if has_it or listener.lend(id_, fd, LENT_FD):
            listener.proceed(id_)
        if fd >= 0:
            self.space.lent = order.keepable
        if not self.listed and not self.private:
            self.listed = True
            self.platform.active.append((self.words, self))

    def stopped_as(self, other: LaneThread) -> None:
        """The thread of a forked child has the other's registers."""
        for first, end in _STOPPED:
            self.lane[first:end] = other.lane[first:end]

    def stopped_at_next(self) -> None:
        """What it was ordered has been executed; the answer can be given before it asks."""
        self.on_done = None
        self.disarm()
        self.seen = self.seen + 1 & _M64  # a guest counts as it likes
        self.stopped = True

    def returned(self, reported: bool) -> None:
        """The first word since it was let go. A report means that the orders failed: `orders_done` tells."""
        if self.left is not None:
            self.take_back()
        on_return, self.on_return = self.on_return, None
        if on_return is assumed:
            if not reported:
                self.on_done = None
            return
        if not reported and on_return is not None:
            if self.at < len(self.expected):
                self.space.kill()  # it goes on as if they had been executed
                return
            self.on_done = None
            self.disarm()
            self.space.finished()
            on_return()

    def orders_done(self) -> None:
        """The stub has posted the end of its orders."""
        done = self.on_done
        if done is None:
            self.space.kill()  # nothing was ordered
            return
        index, result = self.words[LANE_INDEX], self.signed[LANE_RESULT]
        if not credible(self.space, self.asked, self.expected, self.at, index, result):
            self.space.kill()
            return
        self.on_done = None
        self.disarm()
        done(index, result)

    def clone_thread(self, done: Callable[[GuestThread | None], None]) -> None:
        self.space.begin(lambda: self.platform.clone_thread(self, done))

    def fork_space(self, done: Callable[[GuestThread | None], None]) -> None:
        self.space.begin(lambda: self.platform.fork_space(self, done))

    # --- interruption and end ---

    def interrupt(self) -> None:
        if not self.stopped and not self.space.dead:
            self.platform.watch_interrupt(self)
            self.nudge()

    def nudge(self) -> None:
        """As `interrupt`, of one that runs; nothing happens where it does not come."""
        try:
            hostcalls.tgkill(self.space.pid, self.tid, layout.INTERRUPT_SIGNAL)
        except ProcessLookupError:
            pass  # the process is dying; its pidfd will tell

    def release(self) -> None:
        if self.released or self.space.dead:
            return
        self.released = True
        self.owner = None
        if self.left is not None:
            self.left = None
            self.words[LANE_RETURN] = 0
        if self.stopped:
            self.pool()
        else:
            self.interrupt()
            self.platform.watch_release(self)

    def pool(self) -> None:
        """Its guest thread has ended: it waits for another one, or ends itself where enough of them wait."""
        pooled = self.space.pooled
        if self.expected:
            self.space.kill()  # it was told to end
        elif not self.whole():
            self.make_whole(self.pool)  # so that it can be given any registers
        elif len(pooled) < layout.POOL_MOST or not self.slot:
            pooled.append(self)
            if self.space.timed:
                self.used_before_ns = self.space.thread_cpu_time_ns(self.tid)
        else:
            self.end()

    def cpu_time_ns(self) -> int:
        space = self.space
        if not space.timed:
            space.timed = True
            for thread in space.pooled:
                thread.used_before_ns = space.thread_cpu_time_ns(thread.tid)
        used = space.thread_cpu_time_ns(self.tid)
        return used if used < 0 else max(0, used - self.used_before_ns)

    def end(self) -> None:
        """Order the host thread to end; `ended` when it does. Not a process's first one, whose end nobody would see."""
        _ORDER.pack_into(self.lane, LANE_ORDERS * 8, *EXIT, 0)
        self.words[LANE_COUNT] = 1
        self.words[LANE_ACTION] = ACTION_ORDERS
        self.expected = [(EXIT[0], EXIT[1:], -1)]
        self.at = 0
        self.answer()

    def ended(self) -> None:
        """The call that ends it has been let through."""
        self.space.exiting.append(self.tid)
        self.space.forget(self)
        self.detach()
