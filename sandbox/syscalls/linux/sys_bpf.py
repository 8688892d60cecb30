"""bpf(2) (kernel/bpf/syscall.c): programs that say which devices a control group may use, as container runtimes and systemd load
them. Programs for a group's packets are loaded, as libraries try that first, and cannot be attached. Everything else is
refused as to one who has no right to it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import bpf
from sandbox.abi.linux.capability import CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.rights import opened_cgroup
from sandbox.kernel.ebpf import device_programs
from sandbox.kernel.ebpf.program_file import ProgramFile, program_of
from sandbox.kernel.ebpf.verify import Refused, verify
from sandbox.syscalls.row import PARTIAL, Arg, Row
from sandbox.syscalls.user_struct import copy_in_struct

if TYPE_CHECKING:
    from sandbox.kernel.ebpf.programs import Program
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_INT_MAX: Final = 0x7FFFFFFF
_PROG_FLAGS: Final = 0x7F  # of Linux 6.6
_PLAIN_FLAGS: Final = 0xF  # they ask for checks, and for the effects of tests that change nothing here
_NAME: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
_ATTACH_FLAGS: Final = bpf.BPF_F_ALLOW_OVERRIDE | bpf.BPF_F_ALLOW_MULTI | bpf.BPF_F_REPLACE
_LOG_LEVELS: Final = 15
_KINDS: Final = {  # by type: where it may be attached
    bpf.BPF_PROG_TYPE_CGROUP_DEVICE: (bpf.BPF_CGROUP_INET_INGRESS, bpf.BPF_CGROUP_DEVICE),
    bpf.BPF_PROG_TYPE_CGROUP_SKB: (bpf.BPF_CGROUP_INET_INGRESS, bpf.BPF_CGROUP_INET_EGRESS),
}
_ATTACHED: Final = frozenset(kind for kinds in _KINDS.values() for kind in kinds)


def sys_bpf(t: Task, a: SyscallArgs) -> int:
    """bpf(2): E2BIG, EFAULT, EINVAL; EPERM for what there is not, and for who has no right."""
    command, address, size = a.uint(0), a.addr(1), a.uint(2)
    attributes = copy_in_struct(t, address, size, bpf.BPF_ATTR_SIZE)
    if command >= bpf.BPF_COMMANDS or (command == bpf.BPF_MAP_CREATE and not any(attributes[:4])):
        return -errno.EINVAL
    handler = _COMMANDS.get(command)
    if handler is None or not _capable(t, CAP_BPF):
        return -errno.EPERM
    return handler(t, attributes, address)


def _capable(t: Task, capability: int) -> bool:
    return t.creds.has(capability) or t.creds.has(CAP_SYS_ADMIN)


def _nothing_after(attributes: bytes, end: int) -> None:
    """EINVAL for fields that a command does not have (CHECK_ATTR)."""
    if any(attributes[end:]):
        raise SyscallError(errno.EINVAL)


def _load(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_LOAD."""
    kind, count, insns, license_at, level, log_size, log, _, flags, name, _, attach_type = bpf.PROG_LOAD.unpack_from(
        attributes
    )
    if flags & ~_PROG_FLAGS or kind == 0 or kind >= bpf.BPF_PROG_TYPES:
        return -errno.EINVAL
    name = name.split(b"\0", 1)[0]
    if len(name) == bpf.BPF_OBJ_NAME_LEN or not _NAME.issuperset(name):
        return -errno.EINVAL
    t.copy_in(license_at, 1)  # nothing that there is depends on what it says
    if not 0 < count <= bpf.BPF_MAXINSNS:
        return -errno.E2BIG
    kinds = _KINDS.get(kind)
    if kinds is None or not _capable(t, CAP_NET_ADMIN):
        return -errno.EPERM
    if flags & ~_PLAIN_FLAGS or any(attributes[bpf.PROG_LOAD.size : bpf.LOG_TRUE_SIZE]) or attach_type not in kinds:
        return -errno.EINVAL  # types, lines, other programs to attach to
    if level & ~_LOG_LEVELS or (log == 0) != (log_size == 0) or (log and not level):
        return -errno.EINVAL
    code = t.copy_in(insns, 8 * count)
    try:
        verify(code, kind == bpf.BPF_PROG_TYPE_CGROUP_DEVICE)
    except Refused as refused:
        _tell(t, level, log, log_size, f"{refused}\n".encode())
        return -refused.errno
    _tell(t, level, log, log_size, b"processed %d insns\n" % count)
    program = t.cgroup().hierarchy.programs.load(kind, code, name, t.creds.uid, t.kernel.clock.now_ns())
    return t.fds.install(ProgramFile(program), 0, True)


def _tell(t: Task, level: int, log: int, size: int, text: bytes) -> None:
    """What the verifier has to say; the end of it where the buffer is short, which is ENOSPC (bpf_vlog_finalize)."""
    if not level or not log:
        return
    t.copy_out(log, text[-(size - 1) :] + b"\0")
    if len(text) >= size:
        raise SyscallError(errno.ENOSPC)


