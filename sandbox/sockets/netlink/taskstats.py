"""The family TASKSTATS of NETLINK_GENERIC: what a thread or a process has used (kernel/taskstats.c, kernel/tsacct.c,
include/uapi/linux/taskstats.h, version 14).

Delays are not counted, as by a kernel whose kernel.task_delayacct is 0, nor how often a thread came onto a processor and what its
memory was over time (coremem, virtmem). That a thread ends is told to nobody: TASKSTATS_CMD_ATTR_REGISTER_CPUMASK is EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs.task_status import peak_pages
from sandbox.kernel.io_count import IoCount
from sandbox.kernel.usage import Usage, of_live_group, of_thread
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request

GET, NEW, CGROUP_GET = 1, 2, 4
_PID, _TGID, _STATS, _AGGREGATE_PID, _AGGREGATE_TGID = 1, 2, 3, 4, 5
_ASK_PID, _ASK_TGID, _REGISTER, _DEREGISTER = 1, 2, 3, 4
_VERSION: Final = 14
_NS_PER_US: Final = 1000
_NS_PER_S: Final = 1_000_000_000
_KIB_MASK: Final = ~1023  # of the counts of input and output (xacct_add_tsk)
_GENL: Final = struct.Struct("<BBH")
_HEAD: Final = struct.Struct("<HxxIBB6x6Q2Q32sB7x4II4xQ")  # until ac_etime
_REST: Final = struct.Struct("<4Q4Q7Q2Q3Q4QQ2QI4xQQQ2Q2Q")
SIZE: Final = _HEAD.size + _REST.size


def answer(t: Task, request: Request, port: int) -> list[bytes]:
    """TASKSTATS_CMD_GET (taskstats_user_cmd): EINVAL when nobody is named, ERANGE, ESRCH."""
    attributes = request.attributes(_GENL.size)
    if request.header(_GENL)[0] == CGROUP_GET:
        return _of_cgroup(t, attributes)
    for kind in (_ASK_PID, _ASK_TGID):
        if kind in attributes and len(attributes[kind]) < 4:
            raise SyscallError(errno.ERANGE)
    if _REGISTER in attributes or _DEREGISTER in attributes:
        raise SyscallError(errno.EOPNOTSUPP)
    for kind, named, aggregate in ((_ASK_PID, _PID, _AGGREGATE_PID), (_ASK_TGID, _TGID, _AGGREGATE_TGID)):
        if kind not in attributes:
            continue
        number = int.from_bytes(attributes[kind][:4], "little")
        task = t.pids.tasks.get(number)
        if task is None:
            raise SyscallError(errno.ESRCH)
        stats = _of_task(t, task) if kind == _ASK_PID else _of_process(t, task)
        body = nl.u32(named, number) + nl.attribute(_STATS, stats)
        whole = _GENL.pack(NEW, 1, 0) + nl.attribute(aggregate, body)
        return [nl.message(request.type, 0, request.seq, port, whole)]
    raise SyscallError(errno.EINVAL)


def _of_cgroup(t: Task, attributes: dict[int, bytes]) -> list[bytes]:
    """CGROUPSTATS_CMD_GET tells of the first version's groups only: EINVAL for any file; without one there is nothing to tell."""
    if 1 not in attributes:
        raise SyscallError(errno.EINVAL)
    if len(attributes[1]) < 4:
        raise SyscallError(errno.ERANGE)
    try:
        t.fds.get(int.from_bytes(attributes[1][:4], "little"))
    except SyscallError:
        return []
    raise SyscallError(errno.EINVAL)


def _pack(head: tuple[object, ...], rest: tuple[int, ...]) -> bytes:
    return _HEAD.pack(_VERSION, *head) + _REST.pack(*rest)


def _of_process(t: Task, task: Task) -> bytes:
    """fill_stats_for_tgid: times and switches of all its threads, no names and no memory."""
    group = task.group
    used = of_live_group(group)
    run = used.user_ns + used.system_ns
    elapsed = (t.kernel.clock.now_ns() - group.start_ns) // _NS_PER_US
    head = (0, 0, 0, 0, 0, 0, 0, 0, 0, run, run, b"", 0, 0, 0, 0, 0, 0, elapsed)
    rest = (*_times(used), 0, 0, *(0,) * 4, *(0,) * 7, used.voluntary, used.involuntary, 0, 0, run)
    return _pack(head, rest + (0,) * 15)


def _times(used: Usage) -> tuple[int, int]:
    return used.user_ns // _NS_PER_US, used.system_ns // _NS_PER_US


def _of_task(t: Task, task: Task) -> bytes:
    """fill_stats_for_pid (bacct_add_tsk, xacct_add_tsk)."""
    group, mm, creds = task.group, task.mm, task.creds
    used, now = of_thread(task), t.kernel.clock.now_ns()
    elapsed = now - task.start_ns
    began = (t.kernel.clock.realtime_ns() - elapsed) // _NS_PER_S
    leader = task is group.leader
    parent = group.parent
    run = used.user_ns + used.system_ns
    shown = t.creds.user
    ids = (shown.uids.shown(creds.uid), shown.gids.shown(creds.gid), task.ids.number_in(t.pids))
    ppid = parent.ids.number_in(t.pids) if parent is not None else 0
    status = group.exit_status if leader and group.exited else 0
    head = (status, 0, task.nice & 0xFF, *(0,) * 6, run, run, task.comm, task.policy, *ids, ppid)
    memory, exe = (0, 0), (0, 0)
    if mm is not None:
        resident = peak_pages(task, task.space.resident_pages())
        memory = resident * 4, max(mm.peak_pages, mm.virtual_pages) * 4
        exe = _program(task)
    rest: tuple[int, ...] = (*_times(used), used.minor, used.major, 0, 0, *memory, *_transferred(task.io), 0, 0, 0)
    rest += (used.voluntary, used.involuntary, *_times(used), run, 0, 0, 0, 0, began, 0, 0)
    process = (now - group.start_ns) // _NS_PER_US
    rest += (group.ids.number_in(t.pids), process, *exe, 0, 0, 0, 0)
    return _pack((*head, began & 0xFFFFFFFF, elapsed // _NS_PER_US), rest)


def _transferred(io: IoCount) -> tuple[int, int, int, int]:
    return io.rchar & _KIB_MASK, io.wchar & _KIB_MASK, io.syscr & _KIB_MASK, io.syscw & _KIB_MASK


def _program(task: Task) -> tuple[int, int]:
    """Device and inode of what it runs."""
    exe = task.mm.exe if task.mm is not None else None
    path = exe.path if exe is not None else None
    if path is None:
        return 0, 0
    return path.inode.fs.dev, path.inode.ino
