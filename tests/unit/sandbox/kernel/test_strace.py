"""strace output: formats, and that a guest cannot forge a line."""

from __future__ import annotations

import errno
import random
import re

import pytest

from sandbox.strace.by_operation import OPERATIONS
from sandbox.strace.calls import CALLS
from sandbox.strace.decode import DECODERS
from sandbox.strace.memory import quote
from sandbox.strace.printer import MAX_LINE, SyscallTrace
from sandbox.strace.results import plain
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.table_amd64 import ROWS

from .box import Box
from .numbers import EXIT_GROUP, GETPID, KILL, PAUSE, PRCTL


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", '"plain"'),
        (b'a"b\\', '"a\\"b\\\\"'),
        (b"x\n1 exit_group(0) = ?", '"x\\n1 exit_group(0) = ?"'),
        (b"\x1b[2J\r\x00\x7f\xff", '"\\33[2J\\r\\0\\177\\377"'),
        (b"\x012", '"\\0012"'),
        (b"y" * 33, '"' + "y" * 32 + '"...'),
    ],
)
def test_quote(data: bytes, text: str) -> None:
    assert quote(data) == text


def test_results() -> None:
    assert plain(0) == "0"
    assert plain(-errno.ENOENT) == "-1 ENOENT (No such file or directory)"
    assert plain(-512) == "? ERESTARTSYS (To be restarted if SA_RESTART is set)"
    assert plain(0x7F00_0000_0000) == "0x7f0000000000"


def test_every_call_has_its_line() -> None:
    for row in ROWS:
        if row.name == "-" or row.name in OPERATIONS:
            continue
        words = CALLS[row.name]
        assert not row.args or len(words) == len(row.args), row.name
        assert all(word.lstrip("<") in DECODERS for word in words), row.name


def traced(box: Box) -> list[str]:
    lines: list[str] = []
    box.kernel.set_trace(SyscallTrace(lines.append, ROWS))
    return lines


def test_one_line_per_call(box: Box) -> None:
    t, lines = box.init, traced(box)
    assert box.call(t, GETPID) == 1
    assert box.call(t, KILL, 99, 15) == -errno.ESRCH
    assert box.call(t, 5000) == -errno.ENOSYS
    assert [re.sub(" +", " ", line) for line in lines] == [
        "1 getpid() = 1",
        "1 kill(99, SIGTERM) = -1 ESRCH (No such process)",
        "1 syscall_0x1388(0, 0, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)",
    ]
    assert lines[0].index("=") == 40


def test_interrupted_and_unfinished_calls(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    lines = traced(box)
    box.handle(child, 10)
    lines.clear()
    box.call(child, PAUSE)
    assert lines == []
    box.call(t, KILL, child.pid, 10)
    assert [re.sub(" +", " ", line) for line in lines] == [
        f"1 kill({child.pid}, SIGUSR1) = 0",
        "2 pause() = ? ERESTARTNOHAND (To be restarted if no handler)",
        "2 --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=1, si_uid=0} ---",
    ]
    lines.clear()
    box.call(child, EXIT_GROUP, 3)
    assert [re.sub(" +", " ", line) for line in lines] == ["2 exit_group(3) = ?", "2 +++ exited with 3 +++"]


def test_nothing_that_a_guest_writes_makes_a_line(box: Box) -> None:
    t, lines = box.init, traced(box)
    name = box.put(t, b"a\n9 kill(1)\x1b\0")
    box.kernel.handlers[257] = lambda task, a: -errno.ENOENT
    box.call(t, 257, 0xFFFFFF9C, name, 0, 0)
    box.call(t, 170, name, 12)  # sethostname
    box.call(t, PRCTL, 15, name)
    assert lines[0].startswith('1 openat(AT_FDCWD, "a\\n9 kill(1)\\33", O_RDONLY) = -1 ENOENT')
    assert len(lines) == 3 and all(line.isascii() and line.isprintable() for line in lines)


def test_garbage_is_written_in_bounds(box: Box) -> None:
    """Every call with random arguments, some of which point at random bytes."""
    t, chance = box.init, random.Random(7)
    junk = box.put(t, chance.randbytes(2048) + b"\xff" * 256)
    odd = (0, 1, 2, 9, 100, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1, junk, junk + 1000)
    lines: list[str] = []
    trace = SyscallTrace(lines.append, ROWS)
    for row in ROWS:
        for _ in range(40):
            a, b, c, d, e, f = (
                chance.choice((*odd, junk + chance.randrange(2000), chance.randrange(4096))) for _ in range(6)
            )
            trace.enter(t, row.number, SyscallArgs((a, b, c, d, e, f)))
            trace.leave(t, chance.choice((0, 1, 5, 4096, 1 << 33, -errno.EFAULT, -512)))
    assert len(lines) == 40 * len(ROWS)
    assert [line for line in lines if not (line.isascii() and line.isprintable())] == []
    assert max(map(len, lines)) < 2 * MAX_LINE + 100


def test_turning_it_off(box: Box) -> None:
    t, lines = box.init, traced(box)
    box.kernel.set_trace(None)
    assert box.call(t, GETPID) == 1
    assert lines == [] and t.work == 0
