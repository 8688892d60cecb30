"""Host descriptors as open files: they block the guest only, and leave the host's description as it was."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from sandbox.fs.host_stdio import HostFile
from sandbox.sockets.base import SocketFile
from sandbox.vfs.open_file_path import OpenFileInode
from tests.unit.sandbox.kernel.box import STACK_SIZE, STACK_TOP, Box

READ, WRITE, LSEEK, FSTAT = 0, 1, 8, 5
FSYNC, FTRUNCATE, SYNC_FILE_RANGE = 74, 77, 277
BUFFER = STACK_TOP - STACK_SIZE


def serve(box: Box) -> None:
    """One turn of the event loop that does not sleep."""
    box.reactor.call_soon(lambda: None)
    for fd, mask in box.reactor._epoll.poll(0, 16):
        box.reactor._callbacks[fd](mask)
    box.settle()


def test_read_waits_for_the_host(box: Box) -> None:
    t = box.init
    host_r, host_w = os.pipe()
    fd = t.fds.install(HostFile(host_r, os.O_RDONLY, box.reactor))
    assert box.call(t, READ, fd, BUFFER, 100) is None
    os.write(host_w, b"typed")
    serve(box)
    assert box.thread(t).result() == 5
    assert box.get(t, BUFFER, 5) == b"typed"
    assert not fcntl.fcntl(host_r, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(host_w)
    assert box.call(t, READ, fd, BUFFER, 100) == 0
    t.fds.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(host_r)


def test_write_waits_for_the_host(box: Box) -> None:
    t = box.init
    host_r, host_w = os.pipe()
    fcntl.fcntl(host_w, fcntl.F_SETPIPE_SZ, 4096)
    fd = t.fds.install(HostFile(host_w, os.O_WRONLY, box.reactor))
    assert box.call(t, WRITE, fd, BUFFER, 10000) is None
    got = b""
    while len(got) < 10000:
        got += os.read(host_r, 65536)
        serve(box)
    assert got == bytes(10000)
    assert box.thread(t).result() == 10000
    os.close(host_r)
    box.handle(t, 13)
    box.call(t, WRITE, fd, BUFFER, 1)
    assert box.thread(t).regs  # SIGPIPE was delivered
    t.fds.close(fd)


def test_regular_file(box: Box, tmp_path: Path) -> None:
    t = box.init
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    fd = t.fds.install(HostFile(os.open(path, os.O_RDWR), os.O_RDWR, box.reactor))
    assert box.call(t, READ, fd, BUFFER, 4) == 4
    assert box.call(t, LSEEK, fd, -2, 1) == 2
    assert box.call(t, WRITE, fd, BUFFER, 4) == 4
    assert path.read_bytes() == b"0101236789"
    assert box.call(t, LSEEK, fd, 0, 9) == -errno.EINVAL
    assert box.call(t, FSYNC, fd) == box.call(t, SYNC_FILE_RANGE, fd, 0, 0, 0) == 0
    assert box.call(t, FTRUNCATE, fd, 3) == 0
    assert path.read_bytes() == b"010"
    t.fds.close(fd)


def test_what_is_no_file_has_nothing_to_bring_to_disk(box: Box) -> None:
    t = box.init
    host_r, host_w = os.pipe()
    fd = t.fds.install(HostFile(host_w, os.O_WRONLY, box.reactor))
    assert box.call(t, FSYNC, fd) == box.call(t, FTRUNCATE, fd, 0) == -errno.EINVAL
    assert box.call(t, SYNC_FILE_RANGE, fd, 0, 0, 0) == -errno.ESPIPE
    t.fds.close(fd)
    os.close(host_r)


def test_a_file_that_is_only_read_is_not_truncated(box: Box, tmp_path: Path) -> None:
    t = box.init
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    fd = t.fds.install(HostFile(os.open(path, os.O_RDWR), os.O_RDONLY, box.reactor))
    assert box.call(t, FTRUNCATE, fd, 3) == -errno.EINVAL
    assert len(path.read_bytes()) == 10
    t.fds.close(fd)


def test_a_regular_file_opened_again_has_a_place_of_its_own(box: Box, tmp_path: Path) -> None:
    """`> /dev/stdout` of a shell whose output is a file: from the beginning, and emptied; the first one goes on where it was."""
    t = box.init
    path = tmp_path / "file"
    path.write_bytes(b"")
    file = HostFile(os.open(path, os.O_WRONLY), os.O_WRONLY, box.reactor)

    def opened(flags: int) -> int:
        inode = OpenFileInode(box.kernel.clock, file)
        found = inode.open(t, t.fs.cwd, os.O_WRONLY | flags)
        if flags & os.O_TRUNC:
            inode.truncate(0)
        return t.fds.install(found)

    first = t.fds.install(file)
    box.put(t, b"abcdefgh", BUFFER)
    assert box.call(t, WRITE, first, BUFFER, 4) == 4
    again = opened(os.O_TRUNC)
    assert path.read_bytes() == b""
    assert box.call(t, WRITE, again, BUFFER, 8) == 8
    assert box.call(t, WRITE, first, BUFFER, 2) == 2
    assert path.read_bytes() == b"abcdabgh"
    assert box.call(t, LSEEK, again, -1, 2) == 7
    more = opened(os.O_APPEND)
    assert box.call(t, WRITE, more, BUFFER, 3) == 3
    assert path.read_bytes() == b"abcdabghabc"
    for fd in (first, again, more):
        t.fds.close(fd)


def test_it_is_no_socket_and_no_terminal(box: Box) -> None:
    t = box.init
    host_r, host_w = os.pipe()
    file = HostFile(host_r, os.O_RDONLY, box.reactor)
    fd = t.fds.install(file)
    assert not isinstance(file, SocketFile)
    assert box.call(t, 16, fd, 0x5401, BUFFER) == -errno.ENOTTY
    assert box.call(t, LSEEK, fd, 0, 0) == -errno.ESPIPE
    t.fds.close(fd)
    os.close(host_w)
