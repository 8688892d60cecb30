"""What the words of the table in calls.py mean: how an argument is written.

A decoder gets the task, all six raw arguments, which of them, and the result (None before the call). None: this argument and
those after it were not given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.signal import signal_name
from sandbox.strace import memory, names, rare_structures, structures
from sandbox.strace.memory import pointer, signed
from sandbox.strace.sockaddr import address, address_out, message

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

Raw = tuple[int, ...]
Decoder = Callable[["Task", Raw, int, "int | None"], "str | None"]
_M32: Final = 0xFFFFFFFF


def _number(text: Callable[[int], str], mask: int = _M32) -> Decoder:
    """Of the number alone."""
    return lambda t, raw, n, result: text(raw[n] & mask)


def _fd(value: int) -> str:
    return str(signed(value))


def _dirfd(value: int) -> str:
    return "AT_FDCWD" if signed(value) == -100 else str(signed(value))


def _ipc(value: int) -> str:
    """shmget(2), semget(2), msgget(2): flags, and permissions in octal."""
    flags = names.IPC_CREATE.text(value & ~0o777)
    return (flags + "|" if flags else "") + names.mode(value & 0o777)


def _ioprio(value: int) -> str:
    """ioprio_set(2)."""
    return f"IOPRIO_PRIO_VALUE({names.IOPRIO_CLASSES.text(value >> 13)}, {value & 0x1FFF})"


def _msgbuf(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """Of msgsnd(2) and msgrcv(2)."""
    return rare_structures.message(t, raw[n], raw[n + 1] if result is None else result)


def _rare(form: str) -> Decoder:
    decode = rare_structures.FORMS[form]
    return lambda t, raw, n, result: decode(t, raw[n])


def _buffer(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """Its size is the next argument, or the result."""
    size = raw[n + 1] if n < 5 else 0
    return memory.buffer(t, raw[n], size if result is None else min(max(result, 0), size))


def _iovec(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return memory.iovec(t, raw[n], raw[n + 1], 1 << 40 if result is None else max(result, 0))


def _counted(form: Callable[[Task, int, int], str]) -> Decoder:
    """An array whose length is the next argument."""
    return lambda t, raw, n, result: form(t, raw[n], raw[n + 1])


def _epolled(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return structures.epoll_events(t, raw[n], result or 0)


def _mode(t: Task, raw: Raw, n: int, result: int | None) -> str | None:
    """Only where open(2) makes a file."""
    return names.mode(raw[n]) if raw[n - 1] & 0o100 or raw[n - 1] & 0o20000000 else None


def _statx_at(value: int) -> str:
    """Flags of statx(2), how fresh first."""
    return ("AT_STATX_SYNC_AS_STAT|" if value and not value & 0x6000 else "") + (
        names.AT.text(value) if value else "AT_STATX_SYNC_AS_STAT"
    )


def _device(t: Task, raw: Raw, n: int, result: int | None) -> str | None:
    """Of mknod(2): only where a device is made."""
    value = raw[n]
    if raw[n - 1] & 0o170000 not in (0o020000, 0o060000):
        return None
    return f"makedev({value >> 8 & 0xFFF:#x}, {value & 0xFF | value >> 12 & 0xFFF00:#x})"


def _new_address(t: Task, raw: Raw, n: int, result: int | None) -> str | None:
    """Of mremap(2)."""
    return pointer(raw[n]) if raw[n - 1] & 6 else None


def _fdset(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """fd_set, of as many as the first argument says."""
    count = min(max(signed(raw[0]), 0), 1024)
    data = memory.read(t, raw[n], (count + 63) // 64 * 8) if count else b""
    if data is None or not raw[n]:
        return pointer(raw[n])
    mask = int.from_bytes(data, "little")
    return "[" + " ".join([str(fd) for fd in range(count) if mask >> fd & 1]) + "]"


def _cpus(t: Task, raw: Raw, n: int, result: int | None) -> str:
    size = raw[n - 1] if result is None else max(result, 0)
    data = memory.read(t, raw[n], min(size, 128)) if size else b""
    if data is None or not raw[n]:
        return pointer(raw[n])
    mask = int.from_bytes(data, "little")
    return "[" + " ".join([str(cpu) for cpu in range(len(data) * 8) if mask >> cpu & 1]) + "]"


def _wait_status(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """What wait4(2) tells of a child."""
    data = memory.read(t, raw[n], 4) if result else None
    if data is None:
        return pointer(raw[n])
    status = int.from_bytes(data, "little")
    number = status & 0x7F
    if status & 0xFF == 0x7F:
        stop = status >> 8 & 0xFF
        return (
            "[{WIFSTOPPED(s) && WSTOPSIG(s) == " + signal_name(stop & 0x7F) + (" | 0x80" if stop & 0x80 else "") + "}]"
        )
    if status == 0xFFFF:
        return "[{WIFCONTINUED(s)}]"
    if not number:
        return f"[{{WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}}}]"
    core = " && WCOREDUMP(s)" if status & 0x80 else ""
    return f"[{{WIFSIGNALED(s) && WTERMSIG(s) == {signal_name(number)}{core}}}]"


def _sized(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return address(t, raw[n], raw[n + 1])


def _sized_out(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return address_out(t, raw[n], raw[n + 1])


def _received(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return message(t, raw[n], max(result or 0, 0))


def _messages(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """struct mmsghdr: those that were handled, or all of them before the call."""
    count = raw[n + 1] & _M32 if result is None else max(result, 0)
    if not raw[n]:
        return "NULL"
    items = []
    for k in range(min(count, memory.MAX_ITEMS)):
        size = memory.read(t, raw[n] + 64 * k + 56, 4)
        if size is None:
            break
        length = int.from_bytes(size, "little")
        text = message(t, raw[n] + 64 * k, 1 << 40 if result is None else length)
        items.append("{msg_hdr=" + text + (f", msg_len={length}" if result is not None else "") + "}")
    return "[" + ", ".join(items) + "]"


def _protocol(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """Of socket(2), by family."""
    family, value = raw[0] & _M32, raw[n] & _M32
    if family in (2, 10):
        return names.PROTOCOLS.text(value)
    if family == 16:
        return names.NETLINKS.text(value)
    return str(value) if family != 17 or not value else f"htons({(value & 0xFF) << 8 | value >> 8 & 0xFF:#x})"


def _dirents(t: Task, raw: Raw, n: int, result: int | None) -> str:
    """Of getdents(2): how many."""
    size = min(max(result or 0, 0), 1 << 20)
    data = memory.read(t, raw[n], size) if size else b""
    if data is None:
        return pointer(raw[n])
    at = count = 0
    while at + 18 < len(data):
        step = int.from_bytes(data[at + 16 : at + 18], "little")
        if step < 19:
            break
        at, count = at + step, count + 1
    return f"{hex(raw[n])} /* {count} entries */"


def _times(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return structures.timespecs(t, raw[n], 2)


def _utimes(t: Task, raw: Raw, n: int, result: int | None) -> str:
    return structures.timevals(t, raw[n], 2)


def _groups(t: Task, raw: Raw, n: int, result: int | None) -> str:
    count = signed(raw[n - 1]) if result is None else result
    return memory.numbers(t, raw[n], count, "I")


def _pointed(form: str) -> Decoder:
    decode = structures.FORMS[form]
    return lambda t, raw, n, result: decode(t, raw[n])


def _prefix_flags(choice: names.Choice, mask: int, flags: names.Flags) -> Decoder:
    return lambda t, raw, n, result: names.prefixed(raw[n] & _M32, choice, mask, flags)


def _tables() -> dict[str, Decoder]:
    """Decoders of single numbers, by word."""
    sets = {
        "at": names.AT, "at_access": names.AT_ACCESS, "close_range": names.CLOSE_RANGE, "efd": names.EFD, "epoll_create": names.EPOLL_CREATE,
        "fallocate": names.FALLOCATE, "access": names.ACCESS_MODES, "flockop": names.FLOCK, "grnd": names.GRND, "inotify": names.INOTIFY,
        "inotify_init": names.INOTIFY_INIT, "mcl": names.MCL, "memfd": names.MEMFD, "mlock2": names.MLOCK, "mountflags": names.MOUNT, "mremap": names.MREMAP,
        "msg": names.MSG, "msync": names.MSYNC, "pipeflags": names.PIPE, "prot": names.PROT, "rename": names.RENAME, "rwf": names.RWF,
        "sfd": names.SFD, "shmat": names.SHMAT, "splice": names.SPLICE, "statx_mask": names.STATX, "tfd": names.TFD,
        "tfd_set": names.TFD_SET, "timerflags": names.TIMER, "umount": names.UMOUNT, "waitflags": names.WAIT, "xattrflags": names.XATTR,
        "msgrcv": names.MSG_RECEIVE, "fsopen": names.FSOPEN, "fsmount": names.FSMOUNT, "fspick": names.FSPICK, "open_tree": names.OPEN_TREE,
        "move_mount": names.MOVE_MOUNT, "landlock_create": names.LANDLOCK_CREATE, "pidfdflags": names.PIDFD, "uring_enter": names.URING_ENTER,
        "cloneflags": names.CLONE, "sockflags": names.SOCK_FLAGS,
    }  # fmt: skip
    lists = {
        "af": names.ADDRESS_FAMILIES, "madvice": names.ADVICE, "clock": names.CLOCKS, "epoll_op": names.EPOLL_OPS, "fadvice": names.FADVICE,
        "itimer": names.ITIMERS, "prio": names.PRIO, "reboot": names.REBOOT, "rlimit_of": names.RLIMITS,
        "rusage_of": names.RUSAGE, "sched": names.SCHED, "shut": names.SHUT, "sighow": names.SIGMASK_HOW,
        "waitid_of": names.WAIT_IDS, "whence": names.WHENCE, "ipccmd": names.IPC_COMMANDS, "ioprio_who": names.IOPRIO_WHO, "kcmp": names.KCMP,
        "mempolicy": names.MEMPOLICIES, "fsconfig": names.FSCONFIG, "landlock_rule": names.LANDLOCK_RULES, "uring_register": names.URING_REGISTER,
    }  # fmt: skip
    found: dict[str, Decoder] = {word: _number(one.text) for word, one in sets.items()}
    found.update({word: _number(one.text) for word, one in lists.items()})
    return found


DECODERS: Final[dict[str, Decoder]] = {
    "fd": _number(_fd),
    "int": _number(_fd),
    "pid": _number(_fd),
    "dirfd": _number(_dirfd),
    "uint": _number(str),
    "long": _number(lambda value: str(signed(value, 64)), (1 << 64) - 1),
    "size": _number(str, (1 << 64) - 1),
    "off": _number(lambda value: hex(value) if value else "0", (1 << 64) - 1),
    "hex": _number(lambda value: hex(value) if value else "0", (1 << 64) - 1),
    "addr": _number(pointer, (1 << 64) - 1),
    "mode": _number(names.mode),
    "created": _mode,
    "filemode": _number(names.file_mode),
    "dev": _device,
    "new_address": _new_address,
    "statx_at": _number(_statx_at),
    "ipckey": _number(lambda value: hex(value) if value else "IPC_PRIVATE"),
    "cloexec": _number(names.PIPE.text),
    "sig": _number(lambda value: signal_name(signed(value)) if value else "0"),
    "path": lambda t, raw, n, result: memory.string(t, raw[n], memory.MAX_PATH),
    "str": lambda t, raw, n, result: memory.string(t, raw[n]),
    "strings": lambda t, raw, n, result: memory.strings(t, raw[n]),
    "environment": lambda t, raw, n, result: pointer(raw[n]),
    "buf": _buffer,
    "iovec": _iovec,
    "ipcflags": _number(_ipc),
    "keyring": _number(rare_structures.process_keyring),
    "ioprio": _number(_ioprio),
    "remote": _counted(rare_structures.remote),
    "msgbuf": _msgbuf,
    "persona_or_ask": lambda t, raw, n, result: (
        hex(raw[n] & _M32)
        if raw[n] & _M32 == _M32
        else names.prefixed(raw[n] & _M32, names.PER, 0xFF, names.PERSONALITY)
    ),
    **{form: _rare(form) for form in rare_structures.FORMS},
    "openflags": _number(names.open_flags),
    "mapflags": _prefix_flags(names.MAP_TYPES, 0xF, names.MAP),
    "socktype": _prefix_flags(names.SOCK, 0xF, names.SOCK_FLAGS),
    "protocol": _protocol,
    "pollfds": _counted(structures.pollfds),
    "sembufs": _counted(structures.sembufs),
    "epolled": _epolled,
    "fdset": _fdset,
    "cpus": _cpus,
    "status": _wait_status,
    "sockaddr": _sized,
    "filled": _sized_out,
    "message": lambda t, raw, n, result: message(t, raw[n]),
    "received": _received,
    "messages": _messages,
    "dirents": _dirents,
    "times": _times,
    "utimes": _utimes,
    "groups": _groups,
    **{form: _pointed(form) for form in structures.FORMS if form not in ("int", "uint", "long", "rusage", "sigset")},
    "intp": _pointed("int"),
    "uintp": _pointed("uint"),
    "longp": _pointed("long"),
    "rusagep": _pointed("rusage"),
    "sigset": _pointed("sigset"),
    **_tables(),
}
