"""The descriptor table against a model, and the calls on it."""

from __future__ import annotations

import errno
import random

import pytest

from sandbox.errors import SyscallError
from sandbox.kernel.fd_table import FDTable
from sandbox.vfs.eventfd import EventFile
from sandbox.vfs.file_description import FileDescription
from tests.unit.sandbox.kernel.box import Box

PIPE2, DUP, DUP2, DUP3, CLOSE, CLOSE_RANGE, FCNTL, WRITE, READ = 293, 32, 33, 292, 3, 436, 72, 1, 0


class Counted(FileDescription):
    """Knows whether it was released."""

    def __init__(self) -> None:
        super().__init__(2)
        self.released = 0

    def release(self) -> None:
        self.released += 1


@pytest.mark.parametrize("seed", range(20))
def test_numbers_are_the_lowest_free(seed: int) -> None:
    rng = random.Random(seed)
    table = FDTable(64)
    model: dict[int, FileDescription] = {}
    for _ in range(600):
        choice = rng.random()
        if choice < 0.5:
            least = rng.choice((0, 0, 0, 10, 63))
            free = next((n for n in range(least, 64) if n not in model), None)
            file = Counted()
            if free is None:
                with pytest.raises(SyscallError):
                    table.install(file, least)
                assert file.released == 1
            else:
                assert table.install(file, least) == free
                model[free] = file
        elif choice < 0.9 and model:
            fd = rng.choice(list(model))
            table.close(fd)
            model.pop(fd)
        else:
            fd = rng.randrange(64)
            file = Counted()
            table.set(fd, file)
            model[fd] = file
        assert dict(table.items()) == model


def test_references_follow_the_entries() -> None:
    table = FDTable()
    file = Counted()
    first = table.install(file)
    second = table.install(file)
    copy = table.copy()
    table.close(first)
    table.close(second)
    assert file.refs == 2
    copy.release()
    assert file.released == 1


def test_fork_copies_close_on_exec_marks() -> None:
    table = FDTable()
    fd = table.install(Counted(), cloexec=True)
    copy = table.copy()
    assert copy.cloexec(fd)
    copy.close_on_exec()
    assert copy.fds() == [] and table.fds() == [fd]


def test_shared_table_closes_with_its_last_user() -> None:
    table = FDTable()
    file = Counted()
    table.install(file)
    table.share()
    table.release()
    assert file.refs == 1
    table.release()
    assert file.released == 1


def test_dup_calls(box: Box) -> None:
    t = box.init
    fd = t.fds.install(EventFile(0, 0, False))
    assert box.call(t, DUP, fd) == 1
    assert box.call(t, DUP2, fd, 7) == 7
    assert box.call(t, DUP2, fd, fd) == fd
    assert box.call(t, DUP3, fd, fd, 0) == -errno.EINVAL
    assert box.call(t, DUP3, fd, 9, 0o2000000) == 9
    assert box.call(t, FCNTL, 9, 1) == 1
    assert box.call(t, DUP2, fd, 1 << 31) == -errno.EBADF
    assert box.call(t, DUP2, 55, 3) == -errno.EBADF
    assert box.call(t, CLOSE, 55) == -errno.EBADF
    assert box.call(t, CLOSE_RANGE, 1, 0xFFFFFFFF, 0) == 0
    assert t.fds.fds() == [fd]
    assert box.call(t, CLOSE_RANGE, 5, 4, 0) == -errno.EINVAL


def test_limit(box: Box) -> None:
    t = box.init
    t.fds.limit = 4
    pair = box.room()
    assert box.call(t, PIPE2, pair, 0) == 0
    assert box.call(t, PIPE2, pair, 0) == 0
    assert box.call(t, PIPE2, pair, 0) == -errno.EMFILE
    assert box.call(t, FCNTL, 0, 0, 4) == -errno.EINVAL
    assert box.call(t, CLOSE, 3) == 0
    assert box.call(t, PIPE2, pair, 0) == -errno.EMFILE
    assert t.fds.fds() == [0, 1, 2]


def test_pipe_with_a_bad_pointer_leaves_nothing(box: Box) -> None:
    assert box.call(box.init, PIPE2, 8, 0) == -errno.EFAULT
    assert box.init.fds.fds() == []


def test_file_of_a_blocked_read_outlives_its_descriptor(box: Box) -> None:
    t = box.init
    pair = box.room()
    box.call(t, PIPE2, pair, 0)
    r, w = box.word(t, pair), box.word(t, pair + 4)
    child = box.fork(t, 0x100 | 0x400 | 0x800 | 0x10000, 0)  # a thread: VM, FILES, SIGHAND, THREAD
    buffer = box.room()
    assert box.call(child, READ, r, buffer, 8) is None
    assert box.call(t, CLOSE, r) == 0
    assert box.call(t, WRITE, w, box.put(t, b"late"), 4) == 4
    assert box.thread(child).result() == 4
    assert box.get(t, buffer, 4) == b"late"
    box.handle(t, 13)
    assert box.call(t, WRITE, w, buffer, 4) == -errno.EPIPE or box.running(t)
