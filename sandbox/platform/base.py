"""What every platform offers to the kernel, and what it asks of it.

A platform runs guest threads and stops them at system calls, faults and interruptions. While a
guest thread is *stopped* the kernel may read and edit its registers, have system calls executed in
its host process (`execute`), and finally let it go with `reply` or `resume`. A blocked system call
is simply a thread that is left stopped.

Everything runs on one thread; nothing here blocks. Operations that need the guest's host process to
run (`execute`, `clone_thread`, `fork_space`, `new_space`) call back when they are done. Only one of
them may be under way per guest thread, and the thread must be stopped and stays stopped.

What comes from a guest thread (registers, the results of executed calls) is input and not to be
trusted; what a platform guarantees is said at each method.
"""

from __future__ import annotations

import errno
import struct
from abc import abstractmethod
from typing import TYPE_CHECKING, Callable, Final, Iterable, Mapping, Sequence

from sandbox.arch.amd64 import CSGSFS, EFLAGS, IN_64_BIT, NUM_REGS, RAX, RDI, RDX, RIP, RSI, RSP
from sandbox.errors import SyscallError
from sandbox.platform.host_use import HostUse
from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from sandbox.platform.host_proc import HostProc

# Stub operations that look like calls to `execute` but are done by the stub itself; the first two atomically.
OP_CMPXCHG32: Final = 0x10000  # (address, expected, new) -> the old value, or -EFAULT
OP_XCHG32: Final = 0x10001  # (address, new) -> the old value, or -EFAULT
_SYS_PRCTL: Final = 157
_PR_SET_TSC: Final = 26
OP_NAME: Final = 0x10002  # (8 bytes, 8 bytes) -> 0: what the host calls the thread, where the platform can tell it


# What a platform may copy ahead of a call, or after it.
COPY_IN: Final = 1
COPY_OUT: Final = 2
COPY_STRING: Final = 3  # in, to its NUL
COPY_STACK: Final = 6

_REGISTERS: Final = struct.Struct(f"<{NUM_REGS}Q")


class Copy:
    """One piece of memory that a call reads or writes: `address` is the number of the argument that points to it (or
    COPY_STACK: the stack pointer does), its size is `size` bytes, times argument number `length` if there is one (strings: to the NUL)."""

    __slots__ = ("kind", "address", "size", "length")

    def __init__(self, kind: int, address: int, size: int = 0, length: int | None = None) -> None:
        self.kind = kind
        self.address = address
        self.size = size
        self.length = length


class MemoryFault(SyscallError):
    """Guest memory at `address` is not accessible in the way that was asked: EFAULT for who made the call."""

    __slots__ = ("address", "done")

    def __init__(self, address: int, done: int = 0) -> None:
        super().__init__(errno.EFAULT)
        self.address = address
        self.done = done  # bytes that were transferred before the fault


NOT_FREE: Final = 0
FREE_MEMORY: Final = 1
FREE_FILES: Final = 2


class Order:
    """One host system call to be executed in a guest's process; register arguments only.

    `host_fd` >= 0: that descriptor of the sentry is lent for this one call and stands in argument
    `fd_arg` (4 for mmap); the platform takes it back before the next order runs.

    `free`: FREE_MEMORY: it makes, removes or empties private anonymous memory and nothing else. A guest that executed it
    without being asked, or did not when it was, would gain nothing that it could not have for the asking, so the platform
    need not see it happen. FREE_FILES: it removes as well what is mapped of the host's files and cannot be written through:
    a guest that kept it would have what it could have kept. What the platform has changed there it gives back before.

    `keepable`: what is lent is this file of the host's, which takes none of the sandbox's memory: no harm is done if the
    guest keeps it, so the platform need not see it taken back, and need not lend it again for the next order.
    """

    __slots__ = ("nr", "args", "host_fd", "fd_arg", "free", "keepable")

    def __init__(
        self,
        nr: int,
        args: Sequence[int],
        host_fd: int = -1,
        fd_arg: int = 4,
        free: int = NOT_FREE,
        keepable: object = None,
    ) -> None:
        self.nr = nr
        self.args = tuple(args) if len(args) == 6 else (*args, *(0,) * (6 - len(args)))
        self.host_fd = host_fd
        self.fd_arg = fd_arg
        self.free = free
        self.keepable = keepable


