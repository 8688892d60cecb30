"""Structures in guest memory as strace(1) writes them: each is a function of the task and the address, whose page of the manual
says what the fields are."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.abi.linux.signal import signal_name
from sandbox.strace import names
from sandbox.strace.memory import MAX_ITEMS, pointer, quote, read, signed

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

Form = Callable[["Task", int], str]
_NEVER: Final = (1 << 64) - 1
_FIELDS_OF_SYSINFO: Final = "totalram freeram sharedram bufferram totalswap freeswap procs totalhigh freehigh mem_unit"


def _form(form: str, text: Callable[[tuple[int, ...]], str]) -> Form:
    """Of a structure that struct can unpack."""
    layout = struct.Struct("<" + form)

    def decode(t: Task, at: int) -> str:
        data = read(t, at, layout.size)
        return pointer(at) if data is None else text(layout.unpack(data))

    return decode


def _fields(form: str, words: str) -> Form:
    """Numbers with names."""
    return _form(
        form,
        lambda values: (
            "{" + ", ".join(f"{name}={value}" for name, value in zip(words.split(), values, strict=True)) + "}"
        ),
    )


def time_text(seconds: int, part: int, name: str = "nsec") -> str:
    """A struct timespec or timeval."""
    special = {(1 << 30) - 1: "UTIME_NOW", (1 << 30) - 2: "UTIME_OMIT"}.get(part) if name == "nsec" else None
    return special or "{" + f"tv_sec={seconds}, tv_{name}={part}" + "}"


def _limit(value: int) -> str:
    if value == _NEVER:
        return "RLIM64_INFINITY"
    return f"{value >> 10}*1024" if value > 1024 and value & 1023 == 0 else str(value)


def set_text(mask: int) -> str:
    """A set of signals: those in it or, where they are most, `~` and those that are not."""
    inverted = mask.bit_count() > 42
    shown = ~mask & _NEVER if inverted else mask
    items = []
    for number in range(1, 65):
        if shown >> number - 1 & 1:
            items.append(signal_name(number).removeprefix("SIG"))
    return ("~" if inverted else "") + "[" + " ".join(items) + "]"


def sigset(t: Task, at: int) -> str:
    """sigset_t of the kernel: 64 bits."""
    data = read(t, at, 8)
    return pointer(at) if data is None else set_text(int.from_bytes(data, "little"))


def _sigaction(values: tuple[int, ...]) -> str:
    handler, flags, restorer, mask = values
    kind = {0: "SIG_DFL", 1: "SIG_IGN"}.get(handler) or hex(handler)
    text = f"sa_handler={kind}, sa_mask={set_text(mask)}, sa_flags={names.SA.text(flags)}"
    if flags & 0x04000000:
        text += f", sa_restorer={pointer(restorer)}"
    return "{" + text + "}"


def siginfo_text(data: bytes) -> str:
    """siginfo_t of sigaction(2)."""
    number, error, code = struct.unpack_from("<iii", data)
    parts = [f"si_signo={signal_name(number)}", f"si_code={_code(number, code)}"]
    if error:
        parts.append(f"si_errno={error}")
    if number == 17 and 0 < code < 7:
        pid, uid, status = struct.unpack_from("<iIi", data, 16)
        shown = str(status) if code == 1 else signal_name(status)
        user, system = struct.unpack_from("<qq", data, 32)
        parts += [f"si_pid={pid}", f"si_uid={uid}", f"si_status={shown}", f"si_utime={user}", f"si_stime={system}"]
    elif number in (4, 5, 7, 8, 11) and 0 < code < 0x80:
        parts.append(f"si_addr={pointer(int.from_bytes(data[16:24], 'little'))}")
    elif code == -2:
        timer, overrun = struct.unpack_from("<ii", data, 16)
        parts += [f"si_timerid={timer:#x}", f"si_overrun={overrun}", f"si_value={_value(data[24:32])}"]
    elif code in (0, -1, -3, -6):
        pid, uid = struct.unpack_from("<iI", data, 16)
        parts += [f"si_pid={pid}", f"si_uid={uid}"]
        if code in (-1, -3):
            parts.append(f"si_value={_value(data[24:32])}")
    return "{" + ", ".join(parts) + "}"


def _value(data: bytes) -> str:
    whole = int.from_bytes(data, "little")
    return "{" + f"sival_int={signed(whole)}, sival_ptr={pointer(whole)}" + "}"


_CODES: Final[dict[int, Sequence[str]]] = {
    17: ("CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"),
    11: ("SEGV_MAPERR", "SEGV_ACCERR"),
    7: ("BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR"),
    8: ("FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV"),
    4: ("ILL_ILLOPC", "ILL_ILLOPN"),
    5: ("TRAP_BRKPT", "TRAP_TRACE"),
}


def _code(number: int, code: int) -> str:
    words = _CODES.get(number, ())
    if 0 < code <= len(words):
        return words[code - 1]
    return names.SIGNAL_CODES.names.get(code) or str(code)


def siginfo(t: Task, at: int) -> str:
    """siginfo_t."""
    data = read(t, at, 128)
    return pointer(at) if data is None else siginfo_text(data)


def _stat(values: tuple[int, ...]) -> str:
    mode, rdev, size = values[3], values[7], values[8]
    kind = names.file_mode(mode)
    if mode & 0o170000 in (0o020000, 0o060000):
        last = f"st_rdev=makedev({rdev >> 8 & 0xFFF:#x}, {rdev & 0xFF:#x})"
    else:
        last = f"st_size={size}"
    return "{" + f"st_mode={kind}, {last}, ..." + "}"


def _statx(values: tuple[int, ...]) -> str:
    mask, attributes, mode, size = values[0], values[2], values[6], values[9]
    return (
        "{"
        + f"stx_mask={names.STATX.text(mask)}, stx_attributes={hex(attributes) if attributes else 0}, stx_mode={names.file_mode(mode)}, stx_size={size}, ..."
        + "}"
    )


def _statfs(values: tuple[int, ...]) -> str:
    kind, bsize, blocks, bfree, bavail, files, ffree, first, second, namelen, frsize, flags = values
    text = f"f_type={names.FS_MAGICS.text(kind)}, f_bsize={bsize}, f_blocks={blocks}, f_bfree={bfree}, f_bavail={bavail}, f_files={files}, "
    text += f"f_ffree={ffree}, f_fsid={{val=[{first:#x}, {second:#x}]}}, f_namelen={namelen}, f_frsize={frsize}, f_flags={names.ST.text(flags)}"
    return "{" + text + "}"


def _sysinfo(values: tuple[int, ...]) -> str:
    uptime, one, five, fifteen = values[:4]
    rest = ", ".join(f"{name}={value}" for name, value in zip(_FIELDS_OF_SYSINFO.split(), values[4:], strict=True))
    return "{" + f"uptime={uptime}, loads=[{one}, {five}, {fifteen}], {rest}" + "}"


def utsname(t: Task, at: int) -> str:
    """struct utsname."""
    data = read(t, at, 390)
    if data is None:
        return pointer(at)
    fields = [data[65 * n : 65 * n + 65].split(bytes(1))[0] for n in range(3)]
    words = ("sysname", "nodename", "release")
    return "{" + ", ".join(f"{name}={quote(field)}" for name, field in zip(words, fields, strict=True)) + ", ...}"


def _termios(values: tuple[int, ...]) -> str:
    _, oflag, cflag, lflag = values
    speed = {0xF: "B38400", 0xD: "B9600", 0: "B0"}.get(cflag & 0x100F, f"B{cflag & 0x100F:#x}")
    bits = (("opost", oflag & 1), ("isig", lflag & 1), ("icanon", lflag & 2), ("echo", lflag & 8))
    return "{" + " ".join([speed, *((name if on else "-" + name) for name, on in bits), "..."]) + "}"


def _clone_args(values: tuple[int, ...]) -> str:
    flags, pidfd, child, parent, end, stack, size, tls = values
    parts = [f"flags={names.CLONE.text(flags)}"]
    parts += [
        f"{name}={pointer(value)}"
        for name, value in (("pidfd", pidfd), ("child_tid", child), ("parent_tid", parent))
        if value
    ]
    parts += [
        f"exit_signal={signal_name(end) if end else 0}",
        f"stack={pointer(stack)}",
        f"stack_size={size:#x}" if size else "stack_size=0",
    ]
    if tls:
        parts.append(f"tls={tls:#x}")
    return "{" + ", ".join(parts) + "}"


def _sigevent(values: tuple[int, ...]) -> str:
    value, number, notify = values
    kind = {0: "SIGEV_SIGNAL", 1: "SIGEV_NONE", 2: "SIGEV_THREAD", 4: "SIGEV_THREAD_ID"}.get(notify) or hex(notify)
    data = value.to_bytes(8, "little")
    return (
        "{"
        + f"sigev_value={_value(data)}, sigev_signo={signal_name(number) if number else 0}, sigev_notify={kind}"
        + "}"
    )


def rusage(t: Task, at: int) -> str:
    """struct rusage of getrusage(2)."""
    data = read(t, at, 144)
    if data is None:
        return pointer(at)
    user, user_part, system, system_part = struct.unpack_from("<4q", data)
    return (
        "{"
        + f"ru_utime={time_text(user, user_part, 'usec')}, ru_stime={time_text(system, system_part, 'usec')}, ..."
        + "}"
    )


def array(one: Callable[[tuple[int, ...]], str], form: str) -> Callable[[Task, int, int], str]:
    """Of so many structures that struct can unpack."""
    layout = struct.Struct("<" + form)

    def decode(t: Task, at: int, count: int) -> str:
        data = read(t, at, layout.size * min(count, MAX_ITEMS)) if 0 < count < 1 << 32 else b""
        if data is None or not at:
            return pointer(at)
        items = [one(values) for values in layout.iter_unpack(data)]
        return "[" + ", ".join(items) + (", ..." if count > MAX_ITEMS else "") + "]"

    return decode


def _epoll(values: tuple[int, ...]) -> str:
    events, data = values
    return "{" + f"events={names.EPOLL_EVENTS.text(events)}, data={{u32={data & 0xFFFFFFFF}, u64={data}}}" + "}"


def _itimer(part: str) -> Callable[[tuple[int, ...]], str]:
    def text(v: tuple[int, ...]) -> str:
        return "{" + f"it_interval={time_text(v[0], v[1], part)}, it_value={time_text(v[2], v[3], part)}" + "}"

    return text


pollfds: Final = array(
    lambda v: "{" + f"fd={v[0]}" + (f", events={names.POLL.text(v[1])}" if v[0] >= 0 else "") + "}", "iHH"
)
polled: Final = array(lambda v: "{" + f"fd={v[0]}, revents={names.POLL.text(v[2])}" + "}", "iHH")
epoll_events: Final = array(_epoll, "IQ")
sembufs: Final = array(
    lambda v: "{" + f"sem_num={v[0]}, sem_op={v[1]}, sem_flg={names.SEM_FLAGS.text(v[2])}" + "}", "HhH"
)
timespecs: Final = array(lambda v: time_text(v[0], v[1]), "qq")
timevals: Final = array(lambda v: time_text(v[0], v[1], "usec"), "qq")

FORMS: Final[dict[str, Form]] = {
    "clone_args": _form("8Q", _clone_args),
    "epoll_event": _form("IQ", _epoll),
    "flock": _form(
        "hh4xqqi4x",
        lambda v: (
            "{"
            + f"l_type={names.LOCK_TYPES.text(v[0])}, l_whence={names.WHENCE.text(v[1])}, l_start={v[2]}, l_len={v[3]}"
            + "}"
        ),
    ),
    "flock_found": _form(
        "hh4xqqi4x",
        lambda v: (
            "{"
            + f"l_type={names.LOCK_TYPES.text(v[0])}, l_whence={names.WHENCE.text(v[1])}, l_start={v[2]}, l_len={v[3]}, l_pid={v[4]}"
            + "}"
        ),
    ),
    "int": _form("i", lambda v: f"[{v[0]}]"),
    "uint": _form("I", lambda v: f"[{v[0]}]"),
    "long": _form("q", lambda v: f"[{v[0]}]"),
    "itimerspec": _form("4q", _itimer("nsec")),
    "itimerval": _form("4q", _itimer("usec")),
    "open_how": _form(
        "QQQ",
        lambda v: (
            "{"
            + f"flags={names.open_flags(v[0])}, {f'mode={names.mode(v[1])}, ' if v[1] else ''}resolve={names.RESOLVE.text(v[2])}"
            + "}"
        ),
    ),
    "pair": _form("ii", lambda v: f"[{v[0]}, {v[1]}]"),
    "rlimit": _form("QQ", lambda v: "{" + f"rlim_cur={_limit(v[0])}, rlim_max={_limit(v[1])}" + "}"),
    "rusage": rusage,
    "sched_param": _form("i", lambda v: f"[{v[0]}]"),
    "sigaction": _form("QQQQ", _sigaction),
    "sigevent": _form("Qii", _sigevent),
    "siginfo": siginfo,
    "sigset": sigset,
    "stack_t": _form(
        "Qi4xQ",
        lambda v: "{" + f"ss_sp={pointer(v[0])}, ss_flags={names.SS.text(v[1] & 0xFFFFFFFF)}, ss_size={v[2]}" + "}",
    ),
    "stat": _form("QQQIIIIQq", _stat),
    "statfs": _form("QQQQQQQIIQQQ", _statfs),
    "statx": _form("IIQIIIHHQQ", _statx),
    "sysinfo": _form("q9QH6xQQI", _sysinfo),
    "termios": _form("IIII", _termios),
    "timespec": _form("qq", lambda v: time_text(v[0], v[1])),
    "timeval": _form("qq", lambda v: time_text(v[0], v[1], "usec")),
    "timezone": _fields("ii", "tz_minuteswest tz_dsttime"),
    "tms": _fields("4q", "tms_utime tms_stime tms_cutime tms_cstime"),
    "ucred": _fields("3I", "pid uid gid"),
    "utimbuf": _fields("qq", "actime modtime"),
    "utsname": utsname,
    "winsize": _fields("4H", "ws_row ws_col ws_xpixel ws_ypixel"),
    "linger": _fields("ii", "l_onoff l_linger"),
}
