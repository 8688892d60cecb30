"""The files of /proc/PID: each is a function of the task (fs/proc/{base,array,task_mmu}.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_SYS_RESOURCE
from sandbox.abi.linux.signal import SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID
from sandbox.arch.amd64 import RIP, RSP
from sandbox.errors import SyscallError
from sandbox.fs.procfs import login, task_memory, task_status
from sandbox.fs.procfs.mount_table import mountinfo, mounts, mountstats
from sandbox.fs.procfs.system_files import CPU
from sandbox.fs.pseudo.numbers import parse_int, parse_int32
from sandbox.kernel import io_count
from sandbox.kernel.pidfd import PidFile
from sandbox.kernel.rlimits import NAMES, RLIM_INFINITY, RLIM_NLIMITS
from sandbox.kernel.task_state import PARK_BLOCK, PARK_STOP, PARK_TRACED
from sandbox.kernel.usage import of_thread
from sandbox.kernel.user_namespace import INITIAL
from sandbox.mm import proc_maps
from sandbox.mm import smaps as mm_smaps
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task

Make = Callable[["Task", "Task"], "bytes | Iterator[bytes]"]
Numbered = Callable[["Task", "Task", "PidNamespace"], bytes]
Put = Callable[["Task", "Task", bytes], None]

MAX_ARGS: Final = 4 << 20
DUMP_FILTER_BITS: Final = 0x1FF
OOM_DISABLE: Final = -17
OOM_ADJUST_MAX: Final = 15
_UNITS: Final = (
    "seconds", "bytes", "bytes", "bytes", "bytes", "bytes", "processes", "files",
    "bytes", "bytes", "locks", "signals", "bytes", "", "", "us",
)  # fmt: skip


class Spec:
    """How a file is made, its mode, and what writing does. `numbered` in place of `make`: with process numbers of a PID
    namespace in it. `inspects`: only for who could trace the task, though its mode says nothing of it."""

    __slots__ = ("make", "mode", "put", "numbered", "inspects")

    def __init__(
        self,
        make: Make,
        mode: int = 0o444,
        put: Put | None = None,
        numbered: Numbered | None = None,
        inspects: bool = False,
    ) -> None:
        self.inspects = inspects
        self.make = make
        self.numbered = numbered
        self.mode = mode
        self.put = put


def _memory(task: Task, start: int, end: int) -> bytes:
    """Guest memory [start, end), up to the first page that is not there."""
    size = min(max(end - start, 0), MAX_ARGS)
    if not size or task.mm is None:
        return b""
    data = bytearray(size)
    try:
        task.space.read_into(start, memoryview(data))
    except MemoryFault as fault:
        return bytes(data[: fault.done])
    return bytes(data)


def cmdline(t: Task, task: Task) -> bytes:
    """Arguments; when the last NUL has been overwritten (setproctitle) up to the first NUL of the environment."""
    mm = task.mm
    if mm is None:
        return b""
    args = _memory(task, mm.arg_start, mm.arg_end)
    if args and args[-1]:
        args = _memory(task, mm.arg_start, mm.env_end)
        end = args.find(b"\0", max(mm.arg_end - mm.arg_start - 1, 0))
        return args[: end + 1] if end >= 0 else args
    return args


def environ(t: Task, task: Task) -> bytes:
    """The environment at start."""
    mm = task.mm
    return b"" if mm is None else _memory(task, mm.env_start, mm.env_end)


def auxv(t: Task, task: Task) -> bytes:
    """The auxiliary vector at start."""
    return b"" if task.mm is None else task.mm.auxv


def comm(t: Task, task: Task) -> bytes:
    """The thread's name."""
    return task.comm + b"\n"


def set_comm(t: Task, task: Task, data: bytes) -> None:
    """Only threads of the same process may: EINVAL."""
    if t.group is not task.group:
        raise SyscallError(errno.EINVAL)
    task.comm = data.split(b"\0")[0].removesuffix(b"\n")[:15]


def maps(t: Task, task: Task) -> bytes | Iterator[bytes]:
    """The areas."""
    return b"" if task.mm is None else proc_maps.maps(task.mm, t.kernel.platform.vdso_address, t.fs.root)


