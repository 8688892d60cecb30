"""kernel.core_pattern: where a core goes (fs/coredump.c: format_corename)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from sandbox.kernel.rlimits import RLIMIT_CORE
from sandbox.kernel.user_namespace import INITIAL

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task

U64: Final = (1 << 64) - 1
_NUMBERS: Final = (b"p", b"P", b"i", b"I", b"u", b"g", b"d", b"s", b"t", b"c", b"C")


def core_name(t: Task, info: SignalInfo) -> bytes:
    """The file's name of a core that `t` leaves by this signal."""
    settings = t.kernel.settings
    pattern = settings.core_pattern
    name = expand(t, info, pattern)
    if settings.core_uses_pid and b"%p" not in pattern.replace(b"%%", b""):
        name += b".%d" % t.pid
    return name


def helper_words(t: Task, info: SignalInfo) -> list[bytes]:
    """Of a pattern that begins with `|`: the program and its arguments, cut before they are expanded."""
    return [expand(t, info, word) for word in t.kernel.settings.core_pattern[1:].split()]


def expand(t: Task, info: SignalInfo, pattern: bytes) -> bytes:
    """What the letters after each % stand for; one that stands for nothing is left out, and so is a % at the end."""
    out = bytearray()
    at = 0
    while at < len(pattern):
        next_at = pattern.find(b"%", at)
        if next_at < 0:
            next_at = len(pattern)
        out += pattern[at:next_at]
        out += _value(t, info, pattern[next_at + 1 : next_at + 2])
        at = next_at + 2
    return bytes(out)


def _word(text: bytes) -> bytes:
    """It stays one component of a path (cn_esc_printf)."""
    if text in (b".", b".."):
        text = b"!" + text[1:]
    return text.replace(b"/", b"!")


def _exe_name(t: Task) -> bytes:
    """The program's path; the command's name where that is not known (cn_print_exe_file)."""
    exe = t.mm.exe if t.mm is not None else None
    if exe is None:
        return t.comm + b" (path unknown)"
    return os.fsencode(exe.link_text())


def _value(t: Task, info: SignalInfo, letter: bytes) -> bytes:
    """What a letter stands for; nothing for others."""
    if letter in _NUMBERS:
        return b"%d" % _number(t, info, letter)
    if letter == b"%":
        return b"%"
    if letter == b"h":
        return _word(t.ns.uts.hostname)
    if letter == b"e":
        return _word(t.comm)
    if letter == b"f":
        return _word(_exe_name(t).rpartition(b"/")[2])
    return _word(_exe_name(t)) if letter == b"E" else b""


def _number(t: Task, info: SignalInfo, letter: bytes) -> int:
    """Process and thread in their own namespace and in the first one, user, group, signal, time, limit, processor."""
    first = t.kernel.pids
    if letter == b"p":
        return t.pid
    if letter == b"P":
        return t.group.ids.number_in(first)
    if letter == b"i":
        return t.tid
    if letter == b"I":
        return t.ids.number_in(first)
    if letter == b"u":
        return INITIAL.uids.shown(t.creds.uid)
    if letter == b"g":
        return INITIAL.gids.shown(t.creds.gid)
    if letter == b"d":
        return t.mm.dumpable if t.mm is not None else 0
    if letter == b"s":
        return info.signo
    if letter == b"t":
        return t.kernel.clock.realtime_ns() // 1_000_000_000
    if letter == b"c":
        return t.group.rlimits.soft[RLIMIT_CORE] & U64
    return max(0, (t.affinity & -t.affinity).bit_length() - 1)
