"""Signals: generation, masks, delivery, frames, restarts."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.signal import (
    SA_NODEFER,
    SA_ONSTACK,
    SA_RESETHAND,
    SA_RESTART,
    SA_SIGINFO,
    SIGCHLD,
    SIGINT,
    SIGKILL,
    SIGSEGV,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    STACK_T,
)
from sandbox.arch.amd64 import EFLAGS, RAX, RBX, RDI, RDX, RIP, RSI, RSP
from sandbox.arch.signal_frame import FRAME_SIZE, INFO_OFFSET, UC_OFFSET
from sandbox.kernel.signal_info import SignalInfo

from .box import STACK_TOP, Box
from .numbers import (
    CLONE,
    EXIT,
    GETPID,
    KILL,
    NANOSLEEP,
    PAUSE,
    RESTART_SYSCALL,
    RT_SIGACTION,
    RT_SIGPENDING,
    RT_SIGPROCMASK,
    RT_SIGQUEUEINFO,
    RT_SIGRETURN,
    RT_SIGSUSPEND,
    RT_SIGTIMEDWAIT,
    SIGALTSTACK,
    TKILL,
    WAIT4,
)

HANDLER, RESTORER = 0x400000, 0x401000


def sigset(*signals: int) -> bytes:
    return sum(1 << (s - 1) for s in signals).to_bytes(8, "little")


def test_handler_gets_number_info_and_context(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1, SA_SIGINFO)
    thread.regs[RBX] = 0x1234
    thread.regs[RIP] = 0x5000
    thread.regs[EFLAGS] = 0x200 | 0x400
    assert box.call(t, KILL, t.pid, SIGUSR1) == 0  # rax is 0 at the handler's entry
    regs = thread.regs
    assert (regs[RIP], regs[RDI]) == (HANDLER, SIGUSR1)
    frame = regs[RSP]
    assert frame % 16 == 8
    assert (regs[RSI], regs[RDX]) == (frame + INFO_OFFSET, frame + UC_OFFSET)
    assert regs[EFLAGS] & 0x400 == 0
    assert box.get(t, frame, 8) == RESTORER.to_bytes(8, "little")
    signo, _, code, pid, uid = struct.unpack("<iii4xii", box.get(t, regs[RSI], 24))
    assert (signo, code, pid, uid) == (SIGUSR1, 0, t.pid, 0)
    uc = struct.unpack("<QQQI4xQ23QQ64xQ", box.get(t, regs[RDX], 304))
    assert uc[0] == 7
    assert uc[5 + RBX] == 0x1234 and uc[5 + RIP] == 0x5002 and uc[5 + RAX] == 0
    fp = uc[28]
    assert fp % 64 == 0 and fp >= frame + FRAME_SIZE
    assert box.get(t, fp, len(thread.fpu)) == thread.fpu
    assert t.blocked == 1 << (SIGUSR1 - 1)


def test_sigreturn_restores_everything(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1)
    before = list(thread.regs)
    box.call(t, KILL, t.pid, SIGUSR1)
    thread.fpu = bytes(24) + thread.fpu[24:]
    frame = thread.regs[RSP]
    thread.regs[RSP] = frame + 8  # what the handler's return has popped
    thread.regs[RBX] = 99
    box.call(t, RT_SIGRETURN)
    assert thread.regs[RSP] == before[RSP] and thread.regs[RBX] == before[RBX]
    assert thread.regs[RIP] == before[RIP] + 2 and thread.regs[RAX] == 0
    assert thread.fpu[0:2] == b"\x7f\x03"
    assert t.blocked == 0


def test_hostile_frame_is_a_segv(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    thread.regs[RSP] = 0x666000  # nothing there
    box.call(t, RT_SIGRETURN)
    assert box.exits == [SIGSEGV]
    assert thread.space.killed


def test_bad_fpu_image_in_frame_is_a_segv(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1)
    box.call(t, KILL, t.pid, SIGUSR1)
    frame = thread.regs[RSP]
    fp = int.from_bytes(box.get(t, frame + 8 + 40 + 23 * 8, 8), "little")
    box.put(t, b"\xff" * 4, fp + 24)  # reserved bits of MXCSR
    thread.regs[RSP] = frame + 8
    box.call(t, RT_SIGRETURN)
    assert box.exits == [SIGSEGV]


def test_full_stack_is_a_segv(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1)
    thread.regs[RSP] = 0x100
    box.call(t, KILL, t.pid, SIGUSR1)
    assert box.exits == [SIGSEGV]


def test_altstack_is_used_and_reported(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    stack = box.room(8192)
    spec = box.put(t, STACK_T.pack(stack, 0, 8192))
    assert box.call(t, SIGALTSTACK, spec, 0) == 0
    box.handle(t, SIGUSR1, SA_ONSTACK)
    box.call(t, KILL, t.pid, SIGUSR1)
    assert stack < thread.regs[RSP] < stack + 8192
    old = box.room()
    assert box.call(t, SIGALTSTACK, 0, old) == 0
    assert STACK_T.unpack(box.get(t, old, 24)) == (stack, 1, 8192)
    assert box.call(t, SIGALTSTACK, spec, 0) == -errno.EPERM


def test_altstack_overflow_is_a_segv(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    stack = box.room(8192)
    box.call(t, SIGALTSTACK, box.put(t, STACK_T.pack(stack, 0, 2048)), 0)
    box.handle(t, SIGUSR1, SA_ONSTACK | SA_NODEFER)
    box.call(t, KILL, t.pid, SIGUSR1)
    thread.regs[RSP] = stack + 600  # deep in the handler
    box.call(t, KILL, t.pid, SIGUSR1)
    assert box.exits == [SIGSEGV]


def test_small_altstack_is_refused(box: Box) -> None:
    t = box.init
    assert box.call(t, SIGALTSTACK, box.put(t, STACK_T.pack(0x10000, 0, 2047)), 0) == -errno.ENOMEM
    assert box.call(t, SIGALTSTACK, box.put(t, STACK_T.pack(0x10000, 7, 8192)), 0) == -errno.EINVAL


def test_blocked_signal_waits(box: Box) -> None:
    t = box.init
    box.handle(t, SIGUSR1)
    assert box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(SIGUSR1, SIGKILL)), 0, 8) == 0
    assert t.blocked == 1 << (SIGUSR1 - 1)
    assert box.call(t, KILL, t.pid, SIGUSR1) == 0
    assert box.thread(t).regs[RIP] != HANDLER
    out = box.room()
    assert box.call(t, RT_SIGPENDING, out, 8) == 0
    assert box.get(t, out, 8) == sigset(SIGUSR1)
    box.call(t, RT_SIGPROCMASK, 2, box.put(t, sigset()), 0, 8)
    assert box.thread(t).regs[RIP] == HANDLER


def test_pause_ends_with_eintr_after_a_handler(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1, SA_RESTART)
    child = box.fork(t)
    assert box.call(t, PAUSE) is None
    assert box.call(child, KILL, t.pid, SIGUSR1) == 0
    assert thread.regs[RIP] == HANDLER
    saved_rax = int.from_bytes(box.get(t, thread.regs[RDX] + 40 + RAX * 8, 8), "little", signed=True)
    assert saved_rax == -errno.EINTR


def test_wait_is_restarted_with_sa_restart_only(box: Box) -> None:
    for flags, restarted in ((SA_RESTART, True), (0, False)):
        box2 = Box()
        t, thread = box2.init, box2.thread(box2.init)
        box2.handle(t, SIGUSR1, flags)
        child = box2.fork(t)
        thread.regs[RIP] = 0x5000
        assert box2.call(t, WAIT4, -1, 0, 0, 0) is None
        box2.call(child, KILL, t.pid, SIGUSR1)
        uc = struct.unpack("<QQQI4xQ23QQ64xQ", box2.get(t, thread.regs[RDX], 304))
        if restarted:
            assert (uc[5 + RIP], uc[5 + RAX]) == (0x5000, WAIT4)
        else:
            assert (uc[5 + RIP], uc[5 + RAX]) == (0x5002, -errno.EINTR & (1 << 64) - 1)
        box2.close()


def test_ignored_signal_interrupts_nothing(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    assert box.call(t, PAUSE) is None
    assert box.call(child, KILL, t.pid, SIGCHLD) == 0
    assert t.parked and not t.signal_pending()


def test_nanosleep_interrupted_reports_the_rest_and_restarts(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1)
    child = box.fork(t)
    request = box.put(t, struct.pack("<qq", 2, 0))
    rest = box.room()
    assert box.call(t, NANOSLEEP, request, rest) is None
    box.advance(500_000_000)
    box.call(child, KILL, t.pid, SIGUSR1)
    assert struct.unpack("<qq", box.get(t, rest, 16)) == (1, 500_000_000)
    assert thread.regs[RIP] == HANDLER


def test_stop_and_continue_restart_a_sleep_where_it_was(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    request = box.put(child, struct.pack("<qq", 2, 0))
    assert box.call(child, NANOSLEEP, request, 0) is None
    box.call(t, KILL, child.pid, 19)
    assert child.group.stopped
    box.advance(1_000_000_000)
    box.call(t, KILL, child.pid, 18)
    thread = box.thread(child)
    assert box.running(child) and thread.regs[RAX] == RESTART_SYSCALL
    assert box.call(child, RESTART_SYSCALL) is None
    box.advance(1_000_000_000)
    assert thread.result() == 0 and box.running(child)


def test_interrupt_of_running_thread(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.handle(child, SIGUSR1)
    box.call(t, KILL, child.pid, SIGUSR1)
    thread = box.thread(child)
    assert thread.interrupted == 1
    thread.regs[RAX] = 77
    thread.come()
    assert thread.regs[RIP] == HANDLER
    uc = struct.unpack("<QQQI4xQ23QQ64xQ", box.get(child, thread.regs[RDX], 304))
    assert uc[5 + RAX] == 77


def test_spurious_interruption_changes_nothing(box: Box) -> None:
    thread = box.thread(box.init)
    before = list(thread.regs)
    thread.interrupted = 1
    thread.come()
    assert thread.regs == before and not thread.stopped


def test_default_action_kills_and_parent_learns_it(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    assert box.call(t, KILL, child.pid, SIGTERM) == 0
    status = box.room()
    assert box.call(t, WAIT4, -1, status, 0, 0) == child.pid
    assert box.word(t, status) == SIGTERM
    assert child.thread.space.killed  # type: ignore[attr-defined]


def test_fault_runs_handler_or_kills(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.handle(child, SIGSEGV, SA_SIGINFO)
    thread = box.thread(child)
    thread.fault(SIGSEGV, 1, 0xDEAD000)
    assert thread.regs[RIP] == HANDLER
    signo, _, code, addr = struct.unpack("<iii4xQ", box.get(child, thread.regs[RSI], 24))
    assert (signo, code, addr) == (SIGSEGV, 1, 0xDEAD000)
    thread.fault(SIGSEGV, 1, 0xDEAD000)  # blocked in its handler: fatal
    box.settle()
    assert child.group.exit_status == SIGSEGV


def test_resethand_and_nodefer(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.handle(child, SIGINT, SA_RESETHAND | SA_NODEFER)
    box.call(child, KILL, child.pid, SIGINT)
    assert child.blocked == 0
    box.call(child, KILL, child.pid, SIGINT)
    assert child.group.exit_status == SIGINT


def test_realtime_signals_queue_in_order(box: Box) -> None:
    t = box.init
    box.handle(t, 40, SA_SIGINFO)
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(40, 41)), 0, 8)
    for value in (1, 2, 3):
        raw = struct.pack("<iii4xiiQ", 40, 0, -1, t.pid, 0, value).ljust(128, b"\0")
        assert box.call(t, RT_SIGQUEUEINFO, t.pid, 40, box.put(t, raw)) == 0
    out = box.room()
    for value in (1, 2, 3):
        assert box.call(t, RT_SIGTIMEDWAIT, box.put(t, sigset(40)), out, 0, 8) == 40
        assert struct.unpack("<Q", box.get(t, out + 24, 8)) == (value,)


def test_queue_limit_is_eagain(box: Box) -> None:
    t = box.init
    t.group.rlimits.set(11, 2, 2)
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(40)), 0, 8)
    raw = box.put(t, struct.pack("<iii4xiiQ", 40, 0, -1, t.pid, 0, 1).ljust(128, b"\0"))
    results = [box.call(t, RT_SIGQUEUEINFO, t.pid, 40, raw) for _ in range(3)]
    assert results == [0, 0, -errno.EAGAIN]


def test_sigtimedwait_waits_times_out_and_is_interrupted(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(SIGUSR1)), 0, 8)
    wanted, timeout = box.put(t, sigset(SIGUSR1)), box.put(t, struct.pack("<qq", 1, 0))
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, 0, timeout, 8) is None
    box.advance(1_000_000_000)
    assert box.thread(t).result() == -errno.EAGAIN
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, 0, timeout, 8) is None
    box.call(child, KILL, t.pid, SIGUSR1)
    assert box.thread(t).result() == SIGUSR1 and t.blocked == 1 << (SIGUSR1 - 1)
    box.handle(t, SIGUSR2)
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, 0, 0, 8) is None
    box.call(child, KILL, t.pid, SIGUSR2)
    assert box.thread(t).regs[RIP] == HANDLER


def test_sigsuspend_restores_the_mask_after_the_handler(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGUSR1)
    box.call(t, RT_SIGPROCMASK, 2, box.put(t, sigset(SIGUSR1, SIGUSR2)), 0, 8)
    box.call(t, KILL, t.pid, SIGUSR1)
    box.call(t, RT_SIGSUSPEND, box.put(t, sigset(SIGUSR2)), 8)
    assert thread.regs[RIP] == HANDLER
    uc = struct.unpack("<QQQI4xQ23QQ64xQ", box.get(t, thread.regs[RDX], 304))
    assert uc[29].to_bytes(8, "little") == sigset(SIGUSR1, SIGUSR2)
    thread.regs[RSP] += 8
    box.call(t, RT_SIGRETURN)
    assert t.blocked.to_bytes(8, "little") == sigset(SIGUSR1, SIGUSR2)


def test_sigaction_checks(box: Box) -> None:
    t = box.init
    act = box.put(t, bytes(32))
    assert box.call(t, RT_SIGACTION, SIGKILL, act, 0, 8) == -errno.EINVAL
    assert box.call(t, RT_SIGACTION, SIGKILL, 0, act, 8) == 0
    assert box.call(t, RT_SIGACTION, 65, 0, 0, 8) == -errno.EINVAL
    assert box.call(t, RT_SIGACTION, SIGINT, 0, 0, 4) == -errno.EINVAL
    assert box.call(t, RT_SIGACTION, SIGINT, 8, 0, 8) == -errno.EFAULT


def test_process_signal_goes_to_a_thread_that_takes_it(box: Box) -> None:
    t = box.init
    other = box.fork(t, 0x10D00, 0)  # VM | FS? no: VM | FILES | SIGHAND | THREAD
    assert other.group is t.group
    box.handle(t, SIGUSR1)
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(SIGUSR1)), 0, 8)
    box.call(t, KILL, t.pid, SIGUSR1)
    assert box.thread(other).interrupted == 1
    box.thread(other).come()
    assert box.thread(other).regs[RIP] == HANDLER


def test_unblocked_later_elsewhere_is_retargeted(box: Box) -> None:
    t = box.init
    other = box.fork(t, 0x10D00, 0)
    box.handle(t, SIGUSR1)
    box.call(t, KILL, t.pid, 0)
    t.group.send_signal(SignalInfo(SIGUSR1, 0))
    assert box.thread(t).interrupted == 1 and not box.thread(other).interrupted
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(SIGUSR1)), 0, 8)
    # The handler ran before the mask changed: on the way out of the call that set it nothing is left.
    assert box.thread(t).regs[RIP] == HANDLER or box.thread(other).interrupted


def test_kill_errors(box: Box) -> None:
    t = box.init
    assert box.call(t, KILL, 4000, 0) == -errno.ESRCH
    assert box.call(t, KILL, t.pid, 65) == -errno.EINVAL
    assert box.call(t, TKILL, -1, 1) == -errno.EINVAL
    assert box.call(t, KILL, -(1 << 31), 1) == -errno.ESRCH
    child = box.fork(t)
    child.creds = child.creds.with_resuid(5, 5, 5)
    assert box.call(child, KILL, t.pid, SIGTERM) == -errno.EPERM
    assert box.call(child, KILL, t.pid, 0) == -errno.EPERM


def test_init_in_a_container_ignores_defaults(box: Box) -> None:
    t = box.init
    t.group.unkillable = True
    child = box.fork(t)
    box.call(child, KILL, t.pid, SIGTERM)
    box.call(child, KILL, t.pid, SIGKILL)
    assert not box.exits
    info = SignalInfo(SIGKILL, 0)
    info.outside = True
    t.group.send_signal(info)
    box.settle()
    assert box.exits == [SIGKILL] and child.group.exited


def test_getpid_and_exit(box: Box) -> None:
    t = box.init
    assert box.call(t, GETPID) == 1
    box.call(t, EXIT, 3)
    assert box.exits == [3 << 8]


def test_handler_is_inherited_and_stack_top_is_sane(box: Box) -> None:
    assert CLONE == 56
    child = box.fork(box.init)
    assert child.thread.get_reg(RSP) == STACK_TOP - 64
    assert child.thread.get_reg(RAX) == 0


def test_kill_beyond_the_queue_limit_loses_only_the_information(box: Box) -> None:
    t = box.init
    t.group.rlimits.set(11, 0, 0)
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, sigset(40)), 0, 8)
    assert box.call(t, KILL, t.pid, 40) == 0
    out = box.room()
    assert box.call(t, RT_SIGTIMEDWAIT, box.put(t, sigset(40)), out, 0, 8) == 40
    assert struct.unpack("<iii4xii", box.get(t, out, 24)) == (40, 0, 0, 0, 0)


def test_queued_signals_are_given_back(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(child, RT_SIGPROCMASK, 0, box.put(child, sigset(40, SIGUSR1)), 0, 8)
    for signo in (40, 40, SIGUSR1, SIGUSR1):
        assert box.call(t, KILL, child.pid, signo) == 0
    assert box.kernel.queued_signals[0].queued == 3
    box.call(t, KILL, child.pid, SIGKILL)
    assert box.kernel.queued_signals[0].queued == 0