def smaps(t: Task, task: Task) -> bytes | Iterator[bytes]:
    """The areas with what is in core of each."""
    return b"" if task.mm is None else mm_smaps.smaps(task.mm, task.space.host_smaps(), t.fs.root)


def smaps_rollup(t: Task, task: Task) -> bytes:
    """One record for all of them."""
    return b"" if task.mm is None else mm_smaps.smaps_rollup(task.mm, task.space.host_smaps())


def statm(t: Task, task: Task) -> bytes:
    """Sizes in pages."""
    if task.mm is None:
        return b"0 0 0 0 0 0 0\n"
    return proc_maps.statm(task.mm, task.space.resident_pages())


def limits(t: Task, task: Task) -> bytes:
    """getrlimit(2) of all resources."""
    out = [f"{'Limit':25} {'Soft Limit':20} {'Hard Limit':20} {'Units':10}\n"]
    rlimits = task.group.rlimits
    for number in range(RLIM_NLIMITS):
        soft, hard = (
            "unlimited" if value == RLIM_INFINITY else str(value)
            for value in (rlimits.soft[number], rlimits.hard[number])
        )
        unit = f"{_UNITS[number]:10}" if _UNITS[number] else ""
        out.append(f"{NAMES[number]:25} {soft:20} {hard:20} {unit}\n")
    return "".join(out).encode()