def name_order(comm: bytes) -> Order:
    """The host is to call the thread what it is called inside, of at most 15 bytes."""
    name = comm.ljust(16, b"\0")
    return Order(OP_NAME, (int.from_bytes(name[:8], "little"), int.from_bytes(name[8:16], "little")))


def tsc_order(forbidden: bool) -> Order:
    """prctl(PR_SET_TSC): the thread, and those that it makes, may or may not read the time stamp counter."""
    return Order(_SYS_PRCTL, (_PR_SET_TSC, 2 if forbidden else 1))


class MemoryUse:
    """Of one address space, in pages: memory of its own (what was swapped out and its page tables too), shared
    memory, and pages of files."""

    __slots__ = ("private", "shared", "file")

    def __init__(self, private: int, shared: int, file: int) -> None:
        self.private = private
        self.shared = shared
        self.file = file


@mypyc_attr(allow_interpreted_subclasses=True)
class AddressSpace:
    """One guest memory: one host process whose threads are the guest threads that share it."""

    @abstractmethod
    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes, or MemoryFault. Page protection is honoured. No bytes never fault, wherever they are."""

    @abstractmethod
    def read_into(self, address: int, dst: memoryview) -> None:
        """Fill `dst`, or MemoryFault (its `done` says how much of it was filled)."""

    @abstractmethod
    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of it, or MemoryFault (its `done` says how much was written). Page protection is honoured."""

    @abstractmethod
    def read_cstr(self, address: int, limit: int) -> bytes:
        """The bytes before the first NUL; MemoryFault, or ValueError when `limit` bytes have no NUL."""

    def peek(self, address: int, size: int) -> bytes:
        """As read, whatever the protection (ptrace(2)); where a platform has put code of its own in place of the guest's,
        the guest's."""
        return self.read(address, size)

    def poke(self, address: int, data: bytes) -> None:
        """As write, whatever the protection, but not to what is shared and cannot be written."""
        self.write(address, data)

    def show_code(self, shown: bool) -> None:
        """From now on (until it is taken back) somebody looks at the code: it is to be the guest's own."""

    def entitle(self, words: bytes) -> None:
        """The command line of its program, each word with a NUL, for whoever looks at the host's processes."""

    @abstractmethod
    def kill(self) -> None:
        """End the host process and all its threads. Asynchronous; no callback for them comes any more
        except `TrapHandler.space_gone`, once, when the host process is reaped."""

    def alive(self) -> bool:
        """False once it is known that the host process ends: what fails then says nothing about the guest."""
        return True

    @abstractmethod
    def resident_pages(self) -> int:
        """Pages of host memory in use now (0 when it can't be told)."""

    def memory_use(self) -> MemoryUse:
        """The same, told apart; all of it is its own where that can't be told."""
        return MemoryUse(self.resident_pages(), 0, 0)

    def shared_copies(self) -> int:
        """Of memory of its own, the pages (fewer by what they are counted for here) that a fork left in common with
        others. Takes time: milliseconds for each GiB."""
        return 0

    def count_areas(self) -> None:
        """Ask the host how many areas of memory it keeps for the process. Takes time: up to tens of milliseconds."""

    def known_areas(self) -> int:
        """As last counted, or of the process that it was forked from; 0 where nobody has counted."""
        return 0

    def peak_resident_pages(self) -> int:
        """The most there ever were (0 when it can't be told)."""
        return self.resident_pages()

    def host_smaps(self) -> bytes:
        """The host's /proc/PID/smaps of the process, the platform's own mappings included; empty when it can't be had."""
        return b""

    def host_pagemap(self, page: int, count: int) -> bytes:
        """`count` words of the host's /proc/PID/pagemap of the process, from page number `page` on; zeros when they can't be
        had."""
        return bytes(8 * count)

    def clear_refs(self, kind: int) -> None:
        """Have the host forget which pages of the process were used (1: all, 2: anonymous ones, 3: those of files) or written
        (4), as /proc/PID/clear_refs of proc(5). Raises OSError where it does not let us."""
        raise OSError(13, "clear_refs")

    def raise_oom_score_adj(self, score: int) -> int:
        """The host's kernel takes the process sooner when it lacks memory (proc_pid_oom_score_adj(5)): the score that it had.
        Raises OSError where it does not let us."""
        raise OSError(13, "oom_score_adj")

    def cpu_time_ns(self) -> int:
        """Processor time that the host process has used, also after it has ended (0 when it can't be told)."""
        return 0

    def host_use(self) -> HostUse:
        """What else the host counts of it (zeros when it can't be told)."""
        return HostUse()

    def host_pid(self) -> int:
        """The host process, in the sentry's PID namespace; 0 when there is none."""
        return 0


