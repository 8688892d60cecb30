"""Calls that move gigabytes: others have their turn in between, and the result is that of one call."""

from __future__ import annotations

import struct

import pytest

from sandbox.kernel.task import Task
from sandbox.syscalls.iov_iter import TURN_SIZE
from sandbox.vfs.anon import AnonFile

from .box import HEAP, HEAP_SIZE, Box

_GETPID = 39
_SEGMENT = HEAP_SIZE // 2
_SEGMENTS = 1000
_TOTAL = _SEGMENT * _SEGMENTS


class Endless(AnonFile):
    """Reads and writes whatever is asked for, and remembers where."""

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
