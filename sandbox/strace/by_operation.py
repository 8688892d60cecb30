"""Calls whose arguments depend on each other: fcntl(2), ioctl(2), prctl(2), futex(2), ptrace(2), sockets' options and the like.

A function of this module gets the task, the raw arguments and the result (None before the call), and answers the arguments as
texts; None in place of one that the call is still to fill in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import fcntl
from sandbox.abi.linux.signal import signal_name
from sandbox.strace import memory, names, rare_structures
from sandbox.strace.memory import pointer, signed
from sandbox.strace.structures import FORMS

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

Raw = tuple[int, ...]
Operation = Callable[["Task", Raw, "int | None"], "list[str | None]"]
_M32: Final = 0xFFFFFFFF


def _out(t: Task, at: int, form: str, result: int | None) -> str | None:
    """What the call fills in."""
    if result is None:
        return None
    return pointer(at) if result < 0 else FORMS[form](t, at)


def _clone(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    flags, stack, parent, child, tls = raw[:5]
    end = flags & 0xFF
    text = names.CLONE.text(flags & ~0xFF & _M32)
    if end:
        text = signal_name(end) if text == "0" else f"{text}|{signal_name(end)}"
    parts: list[str | None] = [f"child_stack={pointer(stack)}", f"flags={text}"]
    if flags & 0x00101000:
        parts.append(f"parent_tid={pointer(parent)}")
    if flags & 0x80000:
        parts.append(f"tls={pointer(tls)}")
    if flags & 0x01200000:
        parts.append(f"child_tidptr={pointer(child)}")
    return parts


def _fcntl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    command, argument = raw[1] & _M32, raw[2]
    head: list[str | None] = [str(signed(raw[0])), names.FCNTL.text(command)]
    if command in (
        fcntl.F_GETFD,
        fcntl.F_GETFL,
        fcntl.F_GETOWN,
        fcntl.F_GETSIG,
        fcntl.F_GETLEASE,
        fcntl.F_GETPIPE_SZ,
        fcntl.F_GET_SEALS,
    ):
        return head
    if command == fcntl.F_SETFD:
        return [*head, names.FD_FLAGS.text(argument & _M32)]
    if command == fcntl.F_SETFL:
        return [*head, names.open_flags(argument & _M32)]
    if command in (fcntl.F_SETLK, fcntl.F_SETLKW, fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW):
        return [*head, FORMS["flock"](t, argument)]
    if command in (fcntl.F_GETLK, fcntl.F_OFD_GETLK):
        return [*head, _out(t, argument, "flock_found", result)]
    if command == fcntl.F_ADD_SEALS:
        return [*head, names.SEALS.text(argument & _M32)]
    if command == fcntl.F_SETLEASE:
        return [*head, names.LOCK_TYPES.text(argument & _M32)]
    if command == fcntl.F_SETSIG:
        return [*head, signal_name(signed(argument)) if argument else "0"]
    if command in (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, fcntl.F_SETOWN, fcntl.F_SETPIPE_SZ):
        return [*head, str(signed(argument))]
    return [*head, hex(argument)]


_IOCTL_IN: Final = {0x5402: "termios", 0x5403: "termios", 0x5404: "termios", 0x5410: "intp", 0x5414: "winsize", 0x5421: "intp", 0x5420: "intp", 0x5431: "intp", 0x5452: "intp"}  # fmt: skip
_IOCTL_OUT: Final = {0x5401: "termios", 0x540F: "intp", 0x5411: "intp", 0x5413: "winsize", 0x541B: "intp", 0x5429: "intp", 0x80045430: "uintp"}  # fmt: skip
_PLAIN: Final = {"intp": "int", "uintp": "uint"}


def _ioctl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    request, argument = raw[1] & _M32, raw[2]
    name = names.IOCTLS.names.get(request)
    if name is None:
        direction = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[request >> 30]
        name = f"_IOC({direction}, {request >> 8 & 0xFF:#x}, {request & 0xFF:#x}, {request >> 16 & 0x3FFF:#x})"
    head: list[str | None] = [str(signed(raw[0])), name]
    if request in _IOCTL_IN:
        form = _IOCTL_IN[request]
        return [*head, FORMS[_PLAIN.get(form, form)](t, argument)]
    if request in _IOCTL_OUT:
        form = _IOCTL_OUT[request]
        return [*head, _out(t, argument, _PLAIN.get(form, form), result)]
    if request in (0x8913, 0x8921, 0x8933):
        return [
            *head,
            None
            if result is None
            else rare_structures.interface(t, argument, request)
            if result >= 0
            else pointer(argument),
        ]
    if request in (0x8914, 0x8922):
        return [*head, rare_structures.interface(t, argument, request)]
    if request in (0x5450, 0x5451, 0x540C, 0x540D, 0x5422):  # FIONCLEX, FIOCLEX, TIOCEXCL, TIOCNXCL, TIOCNOTTY
        return head
    return [*head, hex(argument) if argument else "0"]


def _capability(value: int) -> str:
    caps = rare_structures.capability_set(1 << value) if value < 64 else ""
    return caps.removeprefix("1<<") if caps.startswith("1<<") else hex(value)


_PRCTL_VALUES: Final[dict[int, Callable[[int], str]]] = {
    4: lambda value: ("SUID_DUMP_DISABLE", "SUID_DUMP_USER", "SUID_DUMP_ROOT")[value] if value < 3 else hex(value),
    8: str,
    23: _capability,
    24: _capability,
    29: str,
    36: str,
}


def _prctl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    option, argument = raw[0] & _M32, raw[1]
    head: list[str | None] = [names.PRCTL.text(option)]
    if option == 15:
        return [*head, memory.string(t, argument)]
    if option == 16:
        return [*head, None if result is None else memory.string(t, argument) if result >= 0 else pointer(argument)]
    if option == 1:
        return [*head, signal_name(signed(argument)) if argument else "0"]
    if option in (2, 37):
        return [*head, _out(t, argument, "int", result)]
    if option in (3, 7, 21, 27, 30, 34):
        return head
    if option in (4, 23, 24, 8, 29, 36):
        return [*head, _PRCTL_VALUES[option](argument)]
    more = 5 if option in (35, 38, 39, 47, 0x53564D41) else 2
    return [*head, *(hex(value) if value > 9 else str(value) for value in raw[1:more])]


def _arch_prctl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    code = raw[0] & _M32
    head: list[str | None] = [names.ARCH_PRCTL.text(code)]
    if code in (0x1003, 0x1004):
        if result is None:
            return [*head, None]
        data = memory.read(t, raw[1], 8) if result >= 0 else None
        return [*head, pointer(raw[1]) if data is None else f"[{int.from_bytes(data, 'little'):#x}]"]
    return [*head, hex(raw[1]) if raw[1] else "0"]


def _futex(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    operation = raw[1] & _M32
    command = operation & ~0x180
    text = names.FUTEX_OPS.text(command)
    if operation & 0x80:
        text += "_PRIVATE"
    if operation & 0x100:
        text += "|FUTEX_CLOCK_REALTIME"
    head: list[str | None] = [pointer(raw[0]), text]
    value = str(raw[2] & _M32)
    timeout = FORMS["timespec"](t, raw[3])
    if command == 0:
        return [*head, value, timeout]
    if command == 1:
        return [*head, str(signed(raw[2]))]
    if command in (6, 13):
        return [*head, timeout]
    if command in (7, 8):
        return head
    if command == 9:
        return [*head, value, timeout, _bitset(raw[5])]
    if command == 10:
        return [*head, str(signed(raw[2])), _bitset(raw[5])]
    if command in (3, 4, 11, 12):
        last = [str(raw[5] & _M32)] if command != 3 else []
        if command == 11:
            return [*head, value, timeout, pointer(raw[4])]
        return [*head, value, str(raw[3] & _M32), pointer(raw[4]), *last]
    return [*head, value, hex(raw[3]), pointer(raw[4]), hex(raw[5] & _M32)]


def _bitset(value: int) -> str:
    return "FUTEX_BITSET_MATCH_ANY" if value & _M32 == _M32 else hex(value & _M32)


def _ptrace(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    request = raw[0] & _M32
    head: list[str | None] = [names.PTRACE.text(request)]
    if request == 0:
        return head
    head.append(str(signed(raw[1])))
    if request in (1, 2, 4, 5):
        return [*head, pointer(raw[2]), *([hex(raw[3])] if request > 3 else [pointer(raw[3])])]
    if request in (7, 9, 17, 24, 31):
        end = signed(raw[3])
        return [*head, pointer(raw[2]), signal_name(end) if end else "0"]
    return [*head, pointer(raw[2]), pointer(raw[3])]


_LEVELS: Final = {1: names.SOCKET_OPTIONS, 6: names.TCP_OPTIONS, 0: names.IP_OPTIONS, 41: names.IPV6_OPTIONS}
_FORMS_OF_OPTIONS: Final = {(1, 13): "linger", (1, 17): "ucred", (1, 20): "timeval", (1, 21): "timeval"}


def _option(t: Task, raw: Raw, result: int | None, size: int) -> tuple[list[str | None], str]:
    level, option = raw[1] & _M32, raw[2] & _M32
    choice = _LEVELS.get(level)
    head: list[str | None] = [
        str(signed(raw[0])),
        names.SOL.text(level),
        choice.text(option) if choice else hex(option),
    ]
    if (level, option) in ((0, 35), (0, 36)) and size == 8:
        return head, rare_structures.membership(t, raw[3])
    form = _FORMS_OF_OPTIONS.get((level, option)) or ("int" if size == 4 else "")
    return head, FORMS[form](t, raw[3]) if form else memory.buffer(t, raw[3], size)


def _setsockopt(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    size = signed(raw[4])
    head, value = _option(t, raw, result, max(size, 0))
    return [*head, value, str(size)]


def _getsockopt(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    data = memory.read(t, raw[4], 4)
    size = int.from_bytes(data, "little") if data is not None else 0
    head, value = _option(t, raw, result, size if size < 1 << 20 else 0)
    if result is None:
        return [*head, None, None]
    return [*head, value if result >= 0 else pointer(raw[3]), f"[{size}]" if data is not None else pointer(raw[4])]


def _semctl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    command = raw[2] & _M32
    head: list[str | None] = [str(signed(raw[0])), str(signed(raw[1])), names.SEM_COMMANDS.text(command)]
    if command in (0, 11, 12, 14, 15):
        return [*head, "NULL"]
    return [*head, hex(raw[3]) if command == 16 else pointer(raw[3])]


_KEYCTL: Final = {0: (2, 1), 1: (1, 0), 3: (1, 1), 4: (3, 1), 5: (2, 1), 6: (3, 1), 7: (1, 1), 8: (2, 2), 9: (2, 2), 11: (3, 1), 15: (2, 1), 21: (1, 1)}  # fmt: skip
"""Of an operation, how many arguments it has and how many of those are keys first."""


def _keyctl(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    count, rings = _KEYCTL.get(raw[0] & _M32, (4, 0))
    shown = [
        rare_structures.process_keyring(value) if n < rings else hex(value) if value else "0"
        for n, value in enumerate(raw[1:5])
    ]
    return [names.KEYCTL.text(raw[0] & _M32), *shown[:count]]


def _seccomp(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    operation = raw[0] & _M32
    flags = names.SECCOMP_FLAGS.text(raw[1] & _M32)
    shown = rare_structures.action(t, raw[2]) if operation == 2 else pointer(raw[2])
    return [names.SECCOMP.text(operation), flags, shown]


def _membarrier(t: Task, raw: Raw, result: int | None) -> list[str | None]:
    flags = raw[1] & _M32
    head: list[str | None] = [names.MEMBARRIER.text(raw[0] & _M32), hex(flags) if flags else "0"]
    return [*head, str(signed(raw[2]))] if flags else head


OPERATIONS: Final[dict[str, Operation]] = {
    "arch_prctl": _arch_prctl,
    "clone": _clone,
    "fcntl": _fcntl,
    "futex": _futex,
    "getsockopt": _getsockopt,
    "ioctl": _ioctl,
    "keyctl": _keyctl,
    "membarrier": _membarrier,
    "prctl": _prctl,
    "ptrace": _ptrace,
    "seccomp": _seccomp,
    "semctl": _semctl,
    "setsockopt": _setsockopt,
}