@mypyc_attr(allow_interpreted_subclasses=True)
class GuestThread:
    """One guest thread: one host thread."""

    owner: object  # whatever the kernel hangs here (its Task); the platform never looks

    @abstractmethod
    def address_space(self) -> AddressSpace:
        """The memory that it runs in."""

    def peak_resident_pages(self) -> int:
        """As of its space; of a call that ends the program the platform may know it without asking the host. Stopped or
        not."""
        return self.address_space().peak_resident_pages()

    def host_use(self) -> HostUse:
        """As of its space; some calls bring it along."""
        return self.address_space().host_use()

    # The memory that the call at which it is stopped names. As the methods of AddressSpace, but a platform may have
    # copied it ahead, and may write it back only when the thread goes on.

    def read(self, address: int, size: int) -> bytes:
        """As AddressSpace.read."""
        return self.address_space().read(address, size)

    def read_into(self, address: int, dst: memoryview) -> None:
        """As AddressSpace.read_into."""
        self.address_space().read_into(address, dst)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """As AddressSpace.write."""
        self.address_space().write(address, data)

    def read_cstr(self, address: int, limit: int) -> bytes:
        """As AddressSpace.read_cstr."""
        return self.address_space().read_cstr(address, limit)

    def out_window(self, address: int, size: int) -> memoryview | None:
        """Where `size` bytes for the guest's memory at `address` may be put without another copy; then `filled`. The guest
        may see them, and change them, at once. None: there is no such place, `write` them."""
        return None

    def filled(self, size: int) -> None:
        """The first `size` bytes of `out_window` are what the call has written."""

    def in_window(self, address: int, size: int) -> memoryview | None:
        """The `size` bytes at `address` where they are, for who looks at each of them once: the guest may change them
        meanwhile. None: `read_into`."""
        return None

    def learn(self, call: int, value: int) -> None:
        """Until `unlearn`, call number `call` of this thread has the result `value`, whatever its arguments: a platform may
        give it by itself. Stopped only."""

    def introduce(self, results: tuple[int, int, int, int, int, int, int, int, int]) -> None:
        """The thread begins a process, a program or itself: as `learn` for getpid, gettid, getppid, getuid, geteuid, getgid,
        getegid, rseq and brk(0), the last until it makes another brk. Until `unlearn` a platform may also answer set_robust_list and set_tid_address (with the second result) and
        tell them later, by `noted`, and arch_prctl(ARCH_SET_FS). Stopped only."""

    def learn_futexes(self) -> None:
        """Until `unlearn` a platform may answer this thread's futex(2) by itself: a wait for a word that has another value,
        and a wake-up where nobody is told to wait (`Waiters`). Stopped only."""

    def learn_actions(self, defaults: int) -> None:
        """Until `unlearn_actions` or `unlearn` a platform may answer this thread's rt_sigaction(2) for the signals whose bits
        are set, of which none has another action than the initial one: it gives that, and lets it be set to SIG_DFL with
        nothing but a restorer, which it tells before the thread's next call, by `acted`. Stopped only."""

    def changed_action(self, signo: int) -> None:
        """The signal has another action now. Stopped only."""

    def unlearn_actions(self) -> None:
        """From now on rt_sigaction(2) is to be asked for again."""

    def collect(self) -> None:
        """Whatever it has not told yet is told by `noted` and `acted` now."""

    def unlearn(self) -> None:
        """From now on calls are to be asked for again; one that the thread is making may still have the old result."""

    def settle(self) -> None:
        """Write back what `write` has kept: before anything but `reply` is to show in its memory."""

    def forget_copies(self) -> None:
        """What was copied ahead of the call may not be what is in memory any more."""

    @abstractmethod
    def get_reg(self, index: int) -> int:
        """Register `index` (sandbox/arch/amd64.py: R8 … GS_BASE) as an unsigned 64-bit number. Stopped only."""

    @abstractmethod
    def set_reg(self, index: int, value: int) -> None:
        """Set it; takes effect with `resume`. Stopped only."""

    @abstractmethod
    def get_regs(self) -> list[int]:
        """All registers in the order of arch/amd64.py."""

    @abstractmethod
    def set_regs(self, values: Sequence[int]) -> None:
        """Set all registers, or those to the flags (unsigned 64-bit numbers); those the guest may not choose (trap
        numbers, segments but for those of 64-bit and of 32-bit code) are ignored."""

    def register_image(self) -> bytes:
        """As get_regs, 8 bytes each as they lie in memory."""
        return _REGISTERS.pack(*self.get_regs())

    def enter(self, rip: int, rsp: int, eflags: int, arguments: tuple[int, int, int]) -> None:
        """Set the registers that a signal handler begins with, `arguments` and a rax of 0 among them."""
        values = self.get_regs()[: EFLAGS + 1]
        values[RDI], values[RSI], values[RDX] = arguments
        values[RAX], values[RIP], values[RSP], values[EFLAGS] = 0, rip, rsp, eflags
        self.set_regs(values)
        self.set_reg(CSGSFS, IN_64_BIT)

    @abstractmethod
    def fpu_state(self) -> bytes:
        """The floating-point and vector state as the host's XSAVE image (signal frame format)."""

    @abstractmethod
    def set_fpu_state(self, image: bytes) -> bool:
        """Replace it; False when the image is not one that the CPU would accept (nothing changed then).
        The empty image is the CPU's initial state."""

    def fpu_size(self) -> int:
        """The length of what `fpu_state` will be when it can be had."""
        return len(self.fpu_state())

    def deliver(
        self,
        address: int,
        head: bytes | bytearray,
        fpu: int,
        failed: Callable[[], None],
        left: Callable[[bool], None] | None = None,
    ) -> None:
        """As `resume`, after writing a signal frame: `head` at `address` and `fpu_state()` at `fpu`. The thread goes on
        with the initial floating-point state. `failed()` in its place, at any time, with the thread stopped: it can't be
        done, or not so.

        With `left` the thread may return from the frame by itself, as rt_sigreturn(2), where signal mask and alternate
        stack in it are what they are in `head`: until it stops at anything else, or `take_back`. `left(has it?)` then,
        once."""
        failed()

    def take_back(self) -> None:
        """It may not return from a signal frame by itself any more."""

    def resume_from(self, fpu: int, failed: Callable[[], None]) -> None:
        """As `resume`, with the floating-point state that a frame of `deliver` has at `fpu`. `failed()` as there."""
        failed()

    def cpu_time_ns(self) -> int:
        """Processor time that the host thread has used (-1 when it can't be told)."""
        return -1

    def set_affinity(self, mask: int) -> None:
        """Run on these processors only: bit n is the n-th that the sentry may use. New threads and spaces made from
        this thread inherit it, a fresh space does not. A host that refuses is not heard of: it is a wish."""

    def set_nice(self, nice: int) -> None:
        """Leave the processor to others as `nice` (setpriority(2)) says; never less than the sentry does. Inherited as the
        affinity is, and as much of a wish."""

    def whole(self) -> bool:
        """Its floating-point state can be had, and `resume` sets all its registers. False for some calls: `make_whole`
        first. `get_reg` tells the truth at any time."""
        return True

    def make_whole(self, done: Callable[[], None]) -> None:
        """`done()` when it is; registers that were set before are as they were."""
        done()

    @abstractmethod
    def reply(self, value: int) -> None:
        """Finish the system call that the thread is stopped at: rax = value (negative errno allowed), go on."""

    @abstractmethod
    def resume(self) -> None:
        """Let the thread go with the registers as they are now."""

    @abstractmethod
    def execute(self, orders: Sequence[Order], done: Callable[[int, int], None]) -> None:
        """Have the orders executed one after the other until one fails (-4095 … -1).

        `done(index, result)`: index of the last one executed and its result.
        """

    def execute_and_return(
        self, orders: Sequence[Order], value: int, returned: Callable[[], None], failed: Callable[[int, int], None]
    ) -> None:
        """As `execute` followed by `reply(value)` when every order has succeeded: the platform need not hear of it
        before the thread goes on. `returned()` comes at the latest before anything else is heard of the thread;
        `failed(index, result)` comes in its place when an order failed, with the thread stopped.

        Only while nothing else depends on when the orders run: the space has one running thread.
        """

        def done(index: int, result: int) -> None:
            if index == len(orders) - 1 and not -4095 <= result < 0:
                returned()
                self.reply(value)
            else:
                failed(index, result)

        self.execute(orders, done)

    def execute_assumed(self, order: Order, value: int, failed: Callable[[int, int], None]) -> None:
        """As `execute_and_return` of one `free` order, when nobody waits to hear that it was executed."""

        def done(index: int, result: int) -> None:
            if -4096 < result < 0:
                failed(index, result)
            else:
                self.reply(value)

        self.execute((order,), done)

    @abstractmethod
    def clone_thread(self, done: Callable[[GuestThread | None], None]) -> None:
        """A second thread in the same space, stopped, with a copy of this one's registers and floating-point
        state. None when the host refuses."""

    @abstractmethod
    def fork_space(self, done: Callable[[GuestThread | None], None]) -> None:
        """A copy-on-write copy of the space with one thread, a copy of this one, stopped. None when the host refuses."""

    @abstractmethod
    def interrupt(self) -> None:
        """Make a running thread stop soon: `TrapHandler.interrupted`. Does nothing to a stopped thread:
        the kernel looks at what is pending before it lets a thread go."""

    @abstractmethod
    def release(self) -> None:
        """The guest thread has ended: the thread must be stopped, or is made to stop; its host thread
        may be used again for another. No callback for it comes any more."""


