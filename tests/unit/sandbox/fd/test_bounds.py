"""What a guest can make the sandbox keep is bounded."""

from __future__ import annotations

import errno

from sandbox.kernel import fd_table, pipe_pages
from sandbox.kernel.fd_table import FDTable
from sandbox.sockets.unix import namespace
from sandbox.vfs.eventfd import EventFile
from tests.unit.sandbox.kernel.box import STACK_SIZE, STACK_TOP, Box

PIPE2, FCNTL, SOCKETPAIR, WRITE, DUP2, CLOSE, FORK = 293, 72, 53, 1, 33, 3, 57
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
BUFFER = STACK_TOP - STACK_SIZE


def test_a_large_number_costs_nothing() -> None:
    table = FDTable(1 << 20)
    table.install(EventFile(0, 0, False))
    for fd in (1_000_000, 5000, 4096, 4095):
        table.set(fd, EventFile(0, 0, False))
    assert table.fds() == [0, 4095, 4096, 5000, 1_000_000]
    assert table.install(EventFile(0, 0, False), 4095) == 4097
    assert table.highest() == 1_000_000
    assert len(table._files) == 4096
    copy = table.copy(4097)
    assert copy.fds() == [0, 4095, 4096]
    table.close(4096)
    assert table.install(EventFile(0, 0, False), 4095) == 4096
    table.close_range(1, 1 << 30)
    assert table.fds() == [0]


def test_all_tables_together(box: Box) -> None:
    t = box.init
    t.fds.limit = 1 << 20
    file = EventFile(0, 0, False)
    fd = t.fds.install(file)
    t.fds._entries.count = fd_table.MAX_ENTRIES - 1
    assert box.call(t, 32, fd) == 1
    assert box.call(t, 32, fd) == -errno.ENFILE
    assert box.call(t, DUP2, fd, 100) == -errno.ENFILE
    assert box.call(t, DUP2, fd, 1) == 1
    assert box.call(t, FORK) == -errno.ENOMEM
    assert box.call(t, CLOSE, 1) == 0
    assert box.call(t, 32, fd) == 1


def test_pipes_get_small_and_then_none(box: Box) -> None:
    t = box.init
    pair = box.room()
    pages = box.kernel.pipe_pages
    pages.count = pipe_pages.SOFT_PAGES - 20
    assert box.call(t, PIPE2, pair, 0) == 0
    r = box.word(t, pair)
    assert box.call(t, FCNTL, r, F_GETPIPE_SZ) == 65536
    assert box.call(t, FCNTL, r, F_SETPIPE_SZ, 1 << 20) == -errno.EPERM
    assert box.call(t, PIPE2, pair, 0) == 0
    assert box.call(t, FCNTL, box.word(t, pair), F_GETPIPE_SZ) == 8192
    pages.count = pipe_pages.HARD_PAGES
    assert box.call(t, PIPE2, pair, 0) == -errno.ENFILE
    before = pages.count
    box.call(t, CLOSE, box.word(t, pair))
    box.call(t, CLOSE, box.word(t, pair + 4))
    assert pages.count == before - 2


def test_messages_of_unix_sockets(box: Box) -> None:
    t = box.init
    pair = box.room()
    assert box.call(t, SOCKETPAIR, 1, 1, 0, pair) == 0
    one, two = box.word(t, pair), box.word(t, pair + 4)
    names = box.kernel.unix
    assert names is not None
    names.charged = namespace.MAX_CHARGED - 2000
    assert box.call(t, WRITE, one, BUFFER, 100) == 100
    assert box.call(t, WRITE, one, BUFFER, 5000) == -errno.ENOBUFS
    assert box.call(t, 0, two, BUFFER, 100) == 100
    assert names.charged == namespace.MAX_CHARGED - 2000
