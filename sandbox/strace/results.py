"""Results of calls as strace(1) writes them, with what some of them tell beside their number."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import fcntl
from sandbox.abi.linux.signal import signal_name
from sandbox.strace import names
from sandbox.strace.decode import DECODERS
from sandbox.strace.memory import MAX_ITEMS, read
from sandbox.strace.structures import polled

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_RESTARTS: Final[dict[int, str]] = {
    512: "ERESTARTSYS (To be restarted if SA_RESTART is set)",
    513: "ERESTARTNOINTR (To be restarted)",
    514: "ERESTARTNOHAND (To be restarted if no handler)",
    516: "ERESTART_RESTARTBLOCK (Interrupted by signal)",
}
_ADDRESSES: Final = frozenset(("mmap", "brk", "mremap", "shmat"))
_COUNTS: Final = frozenset(("lseek", "read", "write", "sendfile", "copy_file_range", "splice"))
_TIMED: Final = frozenset(("poll", "ppoll", "select", "pselect6"))


def plain(result: int) -> str:
    """`-1 ENOENT (No such file or directory)`, `0`, `? ERESTARTSYS …`."""
    if -4096 < result < 0:
        restart = _RESTARTS.get(-result)
        if restart is not None:
            return "? " + restart
        name = errno.errorcode.get(-result)
        return f"-1 {name} ({os.strerror(-result)})" if name else f"{result}"
    return hex(result & (1 << 64) - 1) if result > 0xFFFFFFFF or result < 0 else str(result)


def text(t: Task, name: str, raw: tuple[int, ...], result: int) -> str:
    """The result of a call that has ended."""
    if result < 0:
        return plain(result)
    if name in _COUNTS:
        return str(result)
    if name == "sched_getscheduler":
        return f"{result} ({names.SCHED.text(result)})" if result < 7 else plain(result)
    if name == "personality":
        shown = names.prefixed(result, names.PER, 0xFF, names.PERSONALITY)
        return f"{hex(result) if result else 0} ({shown})"
    if name == "ioprio_get":
        return f"{hex(result) if result else 0} (IOPRIO_PRIO_VALUE({names.IOPRIO_CLASSES.text(result >> 13)}, {result & 0x1FFF}))"
    if name == "rt_sigtimedwait":
        return f"{result} ({signal_name(result)})"
    if name == "prctl" and raw[0] & 0xFFFFFFFF == 3 and result < 3:
        return f"{result} ({('SUID_DUMP_DISABLE', 'SUID_DUMP_USER', 'SUID_DUMP_ROOT')[result]})"
    if name in _ADDRESSES:
        return hex(result)
    if name == "umask":
        return names.mode(result)
    if name == "fcntl":
        return _of_fcntl(raw[1] & 0xFFFFFFFF, result)
    if name in _TIMED and not result:
        return "0 (Timeout)"
    if name in ("select", "pselect6"):
        return f"{result} ({_selected(t, raw)})"
    if name in ("poll", "ppoll"):
        return f"{result} ({_ready(t, raw)})"
    return plain(result)


def _of_fcntl(command: int, result: int) -> str:
    if command == fcntl.F_GETFL:
        return f"{result:#x} (flags {names.open_flags(result)})"
    if command == fcntl.F_GETFD and result:
        return f"{result:#x} (flags {names.FD_FLAGS.text(result)})"
    if command == fcntl.F_GET_SEALS and result:
        return f"{result:#x} (seals {names.SEALS.text(result)})"
    return plain(result)


def _selected(t: Task, raw: tuple[int, ...]) -> str:
    """The sets of select(2) that are not empty now."""
    parts = []
    for n, word in ((1, "in"), (2, "out"), (3, "except")):
        shown = DECODERS["fdset"](t, raw, n, None) if raw[n] else "NULL"
        if shown not in ("NULL", "[]"):
            parts.append(f"{word} {shown}")
    return ", ".join(parts)


def _ready(t: Task, raw: tuple[int, ...]) -> str:
    """Those of poll(2) with events."""
    count = min(raw[1] & 0xFFFFFFFF, 1024)
    found: list[str] = []
    for n in range(count):
        data = read(t, raw[0] + 8 * n, 8)
        if data is None or len(found) == MAX_ITEMS:
            break
        if data[6:8] != b"\0\0":
            found.append(polled(t, raw[0] + 8 * n, 1)[1:-1])
    return "[" + ", ".join(found) + "]"