def oom_score(t: Task, task: Task) -> bytes:
    """Badness for our own killer, from the resident size and the adjustment."""
    if task.mm is None:
        return b"0\n"
    total = max(t.kernel.memory_bytes >> 12, 1)
    points = task.space.resident_pages() + task.group.oom_score_adj * total // 1000
    return b"%d\n" % max(0, (points * 1000 // total * 2 + 2000) // 3)


def oom_score_adj(t: Task, task: Task) -> bytes:
    """-1000 … 1000."""
    return b"%d\n" % task.group.oom_score_adj


def set_oom_score_adj(t: Task, task: Task, data: bytes) -> None:
    """EINVAL out of range, EACCES for going below what the last privileged writer said without CAP_SYS_RESOURCE."""
    value = parse_int32(data)
    if not -1000 <= value <= 1000:
        raise SyscallError(errno.EINVAL)
    privileged = t.creds.has(CAP_SYS_RESOURCE)
    if value < task.group.least_oom_score_adj and not privileged:
        raise SyscallError(errno.EACCES)
    task.group.oom_score_adj = value
    if privileged:
        task.group.least_oom_score_adj = value


def oom_adj(t: Task, task: Task) -> bytes:
    """The same in the scale of old, -17 … 15."""
    value = task.group.oom_score_adj
    return b"%d\n" % (OOM_ADJUST_MAX if value == 1000 else int(value * -OOM_DISABLE / 1000))


def set_oom_adj(t: Task, task: Task, data: bytes) -> None:
    """EINVAL out of range, EACCES for going below what it is without CAP_SYS_RESOURCE."""
    value = parse_int32(data)
    if not OOM_DISABLE <= value <= OOM_ADJUST_MAX:
        raise SyscallError(errno.EINVAL)
    value = 1000 if value == OOM_ADJUST_MAX else int(value * 1000 / -OOM_DISABLE)
    if value < task.group.oom_score_adj and not t.creds.has(CAP_SYS_RESOURCE):
        raise SyscallError(errno.EACCES)
    task.group.oom_score_adj = value


def cgroup(t: Task, task: Task) -> bytes:
    """Where it is in the unified hierarchy, from the reader's root."""
    group = task.cgroup()
    return b"0::%s%s\n" % (group.path_from(t.ns.cgroup.root), b" (deleted)" if group.deleted else b"")


def wchan(t: Task, task: Task) -> bytes:
    """Not told."""
    return b"0"


def io(t: Task, task: Task) -> bytes:
    """Of the process."""
    return io_count.of_group(task.group).text()


def thread_io(t: Task, task: Task) -> bytes:
    """Of the thread alone."""
    return task.io.text()


def sched(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """Of what Linux prints: processor time, switches, policy and priority."""
    title = f"{task.comm.decode('utf-8', 'replace')} ({task.ids.number_in(pids)}, #threads: {len(task.group.tasks)})\n"
    forced = of_thread(task).involuntary
    rows = (
        ("se.sum_exec_runtime", f"{task.cpu_ns() / 1e6:20.6f}"),
        ("nr_switches", f"{task.waits + forced:20}"),
        ("nr_voluntary_switches", f"{task.waits:20}"),
        ("nr_involuntary_switches", f"{forced:20}"),
        ("policy", f"{task.policy:20}"),
        ("prio", f"{99 - task.rt_priority if task.rt_priority else 120 + task.nice:20}"),
    )
    return f"{title}{'-' * 67}\n{''.join(f'{name:45}:{value:>21}{chr(10)}' for name, value in rows)}".encode()


def clear_sched(t: Task, task: Task, data: bytes) -> None:
    """Whatever is written, Linux sets statistics to 0 of which none is here (proc_sched_set_task)."""


def schedstat(t: Task, task: Task) -> bytes:
    """Time on a processor, waiting (not known), time slices (not known)."""
    return b"%d 0 0\n" % task.cpu_ns()


def timers(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """Those of timer_create(2), the newest first (show_timer)."""
    names = {SIGEV_SIGNAL: "signal", SIGEV_NONE: "none", SIGEV_THREAD: "thread"}
    out = []
    for timer in reversed(task.group.posix_timers.values()):
        one = timer.target
        to = f"tid.{one.ids.number_in(pids)}" if one is not None else f"pid.{task.group.ids.number_in(pids)}"
        out.append(
            f"ID: {timer.timer_id}\nsignal: {timer.signo}/{timer.value & (1 << 64) - 1:016x}\n"
            f"notify: {names[timer.notify & ~SIGEV_THREAD_ID]}/{to}\nClockID: {timer.clock}\n"
        )
    return "".join(out).encode()


def arch_status(t: Task, task: Task) -> bytes:
    """How long ago AVX-512 was used, which nobody has noted (arch/x86/kernel/fpu/xstate.c: avx512_status)."""
    return b"AVX512_elapsed_ms:\t-1\n" if "avx512f" in CPU.values().get("flags", "").split() else b""


def stack(t: Task, task: Task) -> bytes:
    """EACCES without CAP_SYS_ADMIN. A guest's thread has no stack in this kernel: nothing."""
    if not t.creds.has_in(INITIAL, CAP_SYS_ADMIN):
        raise SyscallError(errno.EACCES)
    return b""


def personality(t: Task, task: Task) -> bytes:
    """personality(2)."""
    return b"%08x\n" % task.personality


def syscall(t: Task, task: Task) -> bytes:
    """The number and arguments of the call that it waits in, its stack pointer and program counter (proc_pid_syscall)."""
    if task is not t and task.parked not in (PARK_BLOCK, PARK_STOP, PARK_TRACED):
        return b"running\n"
    place = b"0x%x 0x%x\n" % (task.thread.get_reg(RSP), task.thread.get_reg(RIP))
    if task.nr < 0:
        return b"-1 " + place
    return b"%d " % task.nr + b"".join(b"0x%x " % arg for arg in task.args.raw) + place


def coredump_filter(t: Task, task: Task) -> bytes:
    """Nine bits, in hexadecimal."""
    return b"%08x\n" % task.group.dump_filter


def set_coredump_filter(t: Task, task: Task, data: bytes) -> None:
    """EINVAL for what is not a number of 32 bits."""
    value = parse_int(data)
    if not 0 <= value < 1 << 32:
        raise SyscallError(errno.EINVAL if value < 0 else errno.ERANGE)
    task.group.dump_filter = value & DUMP_FILTER_BITS


def cpuset(t: Task, task: Task) -> bytes:
    """Its control group, as cgroup has it."""
    return task.cgroup().path_from(t.ns.cgroup.root) + b"\n"


def timerslack(t: Task, task: Task) -> bytes:
    """PR_GET_TIMERSLACK; EPERM of others without CAP_SYS_NICE (fs/proc/base.c: timerslack_ns_show)."""
    _check_nice(t, task)
    return b"%d\n" % task.timer_slack_ns


def set_timerslack(t: Task, task: Task, data: bytes) -> None:
    """PR_SET_TIMERSLACK; ERANGE for what 64 bits do not hold."""
    word = data.split(b"\0")[0].removesuffix(b"\n").removeprefix(b"+")
    if not word.isdigit():
        raise SyscallError(errno.EINVAL)
    value = parse_int(word.lstrip(b"0") or b"0")
    if value >= 1 << 64:
        raise SyscallError(errno.ERANGE)
    _check_nice(t, task)
    task.timer_slack_ns = value or task.default_timer_slack_ns


def _check_nice(t: Task, task: Task) -> None:
    if task is not t and not t.creds.has_in(task.creds.user, CAP_SYS_NICE):
        raise SyscallError(errno.EPERM)


def children(t: Task, task: Task, pids: PidNamespace) -> bytes:
    """The children that this thread made."""
    if task.group.leader is not task:
        return b""
    return b"".join(b"%d " % group.ids.number_in(pids) for group in task.group.children)


def nothing(t: Task, task: Task) -> bytes:
    """Of what is shown with process numbers."""
    return b""


def unreadable(t: Task, task: Task) -> bytes:
    """EINVAL: it can only be written."""
    raise SyscallError(errno.EINVAL)


def fdinfo_spec(fd: int) -> Spec:
    """/proc/PID/fdinfo/N."""

    def make(t: Task, task: Task, pids: PidNamespace) -> bytes:
        file = task.fds.get(fd)
        flags = file.flags | (0o2000000 if task.fds.cloexec(fd) else 0)
        path = file.path
        mount = path.mount.id if path is not None else 15
        ino = path.inode.ino if path is not None else file.stat().ino
        more = file.numbers(pids) if isinstance(file, PidFile) else file.fdinfo()
        return f"pos:\t{file.pos}\nflags:\t0{flags:o}\nmnt_id:\t{mount}\nino:\t{ino}\n{more}".encode()

    return Spec(nothing, 0o400, numbered=make)


FILES: Final[dict[bytes, Spec]] = {
    b"arch_status": Spec(arch_status),
    b"auxv": Spec(auxv, 0o400),
    b"cgroup": Spec(cgroup),
    b"children": Spec(nothing, numbered=children),
    b"clear_refs": Spec(unreadable, 0o200, task_memory.clear_refs),
    b"cmdline": Spec(cmdline),
    b"comm": Spec(comm, 0o644, set_comm),
    b"coredump_filter": Spec(coredump_filter, 0o644, set_coredump_filter),
    b"cpuset": Spec(cpuset),
    b"environ": Spec(environ, 0o400),
    b"io": Spec(io, 0o400),
    b"ksm_merging_pages": Spec(task_memory.ksm_merging_pages, 0o400),
    b"ksm_stat": Spec(task_memory.ksm_stat, 0o400),
    b"limits": Spec(limits),
    b"loginuid": Spec(login.loginuid, 0o644, login.set_loginuid),
    b"maps": Spec(maps, inspects=True),
    b"mountinfo": Spec(mountinfo),
    b"mounts": Spec(mounts),
    b"mountstats": Spec(mountstats, 0o400),
    b"numa_maps": Spec(task_memory.numa_maps, inspects=True),
    b"oom_adj": Spec(oom_adj, 0o644, set_oom_adj),
    b"oom_score": Spec(oom_score),
    b"oom_score_adj": Spec(oom_score_adj, 0o644, set_oom_score_adj),
    b"personality": Spec(personality, 0o400),
    b"sched": Spec(nothing, 0o644, clear_sched, numbered=sched),
    b"schedstat": Spec(schedstat),
    b"sessionid": Spec(login.sessionid),
    b"smaps": Spec(smaps, inspects=True),
    b"smaps_rollup": Spec(smaps_rollup, inspects=True),
    b"stack": Spec(stack, 0o400),
    b"stat": Spec(nothing, numbered=task_status.stat),
    b"statm": Spec(statm),
    b"status": Spec(nothing, numbered=task_status.status),
    b"syscall": Spec(syscall, 0o400),
    b"timers": Spec(nothing, numbered=timers, inspects=True),
    b"timerslack_ns": Spec(timerslack, 0o666, set_timerslack),
    b"wchan": Spec(wchan),
}
NOT_OF_THREADS: Final[frozenset[bytes]] = frozenset((b"coredump_filter", b"mountstats", b"timers", b"timerslack_ns"))
OF_THREADS: Final[dict[bytes, Spec]] = {
    **FILES,
    b"io": Spec(thread_io, 0o400),
    b"stat": Spec(nothing, numbered=task_status.thread_stat),
}
