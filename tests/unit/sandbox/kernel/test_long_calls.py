"""Calls that move gigabytes: others have their turn in between, and the result is that of one call."""

from __future__ import annotations

import struct

import pytest

from sandbox.fs.tty.pty_table import PtyTable
from sandbox.kernel.task import Task
from sandbox.syscalls.iov_iter import TURN_SIZE
from sandbox.syscalls.linux.long_scan import PIECE
from sandbox.vfs.anon import AnonFile
from tcpip.clock import NS_PER_S
from tcpip.waiter import EVENT_IN

from .box import HEAP, HEAP_SIZE, Box

_GETPID = 39
_SEGMENT = HEAP_SIZE // 2
_SEGMENTS = 1000
_TOTAL = _SEGMENT * _SEGMENTS


class Endless(AnonFile):
    """Reads and writes whatever is asked for, and remembers where."""

    positioned = True

    def __init__(self) -> None:
        super().__init__(2)
        self.moved = 0
        self.released = False

    def read(self, t: Task, dst: memoryview) -> int:
        self.moved += len(dst)
        return len(dst)

    def write(self, t: Task, src: memoryview) -> int:
        return self.read(t, src)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        assert offset == self.moved
        return self.read(t, dst)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        return self.pread(t, src, offset)

    def release(self) -> None:
        self.released = True


def begin(box: Box, number: int) -> tuple[Task, Task, Endless]:
    """Two processes, of which the first has just begun a long call."""
    first = box.init
    file = Endless()
    fd = first.fds.install(file, cloexec=False)
    other = box.fork(first)
    other.fds.close(fd)
    vector = box.put(first, struct.pack("<QQ", HEAP + _SEGMENT, _SEGMENT) * _SEGMENTS, box.room(16 * _SEGMENTS))
    box.thread(first).call(number, fd, vector, _SEGMENTS, 0)
    return first, other, file


@pytest.mark.parametrize("number", [19, 20, 295, 296], ids=["readv", "writev", "preadv", "pwritev"])
@pytest.mark.interpreted
def test_a_long_call_lets_others_go_first(box: Box, number: int) -> None:
    first, other, file = begin(box, number)
    assert not box.running(first) and file.moved == TURN_SIZE
    box.thread(other).call(_GETPID)
    assert box.thread(other).result() == other.pid
    box.settle()
    assert box.thread(first).result() == _TOTAL == file.moved


@pytest.mark.interpreted
def test_a_long_call_ends_with_its_process(box: Box) -> None:
    first, other, file = begin(box, 20)
    first.group.begin_exit(9)
    box.settle()
    assert file.moved == TURN_SIZE and file.released


class Asked(AnonFile):
    """Counts how often it is asked; ready when it is told to be."""

    def __init__(self) -> None:
        super().__init__(2)
        self.asked = 0
        self.events = 0

    def poll(self, t: Task | None) -> int:
        self.asked += 1
        return self.events


_POLL, _SELECT = 7, 23
_MANY = 3 * PIECE + 64
_AREA = 0x200000


def many(box: Box, number: int, timeout_ms: int) -> Asked:
    """Process 1 begins to wait for `_MANY` descriptors."""
    first, file = box.init, Asked()
    first.fds.limit = _MANY
    first.space.map(_AREA, 8 * _MANY + 16)  # type: ignore[attr-defined]
    if number == _POLL:
        fd = first.fds.install(file)
        first.space.write(_AREA, struct.pack("<ihh", fd, 1, 0) * _MANY)
        box.thread(first).call(_POLL, _AREA, _MANY, timeout_ms & 0xFFFF_FFFF_FFFF_FFFF)
    else:
        for fd in range(_MANY):
            first.fds.install(file, at_least=fd)
        first.space.write(_AREA, b"\xff" * (_MANY // 8) + struct.pack("<qq", 0, timeout_ms * 1000))
        box.thread(first).call(_SELECT, _MANY, _AREA, 0, 0, _AREA + _MANY // 8 if timeout_ms >= 0 else 0)
    return file


@pytest.mark.parametrize("number", [_POLL, _SELECT], ids=["poll", "select"])
@pytest.mark.interpreted
def test_a_look_at_very_many_descriptors_lets_others_go_first(box: Box, number: int) -> None:
    first, other = box.init, box.fork(box.init)
    file = many(box, number, -1)
    assert not box.running(first) and file.asked == PIECE
    box.thread(other).call(_GETPID)
    assert box.thread(other).result() == other.pid
    box.settle()
    assert file.asked == _MANY and not box.running(first)
    file.events = EVENT_IN
    box.advance(NS_PER_S)
    assert box.thread(first).result() == _MANY
    if number == _SELECT:
        assert box.get(first, _AREA, _MANY // 8) == b"\xff" * (_MANY // 8)


@pytest.mark.parametrize("number", [_POLL, _SELECT], ids=["poll", "select"])
@pytest.mark.interpreted
def test_a_wait_for_very_many_descriptors_ends_in_time(box: Box, number: int) -> None:
    many(box, number, 1500)
    box.settle()
    box.advance(NS_PER_S)
    assert not box.running(box.init)
    box.advance(NS_PER_S)
    assert box.thread(box.init).result() == 0
    if number == _SELECT:
        assert not any(box.get(box.init, _AREA, _MANY // 8))


@pytest.mark.parametrize("number", [_POLL, _SELECT], ids=["poll", "select"])
@pytest.mark.interpreted
def test_one_look_at_very_many_descriptors(box: Box, number: int) -> None:
    file = many(box, number, 0)
    box.settle()
    assert box.thread(box.init).result() == 0 and file.asked == _MANY


@pytest.mark.interpreted
def test_a_long_write_to_a_terminal_lets_others_go_first(box: Box) -> None:
    """Each byte is looked at, also where the line is full and nothing is kept."""
    first, other = box.init, box.fork(box.init)
    master = PtyTable(box.clock).create(2, 0, 0)
    fd = first.fds.install(master)
    vector = box.put(first, struct.pack("<QQ", HEAP, HEAP_SIZE) * 2)
    box.thread(first).call(20, fd, vector, 2)
    assert not box.running(first)
    box.thread(other).call(_GETPID)
    assert box.thread(other).result() == other.pid
    box.settle()
    assert box.thread(first).result() == 2 * HEAP_SIZE
