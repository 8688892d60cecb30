"""/proc/PID/stat and status (fs/proc/array.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import SIG_DFL, SIG_IGN
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_RSS, RLIMIT_SIGPENDING
from sandbox.kernel.task_state import (
    PARK_BLOCK,
    PARK_DEAD,
    PARK_DUMP,
    PARK_PENDING,
    PARK_STOP,
    PARK_TRACED,
    WORK_FREEZE,
    WORK_STOP,
)
from sandbox.kernel.usage import Usage, of_live_group, of_thread
from sandbox.mm import proc_maps
from sandbox.ptrace.access import may_inspect

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid, PidNamespace
    from sandbox.kernel.task import Task

TICK_NS: Final = 10_000_000
_LONG: Final = {"R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "t": "tracing stop", "Z": "zombie"}
_KTHREAD_PRIO: Final = 20


def state(t: Task, task: Task) -> str:
    """One letter. Who reads its own file runs."""
    if task.group.exited or task.parked == PARK_DEAD:
        return "Z"
    if task is t:
        return "R"
    if task.parked == PARK_TRACED:
        return "t"
    if task.parked == PARK_STOP and task.work & (WORK_FREEZE | WORK_STOP) == WORK_FREEZE:
        return "S"
    if task.parked == PARK_STOP or (task.group.stopped and task.ptrace is None):
        return "T"
    if task.parked == PARK_BLOCK:
        return "S"
    return "D" if task.parked in (PARK_PENDING, PARK_DUMP) else "R"


def _parent_pid(task: Task, pids: PidNamespace) -> int:
    parent = task.group.parent
    return parent.ids.number_in(pids) if parent is not None else 0


def _each(name: str, ids: Pid, pids: PidNamespace) -> str:
    """A number for each level of namespaces."""
    return name + ":" + "".join(f"\t{number}" for number in ids.numbers_from(pids)) + "\n"


def _signal_masks(task: Task) -> tuple[int, int, int, int, int]:
    """Pending for the thread and the process, blocked, ignored, caught."""
    ignored = caught = 0
    task.thread.take_back()  # its mask is what it is now
    handlers = task.group.sighand
    for signo in range(1, 65):
        handler = handlers.actions[signo].handler
        if handler == SIG_IGN:
            ignored |= 1 << (signo - 1)
        elif handler != SIG_DFL:
            caught |= 1 << (signo - 1)
    return task.pending.mask, task.group.pending.mask, task.blocked, ignored, caught


def peak_pages(task: Task, resident: int) -> int:
    """The most pages that were in core; after a reset (clear_refs) the host's peak counts once it is higher than it was."""
    peak, mm = max(resident, task.space.peak_resident_pages()), task.mm
    if mm is None or peak > mm.peak_reset:
        return peak
    mm.peak_seen = max(resident, mm.peak_seen)
    return mm.peak_seen


