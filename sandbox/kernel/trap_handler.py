"""KernelTrapHandler: what a platform calls when a guest thread has stopped. The hottest code of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.abi.linux.signal import IGNORED_BY_DEFAULT, SEGV_MAPERR, SIGSEGV, SIGTRAP, TRAP_TRACE, UNBLOCKABLE
from sandbox.errors import SyscallError
from sandbox.kernel import task_block, task_exit, task_signals, task_syscall
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_DEAD, PARK_NONE, PARK_PENDING
from sandbox.mm import op_code, op_unmap
from sandbox.platform.base import TrapHandler

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.platform.base import AddressSpace, GuestThread


class KernelTrapHandler(TrapHandler):
    """Dispatch by number; one errno conversion; everything unusual in `task_syscall.finish`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.count = len(kernel.handlers)

    def syscall(self, thread: GuestThread, nr: int, args: tuple[int, int, int, int, int, int]) -> None:
        t = thread.owner
        assert type(t) is Task
        a = t.args
        a.raw = args
        a.state = None
        t.nr = nr
        t.last_calls.append(nr)
        kernel = self.kernel
        if kernel.trace is not None:
            kernel.trace.enter(t, nr, a)
        try:
            result = t.handlers[nr](t, a) if 0 <= nr < self.count else task_syscall.no_such_call(t, a)
        except SyscallError as error:
            result = -error.errno
        except Exception as bug:  # noqa: BLE001
            result = kernel.oops(t, bug)
        if type(result) is int and not t.work:
            thread.reply(result)
        else:
            task_syscall.finish(t, result)

    def fault(self, thread: GuestThread, signo: int, code: int, address: int) -> None:
        t = thread.owner
        assert type(t) is Task
        if t.parked == PARK_DEAD:
            return
        t.result = None
        if signo == SIGSEGV and code == SEGV_MAPERR and t.mm is not None:
            if t.mm.busy:  # what is mapped is about to change: try again
                task_signals.return_to_guest(t)
                return
            growth = op_unmap.grow(t, t.mm, address)
            if growth is not None:

                def grown(done: bool) -> None:
                    """Let the access be tried again."""
                    if not done:
                        t.force_signal(SignalInfo(SIGSEGV, SEGV_MAPERR, addr=address))
                    task_signals.return_to_guest(t)

                task_signals.grow_stack(t, growth, grown)
                return
        if signo == SIGTRAP and code == TRAP_TRACE and t.ptrace is not None and t.ptrace.debug is not None:
            from sandbox.ptrace import watch

            if watch.stepped(t, t.ptrace):
                return
        t.force_signal(SignalInfo(signo, code, addr=address))
        task_signals.return_to_guest(t)

    def interrupted(self, thread: GuestThread) -> None:
        t = thread.owner
        assert type(t) is Task
        if t.parked == PARK_DEAD:
            return
        t.result = None
        task_signals.return_to_guest(t)

    def noted(self, thread: GuestThread, robust_list: int | None, tid_address: int | None) -> None:
        t = thread.owner
        if type(t) is not Task:
            return
        if robust_list is not None:
            t.robust_list = robust_list
        if tid_address is not None:
            t.clear_child_tid = tid_address

    def acted(self, thread: GuestThread, signals: int, restorer: int) -> None:
        t = thread.owner
        if type(t) is Task and not t.group.threaded and t.group.sighand.refs == 1:
            t.group.sighand.set_default(signals & ~(UNBLOCKABLE | IGNORED_BY_DEFAULT), restorer)

    def patchable(self, thread: GuestThread, start: int, end: int) -> bool:
        t = thread.owner
        assert type(t) is Task
        return t.mm is not None and op_code.patchable(t.mm, start, end)

    def map_code(self, thread: GuestThread, near: int, fd: int, size: int, done: Callable[[int], None]) -> bool:
        t = thread.owner
        assert type(t) is Task
        mm = t.mm
        if mm is None or mm.busy or t.parked != PARK_NONE:
            return False
        operation = op_code.map_code(mm, near, fd, size)
        if operation is None:
            return False
        wanted = operation.execute()
        t.parked = PARK_PENDING
        t.host_op = True

        def mapped(index: int, result: int) -> None:
            if not task_block.end_host_op(t):
                operation.abandoned(t, index, result)
                return
            t.parked = PARK_NONE
            address = operation.finish(t, index, result)
            done(address if type(address) is int and address > 0 else 0)

        thread.execute(wanted.orders, mapped)
        return True

    def mishap(self, space: AddressSpace | None, error: Exception) -> None:
        tasks = list(self.kernel.spaces.get(space, ())) if space is not None else []
        self.kernel.bug(f"oops: in the platform, serving {tasks or 'a process that is none of a task'}", error)

    def space_gone(self, space: AddressSpace, wait_status: int) -> None:
        tasks = self.kernel.spaces.get(space)
        if tasks:
            first = next(iter(tasks))
            if not first.dying:
                self.kernel.log.warning(f"the host process of {first!r} has ended (wait status {wait_status:#x})")
            task_exit.space_gone(list(tasks))
            return
        loader_hears = self.kernel.loading.pop(space, None)
        if loader_hears is not None:
            loader_hears()
