"""Memory policy of a machine with one node: get_mempolicy(2), set_mempolicy(2), mbind(2), move_pages(2) and others."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_NICE
from sandbox.abi.linux.mman import PAGE_OFFSET, page_align
from sandbox.errors import SyscallError
from sandbox.kernel.control import AGAIN
from sandbox.mm.policy import (
    MODE_FLAGS,
    MPOL_BIND,
    MPOL_DEFAULT,
    MPOL_INTERLEAVE,
    MPOL_PREFERRED_MANY,
    NODES,
    MemPolicy,
    PolicyRanges,
    check_mode,
    make_policy,
)
from sandbox.ptrace.access import may_inspect
from sandbox.syscalls.linux.sys_mmap import memory
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.syscalls.args import SyscallArgs

MAX_NUMNODES: Final = 1024
MAX_MASK: Final = 4096 * 8
MPOL_F_NODE: Final = 1
MPOL_F_ADDR: Final = 2
MPOL_F_MEMS_ALLOWED: Final = 4
MPOL_MF_STRICT: Final = 1
MPOL_MF_MOVE: Final = 2
MPOL_MF_MOVE_ALL: Final = 4
_CHUNK: Final = 512  # pages of one move_pages(2) before others have a turn


def _read_nodes(t: Task, address: int, maxnode: int) -> int:
    """A guest's node mask of maxnode - 1 bits (get_nodes); EINVAL, EFAULT."""
    bits = (maxnode - 1) & 0xFFFFFFFFFFFFFFFF
    if not bits or not address:
        return 0
    if bits > MAX_MASK:
        raise SyscallError(errno.EINVAL)
    mask = int.from_bytes(t.copy_in(address, -(-bits // 64) * 8), "little") & (1 << bits) - 1
    if mask >> MAX_NUMNODES:
        raise SyscallError(errno.EINVAL)
    return mask


def _write_nodes(t: Task, address: int, maxnode: int, nodes: int) -> None:
    """copy_nodes_to_user: the words that are there, the rest cleared."""
    size = ((maxnode - 1 + 63) & ~63) // 8
    if size > 4096 + 8:
        raise SyscallError(errno.EINVAL)
    t.copy_out(address, (nodes & (1 << 8 * size) - 1).to_bytes(size, "little"))


def sys_get_mempolicy(t: Task, a: SyscallArgs) -> int:
    """get_mempolicy(2)."""
    mask_at, maxnode, address, flags = a.addr(1), a.ulong(2), a.addr(3), a.ulong(4)
    if mask_at and maxnode < 1:
        return -errno.EINVAL
    if flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED):
        return -errno.EINVAL
    if flags & MPOL_F_MEMS_ALLOWED:
        if flags & (MPOL_F_NODE | MPOL_F_ADDR):
            return -errno.EINVAL
        mode, nodes = 0, NODES
    else:
        policy = _policy_at(t, address, flags)
        mode = policy.mode | policy.flags & MODE_FLAGS if policy is not None else MPOL_DEFAULT
        nodes = policy.nodes if policy is not None else 0
        if flags & MPOL_F_NODE:
            if not flags & MPOL_F_ADDR and (policy is None or policy.mode != MPOL_INTERLEAVE):
                return -errno.EINVAL
            mode = 0  # the number of a node
    if a.addr(0):
        t.copy_out(a.addr(0), mode.to_bytes(4, "little"))
    if mask_at:
        _write_nodes(t, mask_at, maxnode, nodes)
    return 0


def _policy_at(t: Task, address: int, flags: int) -> MemPolicy | None:
    if flags & MPOL_F_ADDR:
        mm = memory(t)
        if mm.areas.find(address) is None:
            raise SyscallError(errno.EFAULT)
        return mm.policies.find(address) if mm.policies is not None else None
    if address:
        raise SyscallError(errno.EINVAL)
    return t.mempolicy


def sys_set_mempolicy(t: Task, a: SyscallArgs) -> int:
    """set_mempolicy(2)."""
    check_mode(a.int(0))
    nodes = _read_nodes(t, a.addr(1), a.ulong(2))
    t.mempolicy = make_policy(a.int(0), nodes)
    return 0


def sys_mbind(t: Task, a: SyscallArgs) -> int:
    """mbind(2): all memory is on the one node, so that nothing has to move."""
    start, size, mode, flags = a.addr(0), page_align(a.size(1)), a.int(2), a.uint(5)
    check_mode(mode)
    nodes = _read_nodes(t, a.addr(3), a.ulong(4))
    if flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL):
        return -errno.EINVAL
    if flags & MPOL_MF_MOVE_ALL and not t.creds.has(CAP_SYS_NICE):
        return -errno.EPERM
    mm = memory(t)
    end = start + size
    if start & PAGE_OFFSET or end >> 64:
        return -errno.EINVAL
    if not size:
        return 0
    policy = make_policy(mode, nodes)
    if not mm.areas.intersects(start, end) or (policy is not None and mm.areas.mapped_until(start, end) < end):
        return -errno.EFAULT
    if mm.policies is None:
        mm.policies = PolicyRanges()
    mm.policies.set(start, end, policy)
    return 0


def sys_set_mempolicy_home_node(t: Task, a: SyscallArgs) -> int:
    """set_mempolicy_home_node(2): the home can only be the one node."""
    start, size = a.addr(0), page_align(a.size(1))
    if start & PAGE_OFFSET or a.ulong(3) or a.ulong(2):
        return -errno.EINVAL
    if (start + size) >> 64:
        return -errno.EINVAL
    if not size:
        return 0
    policies = memory(t).policies
    found = policies.overlapping(start, start + size) if policies is not None else []
    if any(policy.mode not in (MPOL_BIND, MPOL_PREFERRED_MANY) for policy in found):
        return -errno.EOPNOTSUPP
    return 0 if found else -errno.ENOENT


def _memory_of(t: Task, pid: int) -> MemoryManager:
    """The address space of process `pid` (0: the caller's); ESRCH, EPERM, EINVAL."""
    target = t if pid == 0 else t.pids.tasks.get(pid)
    if target is None:
        raise SyscallError(errno.ESRCH)
    if not may_inspect(t, target):
        raise SyscallError(errno.EPERM)
    if target.mm is None:
        raise SyscallError(errno.EINVAL)
    return target.mm


def sys_migrate_pages(t: Task, a: SyscallArgs) -> int:
    """migrate_pages(2): no page has anywhere to go."""
    _read_nodes(t, a.addr(2), a.ulong(1))
    to = _read_nodes(t, a.addr(3), a.ulong(1))
    _memory_of(t, a.int(0))
    if to & ~NODES and not t.creds.has(CAP_SYS_NICE):
        return -errno.EPERM
    return 0 if to & NODES else -errno.EINVAL


def sys_move_pages(t: Task, a: SyscallArgs) -> Result:
    """move_pages(2): a status for each page, in portions."""
    count, nodes_at, flags = a.ulong(1), a.addr(3), a.int(5)
    if flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL):
        return -errno.EINVAL
    if flags & MPOL_MF_MOVE_ALL and not t.creds.has(CAP_SYS_NICE):
        return -errno.EPERM
    mm = _memory_of(t, a.int(0))
    done = a.state if isinstance(a.state, int) else 0
    size = min(count - done, _CHUNK)
    pages = memoryview(t.copy_in(a.addr(2) + 8 * done, 8 * size)).cast("Q")
    nodes = t.copy_in(nodes_at + 4 * done, 4 * size) if nodes_at else bytes(4 * size)
    good = size if not any(nodes) else next(n for n in range(size) if any(nodes[4 * n : 4 * n + 4]))
    statuses = b"".join(
        (0 if mm.areas.find(page) is not None else -errno.EFAULT).to_bytes(4, "little", signed=True)
        for page in pages[:good]
    )
    t.copy_out(a.addr(4) + 4 * done, statuses)
    if good < size:
        return -errno.ENODEV
    if done + size == count:
        return 0
    a.state = done + size
    return AGAIN


