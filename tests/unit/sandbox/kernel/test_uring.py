"""io_uring: what a hostile guest writes into its rings, bounds, and that nothing is left behind."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.abi.linux import io_uring as abi
from sandbox.io_uring import memory as at
from sandbox.io_uring.ring import RingFile
from sandbox.io_uring.table import OPERATIONS
from sandbox.vfs.eventfd import EventFile

from .box import HEAP, HEAP_SIZE, Box

SETUP, ENTER, REGISTER = 425, 426, 427
NS = 1_000_000_000


class Rings:
    """A box whose first task makes rings; their memory is written directly, as a guest does."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.t = box.init
        kernel: Any = box.kernel
        kernel.mounts = self.t.fs.root.mount.namespace
        self.uring = box.kernel.uring

    def make(self, entries: int = 8, flags: int = 0) -> tuple[int, RingFile]:
        address = self.box.put(self.t, bytes(8) + flags.to_bytes(4, "little") + bytes(108))
        fd = self.box.call(self.t, SETUP, entries, address)
        assert fd is not None and fd >= 0
        ring = self.t.fds.get(fd)
        assert isinstance(ring, RingFile)
        return fd, ring

    def add(self, ring: RingFile, opcode: int, fd: int = -1, **words: int) -> None:
        names = (
            "flags",
            "ioprio",
            "off",
            "addr",
            "length",
            "op_flags",
            "data",
            "buf_index",
            "personality",
            "index",
            "addr3",
        )
        flags, ioprio, off, addr, length, op_flags, data, buf, personality, index, addr3 = (
            words.pop(n, 0) for n in names
        )
        assert not words
        raw = abi.SQE.pack(
            opcode, flags, ioprio, fd, off, addr, length, op_flags, data, buf, personality, index, addr3, 0
        )  # fmt: skip
        memory = ring.memory
        place = memory.words[at.SQ_TAIL] & (ring.sq_entries - 1)
        memory.view[memory.sqes_at + 64 * place : memory.sqes_at + 64 * place + 64] = raw
        memory.words[memory.array_at // 4 + place] = place
        memory.words[at.SQ_TAIL] = (memory.words[at.SQ_TAIL] + 1) & at.WORD

    def enter(self, fd: int, submit: int, least: int = 0, flags: int = 0) -> int | None:
        return self.box.call(self.t, ENTER, fd, submit, least, flags, 0, 8)

    def completions(self, ring: RingFile) -> list[tuple[int, int, int]]:
        words, out = ring.memory.words, []
        while words[at.CQ_HEAD] != words[at.CQ_TAIL]:
            place = at.CQES + 16 * (words[at.CQ_HEAD] & (ring.cq_entries - 1))
            out.append(abi.CQE.unpack_from(ring.memory.view, place))
            words[at.CQ_HEAD] = (words[at.CQ_HEAD] + 1) & at.WORD
        return out

    def nothing_left(self) -> None:
        uring = self.uring
        assert uring.requests == uring.overflow == uring.buffers == 0 and not uring.pinned
        assert all(not rings.requests for rings in uring.tasks.values())


@pytest.fixture
def rings(box: Box) -> Rings:
    return Rings(box)


def opened(rings: Rings) -> tuple[int, EventFile]:
    file = EventFile(0, 0, False)
    return rings.t.fds.install(file), file


def test_closing_a_ring_ends_what_is_under_way(rings: Rings) -> None:
    account = rings.box.kernel.mounts.vfs.space
    before = account.used
    fd, ring = rings.make()
    assert account.used > before
    efd, file = opened(rings)
    rings.add(ring, abi.OP_READ, efd, addr=HEAP, length=8)
    rings.add(ring, abi.OP_POLL_ADD, efd, op_flags=1, length=1)
    time = rings.box.put(rings.t, (10).to_bytes(8, "little") + bytes(8))
    rings.add(ring, abi.OP_TIMEOUT, addr=time, length=1)
    assert rings.enter(fd, 3) == 3
    assert rings.uring.requests == 3 and file.refs == 3
    assert rings.box.call(rings.t, 3, fd) == 0
    assert file.refs == 1 and ring.closed and not len(file.queue)
    rings.box.advance(20 * NS)
    rings.nothing_left()
    assert account.used == before


def test_a_request_keeps_its_file_and_no_longer(rings: Rings) -> None:
    fd, ring = rings.make()
    efd, file = opened(rings)
    rings.add(ring, abi.OP_READ, efd, addr=HEAP, length=8, data=5)
    rings.enter(fd, 1)
    rings.t.fds.close(efd)
    assert file.refs == 1
    file.signal()
    rings.box.settle()
    assert rings.completions(ring) == [(5, 8, 0)] and file.refs == 0
    rings.nothing_left()


def test_there_are_only_so_many_requests(rings: Rings) -> None:
    rings.uring.max_requests = 20
    fd, ring = rings.make(16)
    efd, _ = opened(rings)
    for turn in (16, 4):
        for _ in range(16):
            rings.add(ring, abi.OP_POLL_ADD, efd, op_flags=1)
        assert rings.enter(fd, 16) == turn
        ring.memory.words[at.SQ_TAIL] = ring.sq_head
    rings.add(ring, abi.OP_POLL_ADD, efd, op_flags=1)
    assert rings.enter(fd, 1) == -errno.EAGAIN
    rings.box.call(rings.t, 3, fd)
    rings.nothing_left()


def test_completions_that_nobody_fetches_are_bounded(rings: Rings) -> None:
    rings.uring.max_overflow = 10
    fd, ring = rings.make(4)
    for _ in range(6):
        for _ in range(4):
            rings.add(ring, abi.OP_NOP)
        rings.enter(fd, 4)
    assert len(ring.overflow) == rings.uring.overflow == 10
    assert ring.memory.words[at.CQ_OVERFLOW] == 24 - 8 - 10 and ring.dropped
    rings.box.call(rings.t, 3, fd)
    rings.nothing_left()


def test_a_timeout_that_counts_completions_is_found_without_a_search(rings: Rings) -> None:
    fd, ring = rings.make(4)
    time = rings.box.put(rings.t, (10).to_bytes(8, "little") + bytes(8))
    for n in range(300):  # made and removed: none stays
        rings.add(ring, abi.OP_TIMEOUT, addr=time, length=1, off=5, data=n)
        rings.add(ring, abi.OP_TIMEOUT_REMOVE, addr=n)
        rings.enter(fd, 2)
        rings.completions(ring)
    assert not ring.timeouts and len(ring.timeout_heap) <= 100


def test_execve_ends_requests_but_an_exit_leaves_them(rings: Rings) -> None:
    fd, ring = rings.make()
    efd, file = opened(rings)
    child = rings.box.fork(rings.t)
    rings.t, parent = child, rings.t
    rings.add(ring, abi.OP_READ, efd, addr=HEAP, length=8, data=7)
    rings.enter(fd, 1)
    rings.box.call(child, 231, 0)
    assert rings.uring.requests == 1
    rings.t = parent
    file.signal()
    rings.box.settle()
    assert rings.completions(ring) == [(7, -errno.ECANCELED, 0)]
    rings.add(ring, abi.OP_READ, efd, addr=HEAP, length=8, data=8)
    file.count = 0
    rings.enter(fd, 1)
    rings.uring.leave(parent, True)
    assert rings.completions(ring) == [(8, -errno.ECANCELED, 0)]
    rings.nothing_left()


SCRIBBLES = st.tuples(
    st.integers(0, 11), st.sampled_from([0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF]) | st.integers(0, 0xFFFFFFFF)
)
OPCODES = st.sampled_from(sorted(OPERATIONS)) | st.integers(0, 255)
SMALL = st.integers(0, 40)
ENTRIES = st.tuples(
    OPCODES, st.integers(0, 255) | st.just(0), st.just(0) | st.integers(0, 3), st.sampled_from([3, 4, 5, 6, 7, -1, 99]),
    SMALL | st.integers(0, (1 << 64) - 1), st.integers(HEAP, HEAP + HEAP_SIZE) | SMALL, SMALL, SMALL, st.integers(0, 3),
    st.integers(0, 2), st.just(0) | st.integers(0, 2), st.just(0) | SMALL, st.just(0), st.just(0),
)  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("entry"), ENTRIES),
    st.tuples(st.just("bytes"), st.binary(min_size=64, max_size=64)),
    st.tuples(st.just("scribble"), SCRIBBLES),
    st.tuples(st.just("enter"), st.tuples(st.integers(0, 12), st.integers(0, 63))),
    st.tuples(st.just("time"), st.integers(0, 3)),
    st.tuples(st.just("register"), st.tuples(st.integers(0, 26), st.integers(0, 4))),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([0, abi.SETUP_SUBMIT_ALL, 0x3000 | abi.SETUP_SUBMIT_ALL, abi.SETUP_SQE128]),
    st.lists(STEPS, max_size=30),
)
def test_garbage_in_the_rings(flags: int, steps: list[tuple[str, Any]]) -> None:
    box = Box()
    rings = Rings(box)
    fd, ring = rings.make(8, flags)
    files = [opened(rings)[1] for _ in range(3)]
    box.put(rings.t, os.urandom(4096), HEAP + 0x8000)
    for kind, what in steps:
        if ring.closed:
            break
        memory = ring.memory
        place = memory.words[at.SQ_TAIL] & (ring.sq_entries - 1)
        where = memory.sqes_at + memory.sqe_size * place
        if kind in ("entry", "bytes"):
            memory.view[where : where + 64] = abi.SQE.pack(*what) if kind == "entry" else what
            memory.words[at.SQ_TAIL] = (memory.words[at.SQ_TAIL] + 1) & at.WORD
        elif kind == "scribble":
            memory.words[what[0]] = what[1]
        elif kind == "enter":
            thread = box.thread(rings.t)
            if thread.stopped:
                box.advance(10 * NS)
            if not thread.stopped:
                rings.enter(fd, what[0], 1, what[1] & ~2 & 0x1D)
                for file in files:
                    file.signal()
                box.settle()
        elif kind == "time":
            box.advance(what * NS)
        elif not box.thread(rings.t).stopped:
            box.call(rings.t, REGISTER, fd, what[0], HEAP + 0x8000, what[1])
        assert rings.uring.requests <= 1000
    box.init.group.begin_exit(9)
    box.settle()
    box.init.group.finish_exit()
    box.settle()
    assert ring.closed
    rings.nothing_left()
    assert all(not len(file.queue) for file in files)
    box.close()
