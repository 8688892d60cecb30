"""epoll, poll, select over event counters: triggering, one-shot, nesting, and that waiting costs what is ready."""

from __future__ import annotations

import errno
import struct

import pytest

from sandbox.abi.linux.poll import EPOLLET, EPOLLONESHOT
from sandbox.vfs.eventfd import EventFile
from tests.unit.sandbox.kernel.box import Box

CREATE, CTL, WAIT, PWAIT2 = 291, 233, 232, 441
ADD, DEL, MOD = 1, 2, 3
READ, WRITE, CLOSE, DUP = 0, 1, 3, 32
IN, OUT = 1, 4
NS_PER_MS = 1_000_000


class Epoll:
    """An epoll file of process 1."""

    def __init__(self, box: Box) -> None:
        self.box, self.t = box, box.init
        fd = box.call(self.t, CREATE, 0)
        assert fd is not None
        self.fd = fd
        self.events = box.room(512)
        self.event = box.room()

    def ctl(self, op: int, fd: int, events: int = 0, data: int = 0) -> int | None:
        event = self.box.put(self.t, struct.pack("<IQ", events, data), self.event)
        return self.box.call(self.t, CTL, self.fd, op, fd, event)

    def wait(self, timeout: int = 0, limit: int = 8) -> list[tuple[int, int]] | int | None:
        count = self.box.call(self.t, WAIT, self.fd, self.events, limit, timeout)
        return count if count is None or count < 0 else self.got(count)

    def got(self, count: int) -> list[tuple[int, int]]:
        return list(struct.iter_unpack("<IQ", self.box.get(self.t, self.events, 12 * count)))


@pytest.fixture
def epoll(box: Box) -> Epoll:
    return Epoll(box)


def counter(box: Box, count: int = 0) -> tuple[int, EventFile]:
    file = EventFile(count, 0o4000, False)
    return box.init.fds.install(file), file


def bump(box: Box, fd: int, by: int = 1) -> None:
    assert box.call(box.init, WRITE, fd, box.put(box.init, by.to_bytes(8, "little")), 8) == 8


def empty(box: Box, fd: int) -> None:
    assert box.call(box.init, READ, fd, box.room(), 8) == 8


def test_level_triggered(box: Box, epoll: Epoll) -> None:
    fd, _ = counter(box)
    assert epoll.ctl(ADD, fd, IN, 42) == 0
    assert epoll.wait() == []
    bump(box, fd)
    assert epoll.wait() == [(IN, 42)]
    assert epoll.wait() == [(IN, 42)]
    empty(box, fd)
    assert epoll.wait() == []


def test_edge_triggered(box: Box, epoll: Epoll) -> None:
    fd, _ = counter(box, 1)
    epoll.ctl(ADD, fd, IN | EPOLLET, 7)
    assert epoll.wait() == [(IN, 7)]
    assert epoll.wait() == []
    bump(box, fd)
    assert epoll.wait() == [(IN, 7)]


def test_one_shot(box: Box, epoll: Epoll) -> None:
    fd, _ = counter(box, 1)
    epoll.ctl(ADD, fd, IN | EPOLLONESHOT, 7)
    assert epoll.wait() == [(IN, 7)]
    bump(box, fd)
    assert epoll.wait() == []
    assert epoll.ctl(MOD, fd, IN | EPOLLONESHOT, 8) == 0
    assert epoll.wait() == [(IN, 8)]


def test_errors(box: Box, epoll: Epoll) -> None:
    fd, _ = counter(box)
    assert epoll.ctl(DEL, fd) == -errno.ENOENT
    assert epoll.ctl(MOD, fd, IN) == -errno.ENOENT
    assert epoll.ctl(ADD, fd, IN) == 0
    assert epoll.ctl(ADD, fd, IN) == -errno.EEXIST
    assert epoll.ctl(ADD, epoll.fd, IN) == -errno.EINVAL
    assert epoll.ctl(ADD, 99, IN) == -errno.EBADF
    assert box.call(box.init, CTL, fd, ADD, epoll.fd, epoll.events) == -errno.EINVAL
    assert epoll.wait(0, 0) == -errno.EINVAL
    assert box.call(box.init, WAIT, fd, epoll.events, 1, 0) == -errno.EINVAL
    assert box.call(box.init, CTL, epoll.fd, ADD, fd, 8) == -errno.EFAULT


def test_waiting_ends_with_an_event_or_the_time_out(box: Box, epoll: Epoll) -> None:
    t = box.init
    fd, _ = counter(box)
    epoll.ctl(ADD, fd, IN, 5)
    other = box.fork(t)
    assert epoll.wait(1000) is None
    box.call(other, WRITE, fd, box.put(other, (1).to_bytes(8, "little")), 8)
    assert box.thread(t).result() == 1
    assert epoll.got(1) == [(IN, 5)]
    empty(box, fd)
    assert epoll.wait(1000) is None
    box.advance(999 * NS_PER_MS)
    assert not box.running(t)
    box.advance(NS_PER_MS)
    assert box.thread(t).result() == 0


def test_closing_the_last_descriptor_forgets_the_file(box: Box, epoll: Epoll) -> None:
    fd, file = counter(box, 1)
    twin = box.call(box.init, DUP, fd)
    assert twin is not None
    epoll.ctl(ADD, fd, IN, 5)
    box.call(box.init, CLOSE, fd)
    assert epoll.wait() == [(IN, 5)]
    box.call(box.init, CLOSE, twin)
    assert epoll.wait() == []
    assert len(file.queue) == 0


def test_nested_lists(box: Box) -> None:
    inner, outer = Epoll(box), Epoll(box)
    fd, _ = counter(box)
    assert inner.ctl(ADD, fd, IN, 1) == 0
    assert outer.ctl(ADD, inner.fd, IN, 2) == 0
    assert inner.ctl(ADD, outer.fd, IN, 3) == -errno.ELOOP
    assert outer.wait() == []
    bump(box, fd)
    assert outer.wait() == [(IN, 2)]
    empty(box, fd)
    assert outer.wait() == []


def test_nesting_is_bounded(box: Box) -> None:
    chain = [Epoll(box) for _ in range(7)]
    results = [above.ctl(ADD, below.fd, IN, 0) for below, above in zip(chain, chain[1:], strict=False)]
    assert results == [0, 0, 0, 0, -errno.ELOOP, 0]


@pytest.mark.interpreted
def test_cost_follows_what_is_ready(box: Box, epoll: Epoll) -> None:
    box.init.fds.limit = 20000
    asked = 0

    class Asked(EventFile):
        def poll(self, t: object) -> int:
            nonlocal asked
            asked += 1
            return super().poll(None)

    files = [Asked(0, 0, False) for _ in range(10000)]
    for number, file in enumerate(files):
        assert epoll.ctl(ADD, box.init.fds.install(file), IN, number) == 0
    asked = 0
    assert epoll.wait() == []
    assert asked == 0
    files[77].count = 1
    files[77].queue.notify(IN)
    assert epoll.wait() == [(IN, 77)]
    assert asked == 1


def test_events_survive_a_bad_pointer(box: Box, epoll: Epoll) -> None:
    fd, _ = counter(box, 1)
    epoll.ctl(ADD, fd, IN | EPOLLET | EPOLLONESHOT, 9)
    assert box.call(box.init, WAIT, epoll.fd, 64, 4, 0) == -errno.EFAULT
    assert epoll.wait() == [(IN, 9)]
