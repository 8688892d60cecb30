"""The notes of a core: what is told of the process and of each thread (fs/binfmt_elf.c: fill_note_info)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.errors import SyscallError
from sandbox.kernel.coredump.areas import SOME
from sandbox.mm.backing import backing_text
from sandbox.ptrace import registers

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task

NT_PRSTATUS: Final = 1
NT_PRFPREG: Final = 2
NT_PRPSINFO: Final = 3
NT_AUXV: Final = 6
NT_SIGINFO: Final = 0x53494749
NT_FILE: Final = 0x46494C45
NT_X86_XSTATE: Final = 0x202
CORE: Final = b"CORE\0"
LINUX: Final = b"LINUX\0"
FILES_MAX: Final = 4 << 20  # MAX_FILE_NOTE_SIZE
_HEAD: Final = struct.Struct("<III")
# struct elf_prstatus up to the registers: si_signo, si_code, si_errno, the signal, pending, blocked, ids, four times
_STATUS: Final = struct.Struct("<iiih2xQQiiii8q")
# struct elf_prpsinfo: state, its letter, zombie, nice, flags, uid, gid, ids, the command, the arguments
_PSINFO: Final = struct.Struct("<bcbb4xQIIiiii16s80s")
_FLAGS: Final = 0x400600  # PF_RANDOMIZE, PF_SIGNALED, PF_DUMPCORE
_ARGS: Final = 79
_NS_PER_S: Final = 1_000_000_000


class ThreadState:
    """A thread as it was when it came to a halt: `orig` is the number of the call that it was in, -1 outside; `result` what
    that has given."""

    __slots__ = ("task", "orig", "result")

    def __init__(self, task: Task, orig: int, result: int | None) -> None:
        self.task = task
        self.orig = orig
        self.result = result


def note(name: bytes, kind: int, data: bytes) -> bytes:
    """One note, padded."""
    return _HEAD.pack(len(name), len(data), kind) + _padded(name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def of_process(t: Task, info: SignalInfo, files: bytes) -> bytes:
    """Those that follow the first thread's status: the process, the signal, the auxiliary vector, `files` that are mapped."""
    mm = t.mm
    assert mm is not None
    out = note(CORE, NT_PRPSINFO, _psinfo(t)) + note(CORE, NT_SIGINFO, info.pack()) + note(CORE, NT_AUXV, mm.auxv)
    return out + note(CORE, NT_FILE, files) if 0 < len(files) <= FILES_MAX else out


def of_thread(state: ThreadState, signo: int) -> tuple[bytes, bytes]:
    """Its status, and its floating-point registers."""
    status = note(CORE, NT_PRSTATUS, _status(state, signo))
    try:
        floating = note(CORE, NT_PRFPREG, registers.get_fpregs(state.task))
        return status, floating + note(LINUX, NT_X86_XSTATE, registers.get_xstate(state.task))
    except SyscallError:
        return status, b""  # the guest's own doing: there is no such state


def _status(state: ThreadState, signo: int) -> bytes:
    task = state.task
    group, pids = task.group, task.pids
    user, system = task.cpu_ns(), 0
    if task is group.leader:
        user = group.cpu_ns()
    child_user, child_system = group.child_use.user_ns, group.child_use.system_ns
    times = [
        part for ns in (user, system, child_user, child_system) for part in (ns // _NS_PER_S, ns % _NS_PER_S // 1000)
    ]
    parent = group.parent
    head: bytes = _STATUS.pack(
        signo,
        0,
        0,
        signo,
        task.pending.mask,
        task.blocked,
        task.ids.number_in(pids),
        parent.ids.number_in(pids) if parent is not None else 0,
        group.pgrp.ids.number_in(pids),
        group.session.ids.number_in(pids),
        *times,
    )
    return head + registers.pack_regs(task, state.orig, state.result) + struct.pack("<i4x", 1)


def _psinfo(t: Task) -> bytes:
    group, pids, creds, mm = t.group, t.pids, t.creds, t.mm
    assert mm is not None
    args = b""
    size = min(_ARGS, mm.arg_end - mm.arg_start)
    if size > 0:
        try:
            args = t.space.read(mm.arg_start, size).replace(b"\0", b" ")
        except (SyscallError, OSError):
            pass
    leader, parent, user = group.leader, group.parent, creds.user
    packed: bytes = _PSINFO.pack(
        0,
        b"R",
        0,
        leader.nice,
        _FLAGS,
        user.uids.shown(creds.uid),
        user.gids.shown(creds.gid),
        group.ids.number_in(pids),
        parent.ids.number_in(pids) if parent is not None else 0,
        group.pgrp.ids.number_in(pids),
        group.session.ids.number_in(pids),
        leader.comm[:15],
        args,
    )
    return packed


def files(t: Task, out: bytearray) -> Iterator[None]:
    """How many, the size of a page; where each is mapped and from which of its pages; the names: all that is added to `out`, after
    a step for some areas each. Nothing without any, or where the names are too long."""
    places: list[int] = []
    names = bytearray()
    address = 0
    while t.mm is not None and (some := t.mm.areas.part(address, SOME)):
        for area in some:
            backing = area.backing
            if backing is None:
                continue
            places += (area.start, area.end, area.offset >> 12)
            names += backing_text(backing) + b"\0"
            if len(names) > FILES_MAX:
                return
        address = some[-1].end
        yield
    if places:
        out += struct.pack(f"<{len(places) + 2}Q", len(places) // 3, 4096, *places) + names
