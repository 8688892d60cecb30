"""cgroup.* and cpu.stat: what every group has (Documentation/admin-guide/cgroup-v2.rst, Core Interface Files)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.cpu_files import CPU_STAT
from sandbox.fs.cgroupfs.numbers import INT_MAX, bounded, number
from sandbox.fs.cgroupfs.rights import check_move
from sandbox.fs.cgroupfs.spec import Spec, Writer
from sandbox.kernel.cgroup import kinds
from sandbox.kernel.cgroup.cgroup import CONTROLLERS
from sandbox.kernel.cgroup.freezer import is_still, set_freeze

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task


def _type(cgroup: Cgroup, t: Task) -> str:
    return f"{kinds.name_of(cgroup)}\n"


def _put_type(cgroup: Cgroup, w: Writer, text: str) -> None:
    if text != "threaded":
        raise SyscallError(errno.EINVAL)
    kinds.make_threaded(cgroup)


def _procs(cgroup: Cgroup, t: Task) -> str:
    """0: one that the reader's PID namespace does not show. A threaded group has no processes: EOPNOTSUPP."""
    if cgroup.threaded():
        raise SyscallError(errno.EOPNOTSUPP)
    return "".join(f"{group.ids.number_in(t.pids)}\n" for group in cgroup.members if group.tasks)


def _put_procs(cgroup: Cgroup, w: Writer, text: str) -> None:
    """Move a process here: ESRCH, EACCES, ENOENT, EBUSY (__cgroup_procs_write)."""
    group = _named(w, text).group
    check_move(group.leader.cgroup(), cgroup, w.creds, w.task.ns.cgroup.root)
    kinds.check_target(cgroup)
    cgroup.take(group)


def _threads(cgroup: Cgroup, t: Task) -> str:
    return "".join(f"{task.ids.number_in(t.pids)}\n" for task in cgroup.own_tasks())


def _put_threads(cgroup: Cgroup, w: Writer, text: str) -> None:
    """Move a thread, which cannot leave the domain that its process is in: EOPNOTSUPP."""
    task = _named(w, text)
    check_move(task.cgroup(), cgroup, w.creds, w.task.ns.cgroup.root)
    kinds.check_target(cgroup)
    if task.group.cgroup is not cgroup.domain:
        raise SyscallError(errno.EOPNOTSUPP)
    if task.cgroup() is not cgroup:
        cgroup.take_thread(task)


def _named(w: Writer, text: str) -> Task:
    try:
        pid = number(text)
    except SyscallError:
        pid = -1
    if pid < 0:
        raise SyscallError(errno.EINVAL)
    if not pid:
        return w.task
    task = w.task.pids.tasks.get(pid)
    if task is None:
        raise SyscallError(errno.ESRCH)
    return task


def _names(names: frozenset[bytes]) -> str:
    text = " ".join(name.decode() for name in CONTROLLERS if name in names)
    return f"{text}\n" if text else ""


def _controllers(cgroup: Cgroup, t: Task) -> str:
    return _names(cgroup.controllers())


def _subtree(cgroup: Cgroup, t: Task) -> str:
    return _names(cgroup.enabled)


def _put_subtree(cgroup: Cgroup, w: Writer, text: str) -> None:
    """`+` and `-` before names: EINVAL, ENOENT for what the group does not have itself, EBUSY where a group below passes it
    on, or where processes are, EOPNOTSUPP in thread subtrees (cgroup_subtree_control_write)."""
    enable: set[bytes] = set()
    disable: set[bytes] = set()
    for word in text.split(" "):
        name = word[1:].encode("latin-1")
        if not word:
            continue
        if word[0] not in "+-" or name not in CONTROLLERS:
            raise SyscallError(errno.EINVAL)
        wanted, other = (enable, disable) if word[0] == "+" else (disable, enable)
        wanted.add(name)
        other.discard(name)
    enable -= cgroup.enabled
    disable &= cgroup.enabled
    if not enable <= cgroup.controllers():
        raise SyscallError(errno.ENOENT)
    if any(child.enabled & disable for child in cgroup.children.values()):
        raise SyscallError(errno.EBUSY)
    kinds.check_enable(cgroup, enable)
    cgroup.enabled = cgroup.enabled - disable | enable
    cgroup.hierarchy.regrouped(cgroup)
    for child in cgroup.children.values():
        child.lost(disable)


def _events(cgroup: Cgroup, t: Task) -> str:
    return f"populated {int(cgroup.live > 0)}\nfrozen {int(is_still(cgroup))}\n"


def _max_descendants(cgroup: Cgroup, t: Task) -> str:
    return "max\n" if cgroup.max_descendants is None else f"{cgroup.max_descendants}\n"


def _put_max_descendants(cgroup: Cgroup, w: Writer, text: str) -> None:
    cgroup.max_descendants = None if text == "max" else bounded(text, 0, INT_MAX)


def _max_depth(cgroup: Cgroup, t: Task) -> str:
    return "max\n" if cgroup.max_depth is None else f"{cgroup.max_depth}\n"


def _put_max_depth(cgroup: Cgroup, w: Writer, text: str) -> None:
    cgroup.max_depth = None if text == "max" else bounded(text, 0, INT_MAX)


def _stat(cgroup: Cgroup, t: Task) -> str:
    """A group that is removed is gone at once."""
    return f"nr_descendants {sum(1 for _ in cgroup.walk()) - 1}\nnr_dying_descendants 0\n"


def _freeze(cgroup: Cgroup, t: Task) -> str:
    return f"{int(cgroup.freeze)}\n"


def _put_freeze(cgroup: Cgroup, w: Writer, text: str) -> None:
    set_freeze(cgroup, bounded(text, 0, 1) == 1)


def _put_kill(cgroup: Cgroup, w: Writer, text: str) -> None:
    """It is of whole processes, which a threaded group has not: EOPNOTSUPP."""
    bounded(text, 1, 1)
    if cgroup.threaded():
        raise SyscallError(errno.EOPNOTSUPP)
    cgroup.kill(w.task)


CORE: Final = {
    b"cgroup.controllers": Spec(_controllers),
    b"cgroup.max.depth": Spec(_max_depth, _put_max_depth),
    b"cgroup.max.descendants": Spec(_max_descendants, _put_max_descendants),
    b"cgroup.procs": Spec(_procs, _put_procs, delegated=True),
    b"cgroup.stat": Spec(_stat),
    b"cgroup.subtree_control": Spec(_subtree, _put_subtree, delegated=True),
    b"cgroup.threads": Spec(_threads, _put_threads, delegated=True),
    b"cpu.stat": CPU_STAT,
}
NOT_AT_ROOT: Final = {
    b"cgroup.events": Spec(_events, event=lambda cgroup: cgroup.events),
    b"cgroup.freeze": Spec(_freeze, _put_freeze),
    b"cgroup.kill": Spec(None, _put_kill),
    b"cgroup.type": Spec(_type, _put_type),
}
