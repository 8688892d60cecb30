"""memory.*: the memory of a group's processes (mm/memcontrol.c). What they put into files is counted for the sandbox as a whole."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.numbers import number, pages
from sandbox.fs.cgroupfs.spec import Spec, Writer

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.cgroup.memory import GroupMemory
    from sandbox.kernel.task import Task

SHIFT: Final = 12
# Nothing of a group's is taken back, swapped or written out, and what the kernel keeps is not charged to it.
NEVER: Final = (
    "kernel kernel_stack sec_pagetables percpu sock vmalloc",
    "file_dirty file_writeback swapcached",
    "slab_reclaimable slab_unreclaimable slab workingset_refault_anon workingset_refault_file workingset_activate_anon "
    "workingset_activate_file workingset_restore_anon workingset_restore_file workingset_nodereclaim pgscan pgsteal "
    "pgscan_kswapd pgscan_direct pgscan_khugepaged pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgrefill pgactivate "
    "pgdeactivate pglazyfree pglazyfreed",
)


def _used(cgroup: Cgroup) -> tuple[int, int, int]:
    """Pages: private ones, shared ones, those of files."""
    spaces = {task.space for one in cgroup.walk() for group in one.members for task in group.tasks}
    uses = [space.memory_use() for space in spaces]
    private, shared = sum(use.private for use in uses), sum(use.shared for use in uses)
    cgroup.memory.seen(private + shared)
    return private, shared, sum(use.file for use in uses)


def _current(cgroup: Cgroup, t: Task) -> str:
    private, shared, _ = _used(cgroup)
    return f"{private + shared << SHIFT}\n"


def _peak(cgroup: Cgroup, t: Task) -> str:
    """The most that was ever seen."""
    _used(cgroup)
    return f"{cgroup.memory.peak << SHIFT}\n"


def _shown(most: int | None) -> str:
    return "max\n" if most is None else f"{most << SHIFT}\n"


def _max(cgroup: Cgroup, t: Task) -> str:
    """A container's top has what bounds the container."""
    most = cgroup.memory_pages
    if most is None and cgroup.view is not None:
        most = t.kernel.commit.size
    return _shown(most)


def _put_max(cgroup: Cgroup, w: Writer, text: str) -> None:
    cgroup.limit_memory(pages(text))


def _put_high(cgroup: Cgroup, w: Writer, text: str) -> None:
    cgroup.slow_memory(pages(text))


def _setting(get: Callable[[GroupMemory], int | None], put: Callable[[GroupMemory, int | None], None]) -> Spec:
    """A size in pages that is kept."""
    return Spec(lambda cgroup, t: _shown(get(cgroup.memory)), lambda cgroup, w, text: put(cgroup.memory, pages(text)))


def _put_low(memory: GroupMemory, most: int | None) -> None:
    memory.low = most


def _put_min(memory: GroupMemory, most: int | None) -> None:
    memory.min = most


def _put_swap_high(memory: GroupMemory, most: int | None) -> None:
    memory.swap_high = most


def _put_swap_max(memory: GroupMemory, most: int | None) -> None:
    memory.swap_max = most


def _reclaim(cgroup: Cgroup, w: Writer, text: str) -> None:
    """memory.reclaim: there is nothing that could be had back, EAGAIN."""
    if not text or pages(text, "") != 0:
        raise SyscallError(errno.EAGAIN)


def _stat(cgroup: Cgroup, t: Task) -> str:
    """In the order of Linux 6.6. What was used once is on no list of what is used little."""
    private, shared, file = _used(cgroup)
    anon, shmem, mapped = private << SHIFT, shared << SHIFT, file << SHIFT
    counted = (
        f"anon {anon}\nfile {shmem + mapped}\n",
        f"shmem {shmem}\nfile_mapped {mapped}\n",
        f"inactive_anon 0\nactive_anon {anon + shmem}\ninactive_file 0\nactive_file {mapped}\n",
    )
    never = ["".join(f"{name} 0\n" for name in names.split()) for names in NEVER]
    return counted[0] + never[0] + counted[1] + never[1] + counted[2] + never[2]


def _events(cgroup: Cgroup, t: Task) -> str:
    """Nothing is taken back from anybody, so `low` never happens."""
    had = cgroup.memory_events
    return _event_lines(had.high, had.max, had.oom, had.kill, had.group_kill)


def _local_events(cgroup: Cgroup, t: Task) -> str:
    had = cgroup.memory_events
    return _event_lines(had.local_high, had.local_max, had.local_oom, had.local_kill, had.local_group_kill)


def _event_lines(high: int, most: int, oom: int, kill: int, group_kill: int) -> str:
    return f"low 0\nhigh {high}\nmax {most}\noom {oom}\noom_kill {kill}\noom_group_kill {group_kill}\n"


def _no_swap(cgroup: Cgroup, t: Task) -> str:
    return "0\n"


def _swap_events(cgroup: Cgroup, t: Task) -> str:
    return "high 0\nmax 0\nfail 0\n"


def _oom_group(cgroup: Cgroup, t: Task) -> str:
    return f"{int(cgroup.oom_group)}\n"


def _put_oom_group(cgroup: Cgroup, w: Writer, text: str) -> None:
    value = number(text)
    if value not in (0, 1):
        raise SyscallError(errno.EINVAL)
    cgroup.oom_group = value == 1


MEMORY_FILES: Final = {
    b"memory.current": Spec(_current),
    b"memory.events": Spec(_events, event=lambda cgroup: cgroup.memory_events.changed),
    b"memory.events.local": Spec(_local_events, event=lambda cgroup: cgroup.memory_events.changed),
    b"memory.high": Spec(lambda cgroup, t: _shown(cgroup.memory.high), _put_high),
    b"memory.low": _setting(lambda memory: memory.low, _put_low),
    b"memory.max": Spec(_max, _put_max),
    b"memory.min": _setting(lambda memory: memory.min, _put_min),
    b"memory.oom.group": Spec(_oom_group, _put_oom_group, delegated=True),
    b"memory.peak": Spec(_peak),
    b"memory.reclaim": Spec(None, _reclaim),
    b"memory.stat": Spec(_stat),
    b"memory.swap.current": Spec(_no_swap),
    b"memory.swap.events": Spec(_swap_events),
    b"memory.swap.high": _setting(lambda memory: memory.swap_high, _put_swap_high),
    b"memory.swap.max": _setting(lambda memory: memory.swap_max, _put_swap_max),
    b"memory.swap.peak": Spec(_no_swap),
}
