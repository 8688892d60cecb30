"""strace output: formats, and that a guest cannot forge a line."""

from __future__ import annotations

import errno

import pytest

from sandbox.strace.format import format_result, quote
from sandbox.strace.printer import SyscallTrace
from sandbox.syscalls.linux.table_amd64 import ROWS

from .box import Box
from .numbers import EXIT_GROUP, GETPID, KILL, PAUSE, PRCTL


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", '"plain"'),
        (b'a"b\\', '"a\\"b\\\\"'),
        (b"x\n1 exit_group(0) = ?", '"x\\n1 exit_group(0) = ?"'),
        (b"\x1b[2J\r\x00\x7f\xff", '"\\x1b[2J\\r\\x00\\x7f\\xff"'),
        (b"y" * 65, '"' + "y" * 64 + '"...'),
    ],
)
def test_quote(data: bytes, text: str) -> None:
    assert quote(data) == text


def test_results() -> None:
    assert format_result(0) == "0"
    assert format_result(-errno.ENOENT) == "-1 ENOENT"
    assert format_result(-512) == "? ERESTARTSYS"
    assert format_result(0x7F00_0000_0000) == "0x7f0000000000"


def traced(box: Box) -> list[str]:
    lines: list[str] = []
    box.kernel.set_trace(SyscallTrace(lines.append, ROWS))
    return lines


def test_one_line_per_call(box: Box) -> None:
    t, lines = box.init, traced(box)
    assert box.call(t, GETPID) == 1
    assert box.call(t, KILL, 99, 15) == -errno.ESRCH
    assert box.call(t, 5000) == -errno.ENOSYS
    assert lines == ["1 getpid() = 1", "1 kill(99, SIGTERM) = -1 ESRCH", "1 syscall_5000() = -1 ENOSYS"]


def test_interrupted_and_unfinished_calls(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    lines = traced(box)
    box.handle(child, 10)
    lines.clear()
    box.call(child, PAUSE)
    assert lines == []
    box.call(t, KILL, child.pid, 10)
    assert lines == [f"1 kill({child.pid}, SIGUSR1) = 0", "2 pause() = ? ERESTARTNOHAND", "2 --- SIGUSR1 ---"]
    lines.clear()
    box.call(child, EXIT_GROUP, 3)
    assert lines == ["2 exit_group(3) = ?", "2 +++ exited +++"]


def test_nothing_that_a_guest_writes_makes_a_line(box: Box) -> None:
    t, lines = box.init, traced(box)
    name = box.put(t, b"a\n9 kill(1)\x1b\0")
    box.kernel.handlers[257] = lambda task, a: -errno.ENOENT
    box.call(t, 257, 0xFFFFFF9C, name, 0, 0)
    box.call(t, 170, name, 12)  # sethostname
    box.call(t, PRCTL, 15, name)
    assert lines[0] == '1 openat(AT_FDCWD, "a\\n9 kill(1)\\x1b", 0x0, 00) = -1 ENOENT'
    assert len(lines) == 3 and all(line.isascii() and line.isprintable() for line in lines)


def test_turning_it_off(box: Box) -> None:
    t, lines = box.init, traced(box)
    box.kernel.set_trace(None)
    assert box.call(t, GETPID) == 1
    assert lines == [] and t.work == 0