def _attach(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_ATTACH."""
    target, fd, kind, flags, replaced = bpf.PROG_ATTACH.unpack_from(attributes)
    _nothing_after(attributes, bpf.PROG_ATTACH.size)
    if kind not in _ATTACHED or flags & ~_ATTACH_FLAGS:
        return -errno.EINVAL
    program = program_of(t, fd)
    if kind not in _KINDS[program.kind]:
        return -errno.EINVAL
    cgroup = opened_cgroup(t, target)
    if kind != bpf.BPF_CGROUP_DEVICE:
        return -errno.EOPNOTSUPP  # packets are not shown to programs
    old = program_of(t, replaced) if flags & bpf.BPF_F_REPLACE and flags & bpf.BPF_F_ALLOW_MULTI else None
    device_programs.attach(cgroup, program, flags, old)
    return 0


def _detach(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_DETACH."""
    target, fd, kind, flags, _ = bpf.PROG_ATTACH.unpack_from(attributes)
    _nothing_after(attributes, 12)
    if kind != bpf.BPF_CGROUP_DEVICE:
        return -errno.EINVAL
    cgroup = opened_cgroup(t, target)
    program: Program | None = None
    try:
        program = program_of(t, fd)
    except SyscallError:
        pass  # with one alone that one is meant
    device_programs.detach(cgroup, program)
    return 0


def _query(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_QUERY: ENOSPC when there are more than there is room for (__cgroup_bpf_query)."""
    target, kind, how, _, ids, room = bpf.PROG_QUERY.unpack_from(attributes)
    if how & ~bpf.BPF_F_QUERY_EFFECTIVE or kind != bpf.BPF_CGROUP_DEVICE:
        return -errno.EINVAL
    cgroup = opened_cgroup(t, target)
    own = cgroup.devices
    flags = 0 if own is None or how else own.flags
    found = device_programs.effective(cgroup) if how else ([] if own is None else own.programs)
    t.copy_out(address + 12, flags.to_bytes(4, "little"))
    t.copy_out(address + 24, len(found).to_bytes(4, "little"))
    if not room or not ids or not found:
        return 0
    t.copy_out(ids, b"".join([one.id.to_bytes(4, "little") for one in found[:room]]))
    return -errno.ENOSPC if len(found) > room else 0


def _next_id(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_GET_NEXT_ID."""
    start = bpf.PROG_ID.unpack_from(attributes)[0]
    _nothing_after(attributes, 8)
    if start >= _INT_MAX:
        return -errno.EINVAL
    t.copy_out(address + 4, t.cgroup().hierarchy.programs.after(start).to_bytes(4, "little"))
    return 0


def _by_id(t: Task, attributes: bytes, address: int) -> int:
    """BPF_PROG_GET_FD_BY_ID."""
    number = bpf.PROG_ID.unpack_from(attributes)[0]
    _nothing_after(attributes, 4)
    return t.fds.install(ProgramFile(t.cgroup().hierarchy.programs.get(number)), 0, True)


def _info(t: Task, attributes: bytes, address: int) -> int:
    """BPF_OBJ_GET_INFO_BY_FD: struct bpf_prog_info, as far as the caller has room; instructions where it gives a buffer."""
    fd, room, where = bpf.OBJ_INFO.unpack_from(attributes)
    _nothing_after(attributes, bpf.OBJ_INFO.size)
    program = program_of(t, fd)
    asked = copy_in_struct(t, where, room, bpf.PROG_INFO_SIZE)
    length, buffer = bpf.PROG_INFO.unpack_from(asked)[4], bpf.PROG_INFO.unpack_from(asked)[6]
    if length and buffer:
        t.copy_out(buffer, program.code[:length])
    told = bpf.PROG_INFO.pack(
        program.kind, program.id, program.tag(), 0, len(program.code), 0, buffer, program.loaded_ns, program.uid,
        0, 0, program.name, 0, 1,
    )  # fmt: skip
    size = min(room, bpf.PROG_INFO_SIZE)
    t.copy_out(where, told.ljust(bpf.PROG_INFO_SIZE, b"\0")[:size])
    t.copy_out(address + 4, size.to_bytes(4, "little"))
    return 0


_COMMANDS: Final[dict[int, Callable[[Task, bytes, int], int]]] = {
    bpf.BPF_PROG_LOAD: _load,
    bpf.BPF_PROG_ATTACH: _attach,
    bpf.BPF_PROG_DETACH: _detach,
    bpf.BPF_PROG_GET_NEXT_ID: _next_id,
    bpf.BPF_PROG_GET_FD_BY_ID: _by_id,
    bpf.BPF_OBJ_GET_INFO_BY_FD: _info,
    bpf.BPF_PROG_QUERY: _query,
}

ROWS: Final[tuple[Row, ...]] = (
    Row(321, "bpf", sys_bpf, PARTIAL, (Arg.INT, Arg.ADDR, Arg.SIZE),
        "programs of control groups for devices, without loops, stack, helpers and maps; else arguments are checked, then EPERM"),
)  # fmt: skip
