"""Pipes: the same fill levels, partial writes and readiness as the host's."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import select
import struct

import pytest

from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.arch.amd64 import RSP
from tests.unit.sandbox.kernel.box import STACK_SIZE, STACK_TOP, Box

READ, WRITE, PIPE2, FCNTL, POLL, IOCTL, CLOSE = 0, 1, 293, 72, 7, 16, 3
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
FIONREAD = 0x541B
BUFFER = STACK_TOP - STACK_SIZE


class Pair:
    """A pipe of ours and one of the host's, both not blocking."""

    def __init__(self, box: Box) -> None:
        self.box, self.t = box, box.init
        pair = box.room()
        assert box.call(self.t, PIPE2, pair, O_NONBLOCK) == 0
        self.r, self.w = box.word(self.t, pair), box.word(self.t, pair + 4)
        self.host_r, self.host_w = os.pipe2(os.O_NONBLOCK)
        self.buffer = BUFFER
        self.word = box.room()

    def close(self) -> None:
        os.close(self.host_r)
        os.close(self.host_w)

    def write(self, data: bytes) -> tuple[int | None, int]:
        self.t.space.write(self.buffer, data)
        try:
            theirs = os.write(self.host_w, data)
        except OSError as error:
            theirs = -(error.errno or 0)
        return self.box.call(self.t, WRITE, self.w, self.buffer, len(data)), theirs

    def read(self, size: int) -> tuple[bytes | int | None, bytes | int]:
        theirs: bytes | int
        try:
            theirs = os.read(self.host_r, size)
        except OSError as error:
            theirs = -(error.errno or 0)
        got = self.box.call(self.t, READ, self.r, self.buffer, size)
        if got is not None and got >= 0:
            return self.box.get(self.t, self.buffer, got), theirs
        return got, theirs

    def poll(self) -> tuple[list[int], list[int]]:
        where = self.box.put(self.t, struct.pack("<ihhihh", self.r, 5, 0, self.w, 5, 0), self.word)
        self.box.call(self.t, POLL, where, 2, 0)
        _, _, first, _, _, second = struct.unpack("<ihhihh", self.box.get(self.t, where, 16))
        poller = select.poll()
        poller.register(self.host_r, 5)
        poller.register(self.host_w, 5)
        ready = dict(poller.poll(0))
        return [first, second], [ready.get(self.host_r, 0), ready.get(self.host_w, 0)]

    def queued(self) -> tuple[int, int]:
        where = self.word
        self.box.call(self.t, IOCTL, self.r, FIONREAD, where)
        theirs = struct.unpack("i", fcntl.ioctl(self.host_r, FIONREAD, bytes(4)))[0]
        return self.box.word(self.t, where), theirs


@pytest.mark.parametrize("seed", range(12))
def test_like_the_host(box: Box, seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair(box)
    try:
        for _ in range(250):
            if rng.random() < 0.6:
                size = rng.choice((1, 7, 100, 2048, 4000, 4095, 4096, 4097, 8192, 10000, 30000))
                ours, theirs = pair.write(rng.randbytes(size))
                assert ours == theirs
            else:
                got, wanted = pair.read(rng.choice((1, 50, 4096, 5000, 20000)))
                assert got == wanted
            assert len(set(pair.queued())) == 1
            ours_ready, theirs_ready = pair.poll()
            assert ours_ready == theirs_ready
    finally:
        pair.close()


@pytest.mark.parametrize("size", [1, 4096, 4097, 65536, 100000, 1 << 20])
def test_resize(box: Box, size: int) -> None:
    pair = Pair(box)
    try:
        assert box.call(pair.t, FCNTL, pair.w, F_SETPIPE_SZ, size) == fcntl.fcntl(pair.host_w, F_SETPIPE_SZ, size)
        assert box.call(pair.t, FCNTL, pair.r, F_GETPIPE_SZ) == fcntl.fcntl(pair.host_r, F_GETPIPE_SZ)
    finally:
        pair.close()


def test_blocked_write_keeps_its_progress(box: Box) -> None:
    t = box.init
    pair, buffer = box.room(), BUFFER
    box.call(t, PIPE2, pair, 0)
    r, w = box.word(t, pair), box.word(t, pair + 4)
    box.call(t, FCNTL, w, F_SETPIPE_SZ, 4096)
    data = random.Random(1).randbytes(10000)
    t.space.write(buffer, data)
    other = box.fork(t)
    assert box.call(t, WRITE, w, buffer, len(data)) is None
    got = b""
    while len(got) < len(data):
        count = box.call(other, READ, r, buffer, 3000)
        assert count
        got += box.get(other, buffer, count)
    assert got == data
    assert box.thread(t).result() == len(data)


def test_interrupted_write_returns_what_it_wrote(box: Box) -> None:
    t = box.init
    pair = box.room()
    box.call(t, PIPE2, pair, 0)
    w = box.word(t, pair + 4)
    box.call(t, FCNTL, w, F_SETPIPE_SZ, 4096)
    box.handle(t, 10)
    other = box.fork(t)
    assert box.call(t, WRITE, w, BUFFER, 6000) is None
    box.call(other, 62, t.pid, 10)
    assert box.running(t)
    frame = box.thread(t).regs[RSP]
    assert int.from_bytes(box.get(t, frame + 8 + 40 + 13 * 8, 8), "little") == 4096  # uc_mcontext.rax


def test_read_into_bad_memory_loses_nothing(box: Box) -> None:
    t = box.init
    pair = box.room()
    box.call(t, PIPE2, pair, 0)
    r, w = box.word(t, pair), box.word(t, pair + 4)
    box.call(t, WRITE, w, box.put(t, b"precious"), 8)
    assert box.call(t, READ, r, 64, 8) == -errno.EFAULT
    buffer = box.room()
    assert box.call(t, READ, r, buffer, 8) == 8
    assert box.get(t, buffer, 8) == b"precious"


def test_end_of_file_and_broken_pipe(box: Box) -> None:
    t = box.init
    pair = box.room()
    box.call(t, PIPE2, pair, 0)
    r, w = box.word(t, pair), box.word(t, pair + 4)
    box.call(t, CLOSE, w)
    assert box.call(t, READ, r, pair, 4) == 0
    box.call(t, PIPE2, pair, 0)
    r, w = box.word(t, pair), box.word(t, pair + 4)
    box.call(t, CLOSE, r)
    box.call(t, 14, 0, box.put(t, (1 << 12).to_bytes(8, "little")), 0, 8)  # block SIGPIPE
    assert box.call(t, WRITE, w, pair, 4) == -errno.EPIPE
    assert t.pending.mask == 1 << 12