def stat(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """The 52 fields, of a process."""
    return _stat(t, task, pids, of_live_group(task.group))


def thread_stat(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """The 52 fields, of one thread."""
    return _stat(t, task, pids, of_thread(task))


def _stat(t: Task, task: Task, pids: PidNamespace, used: Usage) -> bytes:
    group, mm = task.group, task.mm
    pending, _, blocked, ignored, caught = _signal_masks(task)
    child = group.child_use
    start = (task.start_ns - t.kernel.boot_ns + t.ns.time.boottime) // TICK_NS
    tty_nr, foreground = _terminal(task, pids)
    rss_limit = group.rlimits.soft[RLIMIT_RSS]
    exited = group.exited
    size, resident = (mm.virtual_pages * 4096, task.space.resident_pages()) if mm is not None else (0, 0)
    permitted = may_inspect(t, task, filesystem=True)
    shown = mm if permitted else None  # addresses are nobody else's business
    unknown = int(mm is not None)
    # fmt: off
    fields: list[object] = [
        task.ids.number_in(pids), "(" + task.comm.decode("utf-8", "surrogateescape") + ")", state(t, task), _parent_pid(task, pids),
        group.pgrp.ids.number_in(pids), group.session.ids.number_in(pids), tty_nr, foreground, 0x400000,
        used.minor, child.minor, used.major, child.major, used.user_ns // TICK_NS, used.system_ns // TICK_NS,
        child.user_ns // TICK_NS, child.system_ns // TICK_NS, 20 + task.nice, task.nice, max(len(group.tasks), 1), 0, max(start, 0),
        size, resident, rss_limit if rss_limit != RLIM_INFINITY else (1 << 64) - 1,
        shown.start_code if shown else unknown, shown.end_code if shown else unknown, shown.start_stack if shown else 0, 0, 0,
        pending & 0x7FFFFFFF, blocked & 0x7FFFFFFF, ignored & 0x7FFFFFFF, caught & 0x7FFFFFFF,
        0, 0, 0, group.exit_signal or 17, 0, task.rt_priority, task.policy, 0, 0, 0,
        shown.start_data if shown else 0, shown.end_data if shown else 0, shown.start_brk if shown else 0,
        shown.arg_start if shown else 0, shown.arg_end if shown else 0, shown.env_start if shown else 0, shown.env_end if shown else 0,
        group.exit_status if exited and permitted else 0,
    ]
    # fmt: on
    return (" ".join(map(str, fields)) + "\n").encode("utf-8", "surrogateescape")


def _terminal(task: Task, pids: PidNamespace) -> tuple[int, int]:
    """Device number of the controlling terminal and its foreground process group, as stat prints them."""
    tty = task.group.tty
    if tty is None:
        return 0, -1
    index = getattr(tty, "index", 0)
    foreground = tty.foreground
    number = (136 << 8) | (index & 0xFF) | ((index & ~0xFF) << 12)
    return number, foreground.ids.number_in(pids) if foreground is not None else -1


def status(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """Names and values."""
    group, mm, creds = task.group, task.mm, task.creds
    letter = state(t, task)
    pending, shared, blocked, ignored, caught = _signal_masks(task)
    name = task.comm.decode("utf-8", "surrogateescape").replace("\\", "\\\\").replace("\n", "\\n")
    umask = f"Umask:\t{task.fs.umask:04o}\n" if mm is not None else ""
    limit = group.rlimits.soft[RLIMIT_SIGPENDING]
    uid, gid = t.creds.user.uids.shown, t.creds.user.gids.shown
    groups = " ".join(str(gid(one)) for one in creds.groups)
    memory = ""
    if mm is not None:
        resident = task.space.resident_pages()
        peak = peak_pages(task, resident)
        memory = proc_maps.status_lines(mm, resident, peak, task.space.memory_use())
    used = of_thread(task)
    cpus = t.kernel.cpus
    allowed = task.affinity
    queued = t.kernel.queued_signals.get(creds.uid)
    tracer = task.ptrace.tracer.ids.number_in(pids) if task.ptrace is not None else 0
    return (
        f"Name:\t{name}\n{umask}State:\t{letter} ({_LONG[letter]})\nTgid:\t{group.ids.number_in(pids)}\nNgid:\t0\nPid:\t{task.ids.number_in(pids)}\n"
        f"PPid:\t{_parent_pid(task, pids)}\nTracerPid:\t{tracer}\n"
        f"Uid:\t{uid(creds.uid)}\t{uid(creds.euid)}\t{uid(creds.suid)}\t{uid(creds.fsuid)}\n"
        f"Gid:\t{gid(creds.gid)}\t{gid(creds.egid)}\t{gid(creds.sgid)}\t{gid(creds.fsgid)}\n"
        f"FDSize:\t{max(64, -(-len(task.fds) // 64) * 64) if mm is not None else 0}\nGroups:\t{groups} \n"
        f"{_each('NStgid', group.ids, pids)}{_each('NSpid', task.ids, pids)}"
        f"{_each('NSpgid', group.pgrp.ids, pids)}{_each('NSsid', group.session.ids, pids)}"
        f"Kthread:\t0\n{memory}"
        f"{f'CoreDumping:	{int(group.core is not None)}' + chr(10) if mm is not None else ''}"
        f"{'THP_enabled:	1' + chr(10) if mm is not None else ''}"
        f"{'untag_mask:	0xffffffffffffffff' + chr(10) if mm is not None else ''}"
        f"Threads:\t{max(len(group.tasks), 1)}\nSigQ:\t{queued.queued if queued else 0}/{limit}\n"
        f"SigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n"
        f"SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n"
        f"CapInh:\t{creds.inheritable:016x}\nCapPrm:\t{creds.permitted:016x}\nCapEff:\t{creds.effective:016x}\n"
        f"CapBnd:\t{creds.bounding:016x}\nCapAmb:\t{creds.ambient:016x}\n"
        f"NoNewPrivs:\t{int(task.no_new_privs)}\nSeccomp:\t{task.seccomp_mode}\n"
        f"Seccomp_filters:\t{task.seccomp.depth if task.seccomp is not None else 0}\n"
        f"Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\tconditional enabled\n"
        f"Cpus_allowed:\t{allowed:x}\nCpus_allowed_list:\t{cpu_list(allowed, cpus)}\n"
        f"Mems_allowed:\t1\nMems_allowed_list:\t0\n"
        f"voluntary_ctxt_switches:\t{task.waits}\nnonvoluntary_ctxt_switches:\t{used.involuntary}\n"
    ).encode("utf-8", "surrogateescape")


def cpu_list(mask: int, cpus: int) -> str:
    """`0-3,5`."""
    parts = []
    cpu = 0
    while cpu < cpus:
        if mask >> cpu & 1:
            first = cpu
            while cpu + 1 < cpus and mask >> (cpu + 1) & 1:
                cpu += 1
            parts.append(str(first) if first == cpu else f"{first}-{cpu}")
        cpu += 1
    return ",".join(parts)