@mypyc_attr(allow_interpreted_subclasses=True)
class TrapHandler:
    """The kernel, as a platform sees it."""

    @abstractmethod
    def syscall(self, thread: GuestThread, nr: int, args: tuple[int, int, int, int, int, int]) -> None:
        """The thread is stopped at a system call; rip is after the instruction. `args` are unsigned."""

    @abstractmethod
    def fault(self, thread: GuestThread, signo: int, code: int, address: int) -> None:
        """The thread is stopped at a fault: signal number, si_code, si_addr as the host gave them."""

    @abstractmethod
    def interrupted(self, thread: GuestThread) -> None:
        """The thread is stopped between two instructions, because of `interrupt` (or for no reason: resume it)."""

    def noted(self, thread: GuestThread, robust_list: int | None, tid_address: int | None) -> None:
        """What set_robust_list and set_tid_address were last called with, where they were answered by the platform."""

    def acted(self, thread: GuestThread, signals: int, restorer: int) -> None:
        """The actions of these signals (a mask; any bits, a guest says so) were set to SIG_DFL with this restorer."""

    def patchable(self, thread: GuestThread, start: int, end: int) -> bool:
        """[start, end) of the thread's memory is code of a file, its own copy, that it may not write, and nothing is
        about to change there: the platform may replace system calls in it by jumps."""
        return False

    def map_code(self, thread: GuestThread, near: int, fd: int, size: int, done: Callable[[int], None]) -> bool:
        """Map `fd` in the stopped thread's memory, readable, executable and shared, where a jump from `near` gets to.
        False: not now. Else `done(address)`, 0 when there is no room, with the thread stopped as before; or never, when
        it has died meanwhile."""
        return False

    @abstractmethod
    def mishap(self, space: AddressSpace | None, error: Exception) -> None:
        """A bug of the platform or of what it called, met while it served `space` (None: a process that nobody knows),
        which is being killed: log it. The other spaces go on."""

    @abstractmethod
    def space_gone(self, space: AddressSpace, wait_status: int) -> None:
        """The host process of a space has ended (killed by us, by the host's OOM killer, or by itself)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiters:
    """Is told who waits at futexes, by a platform that lets threads find out by themselves that nobody does."""

    __slots__ = ()

    def came(self, address: int) -> None:
        """Somebody is about to wait at a futex there, or at this offset of what is mapped there. The word is to be read
        after that: who changes it later and wakes will ask."""

    def left(self, address: int) -> None:
        """One of those that came waits no longer."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Platform:
    """One per sandbox."""

    handler: TrapHandler
    waiters: Waiters = Waiters()  # of nobody
    host_calls: tuple[str, ...] = ()  # of the host's that it makes when guests run, and other sentries may not make
    proc: HostProc  # the host's account of guest processes, once started
    vdso_address: int  # where the host's vDSO lies in every space, 0 if none
    nice: int = 0  # of the sentry (nice(2)): what the first processes begin with
    task_size: int  # guest mappings lie in [mmap_min_addr, task_size); what is above belongs to the stub

    @abstractmethod
    def start(self, handler: TrapHandler) -> None:
        """Bring up the first (empty) host process. Raises PlatformError with one line that says what is missing."""

    def copy_ahead(self, calls: Mapping[int, Sequence[Copy]]) -> None:
        """What calls read and write, by their number: a platform may copy it ahead. Before `start`."""

    def patch_calls(self, numbers: Iterable[int]) -> None:
        """A platform may have these calls made without a trap, at the price of guest code that is not what is in its file.
        Before `start`."""

    @abstractmethod
    def new_space(self, done: Callable[[GuestThread | None], None]) -> None:
        """A fresh, empty space (vDSO only) with one stopped thread whose registers are all zero."""

    def quiet(self) -> bool:
        """No guest code runs now, nor will before the next event: every thread waits in the host's kernel."""
        return False

    def most_areas(self) -> int:
        """As many areas of memory the host lets a process have; 0 where they need not be counted."""
        return 0

    def freeze(self) -> None:
        """Stop every host process where it is, until `thaw`. Nobody may ask them for anything meanwhile."""

    def thaw(self) -> None:
        """They go on."""

    def faster_ways(self) -> frozenset[str]:
        """Which of those that it would like to use this host allows. After `start`."""
        return frozenset()

    def metrics(self) -> dict[str, int]:
        """What it has counted since the start, by name; times in ns."""
        return {}

    @abstractmethod
    def close(self) -> None:
        """Kill every host process and wait for them. Nothing is left behind."""


class PlatformError(Exception):
    """The host lacks something; str() is one line that says what and what to do."""