ROWS: Final[tuple[Row, ...]] = (
    Row(
        237,
        "mbind",
        sys_mbind,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.INT, Arg.ADDR, Arg.SIZE, Arg.HEX),
        "one node; what mremap moves has no policy of its own any more",
    ),
    Row(238, "set_mempolicy", sys_set_mempolicy, FULL, (Arg.INT, Arg.ADDR, Arg.SIZE)),
    Row(239, "get_mempolicy", sys_get_mempolicy, FULL, (Arg.ADDR, Arg.ADDR, Arg.SIZE, Arg.ADDR, Arg.HEX)),
    Row(256, "migrate_pages", sys_migrate_pages, FULL, (Arg.PID, Arg.SIZE, Arg.ADDR, Arg.ADDR)),
    Row(
        279,
        "move_pages",
        sys_move_pages,
        PARTIAL,
        (Arg.PID, Arg.SIZE, Arg.ADDR, Arg.ADDR, Arg.ADDR, Arg.HEX),
        "a mapped page that nobody has touched is said to be on the node, not ENOENT",
    ),
    Row(
        450,
        "set_mempolicy_home_node",
        sys_set_mempolicy_home_node,
        FULL,
        (Arg.ADDR, Arg.SIZE, Arg.SIZE, Arg.HEX),
    ),
)
