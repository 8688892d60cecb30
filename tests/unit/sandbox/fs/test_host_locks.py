"""What several guests hold of a file of a volume is held on the host for all of them together."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.abi.linux.fcntl import F_OFD_GETLK, F_OFD_SETLK, F_RDLCK, F_UNLCK, F_WRLCK
from sandbox.errors import SyscallError
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.held import HOLD_NS
from sandbox.fs.hostfs.host_locks import HostLocks
from sandbox.fs.hostfs.inode import HostInode
from sandbox.vfs.locks import LOCK_EX, LOCK_SH, LOCK_UN, OFFSET_MAX, InodeLocks, RecordLock, held_over
from tcpip.clock import ManualClock

SIZE = 24
FLOCK = struct.Struct("<hh4xqqi4x")


class Shared:
    """A file that guests and somebody else have open."""

    def __init__(self, directory: Path) -> None:
        (directory / "f").write_bytes(bytes(SIZE))
        self.donated = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.fs = HostFs(ManualClock(), 1, self.donated, live=True, readonly=False)
        inode = self.fs.top.lookup(b"f")
        assert isinstance(inode, HostInode)
        self.inode = inode
        inode.opens += 1
        self.locks = InodeLocks()
        outside = inode.outside_locks()
        assert outside is not None
        self.outside: HostLocks = outside
        self.other = os.open(directory / "f", os.O_RDWR)

    def close(self) -> None:
        os.close(self.other)
        self.inode.opens -= 1
        self.inode.close_fds()
        self.fs.unmounted()
        os.close(self.donated)

    def seen(self, at: int) -> int:
        """Which lock the other one meets at a byte."""
        kinds = []
        for kind in (F_WRLCK, F_RDLCK):
            raw = fcntl.fcntl(self.other, F_OFD_GETLK, FLOCK.pack(kind, 0, at, 1, 0))
            kinds.append(FLOCK.unpack(raw)[0])
        return F_UNLCK if kinds[0] == F_UNLCK else F_RDLCK if kinds[1] == F_UNLCK else F_WRLCK

    def ask(self, owner: object, kind: int, start: int, end: int) -> bool:
        """As fcntl(2) does it."""
        wanted = RecordLock(owner, kind, start, end, None)
        if kind != F_UNLCK:
            if self.locks.conflict(wanted) is not None or not self.outside.take(self.locks, wanted):
                return False
        self.locks.set(wanted)
        if kind == F_UNLCK:
            self.outside.changed(self.locks, start, end)
        return True


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    made = Shared(tmp_path)
    yield made
    made.close()


place = st.integers(0, SIZE - 1)
command = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 2), st.sampled_from([F_RDLCK, F_WRLCK, F_UNLCK]), place, place),
    st.tuples(st.just("drop"), st.integers(0, 2)),
    st.tuples(st.just("write")),
)


@given(st.lists(command, max_size=25))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_host_holds_what_guests_hold(tmp_path: Path, commands: list[tuple[object, ...]]) -> None:
    shared = Shared(tmp_path)
    shared.inode.reader()
    owners = [object() for _ in range(3)]
    try:
        for name, *args in commands:
            match name, *args:
                case "ask", int(owner), int(kind), int(one), int(other):
                    if kind == F_WRLCK:
                        shared.inode.writer()  # no guest asks for it that could not write
                    shared.ask(owners[owner], kind, min(one, other), max(one, other))
                case "drop", int(owner):
                    shared.locks.drop_owner(owners[owner], shared.outside)
                case _:
                    shared.inode.writer()
            kinds = [F_UNLCK] * SIZE
            for kind, first, last in held_over(shared.locks, 0, OFFSET_MAX):
                kinds[first : last + 1] = [kind] * (last + 1 - first)
            assert [shared.seen(at) for at in range(SIZE)] == kinds
    finally:
        shared.close()


def test_who_is_in_the_way(shared: Shared) -> None:
    shared.inode.writer()
    fcntl.fcntl(shared.other, F_OFD_SETLK, FLOCK.pack(F_WRLCK, 0, 4, 4, 0))
    mine = object()
    assert not shared.ask(mine, F_RDLCK, 0, 10) and not shared.locks.held
    assert shared.ask(mine, F_WRLCK, 8, OFFSET_MAX)
    wanted = RecordLock(mine, F_RDLCK, 0, OFFSET_MAX, None)
    assert shared.outside.blocker(wanted) == (F_WRLCK, 4, 7, -1)
    fcntl.fcntl(shared.other, F_OFD_SETLK, FLOCK.pack(F_UNLCK, 0, 0, 0, 0))
    fcntl.lockf(shared.other, fcntl.LOCK_EX, 2, 1)  # a process's
    assert shared.outside.blocker(wanted) == (F_WRLCK, 1, 2, 0)
    assert shared.outside.blocker(RecordLock(mine, F_RDLCK, 5, 6, None)) is None


@pytest.mark.parametrize("held", [(LOCK_SH,), (LOCK_SH, LOCK_SH), (LOCK_EX,)])
def test_flocks_of_all_guests_are_one_of_the_host(shared: Shared, held: tuple[int, ...]) -> None:
    shared.inode.reader()
    owners = [object() for _ in held]

    def other_may(kind: int) -> bool:
        try:
            fcntl.flock(shared.other, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(shared.other, fcntl.LOCK_UN)
        return True

    for owner, kind in zip(owners, held, strict=True):
        assert shared.locks.flock(owner, kind) and shared.outside.flock(shared.locks)
    for owner in owners:
        assert not other_may(fcntl.LOCK_EX) and other_may(fcntl.LOCK_SH) == (held[0] == LOCK_SH)
        shared.locks.drop_owner(owner, shared.outside)
    assert other_may(fcntl.LOCK_EX)
    fcntl.flock(shared.other, fcntl.LOCK_SH)
    assert shared.locks.flock(owners[0], LOCK_EX) and not shared.outside.flock(shared.locks)
    shared.locks.take_back(owners[0])
    assert shared.locks.flock(owners[0], LOCK_SH) and shared.outside.flock(shared.locks)
    assert shared.locks.flock(owners[0], LOCK_UN) and shared.outside.flock(shared.locks)


def other_descriptors(shared: Shared, path: Path) -> list[int]:
    """The inode gives its descriptors back, and others have their numbers."""
    shared.inode.close_fds()
    before = os.open(path, os.O_RDWR)
    return [before, *(os.open(path, os.O_RDWR) for _ in range(3))]


def test_what_was_refused_leaves_no_descriptor_behind(shared: Shared, tmp_path: Path) -> None:
    (tmp_path / "another").write_bytes(bytes(SIZE))
    watcher = os.open(tmp_path / "another", os.O_RDWR)
    mine = object()
    shared.inode.writer()
    fcntl.fcntl(shared.other, F_OFD_SETLK, FLOCK.pack(F_WRLCK, 0, 0, 1, 0))
    fcntl.flock(shared.other, fcntl.LOCK_EX)
    assert not shared.ask(mine, F_WRLCK, 0, 3)
    assert shared.locks.flock(mine, LOCK_EX) and not shared.outside.flock(shared.locks)
    shared.locks.take_back(mine)
    shared.locks.drop_owner(mine, shared.outside)
    fcntl.fcntl(shared.other, F_OFD_SETLK, FLOCK.pack(F_UNLCK, 0, 0, 0, 0))
    fcntl.flock(shared.other, fcntl.LOCK_UN)

    reused = other_descriptors(shared, tmp_path / "another")
    fcntl.fcntl(reused[0], F_OFD_SETLK, FLOCK.pack(F_WRLCK, 0, 20, 1, 0))
    try:
        shared.inode.writer()
        assert shared.ask(mine, F_WRLCK, 4, 5) and shared.seen(4) == F_WRLCK
        assert shared.locks.flock(mine, LOCK_EX) and shared.outside.flock(shared.locks)
        with pytest.raises(BlockingIOError):
            fcntl.flock(shared.other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(watcher, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raw = fcntl.fcntl(watcher, F_OFD_GETLK, FLOCK.pack(F_WRLCK, 0, 20, 1, 0))
        assert FLOCK.unpack(raw)[0] == F_WRLCK
    finally:
        for fd in (*reused, watcher):
            os.close(fd)


@pytest.mark.interpreted  # a stand-in for what is built in
def test_nobody_comes_between_when_they_get_another_descriptor(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.inode.reader()
    assert shared.ask(object(), F_RDLCK, 0, 9)
    asked = fcntl.fcntl

    def tries_first(fd: int, command: int, arg: bytes) -> bytes:
        done = asked(fd, command, arg)
        assert command != F_OFD_SETLK or FLOCK.unpack(asked(shared.other, F_OFD_GETLK, attempt))[0] == F_RDLCK
        return done

    attempt = FLOCK.pack(F_WRLCK, 0, 2, 1, 0)
    shared.inode.writer()
    monkeypatch.setattr(fcntl, "fcntl", tries_first)
    assert shared.ask(object(), F_WRLCK, 12, 12)
    assert shared.outside.record_fd == shared.inode.wfd


def test_they_are_held_again_where_the_sandbox_goes_on(shared: Shared, tmp_path: Path) -> None:
    shared.inode.writer()
    shared.inode.writers += 1
    owner = object()
    assert shared.ask(owner, F_WRLCK, 3, 5) and shared.locks.flock(owner, LOCK_EX)
    shared.outside.changed(InodeLocks(), 0, OFFSET_MAX)
    shared.inode.close_fds()
    assert shared.seen(3) == F_UNLCK
    HostLocks(shared.inode).resume(shared.locks)
    assert [shared.seen(at) for at in (2, 3, 5, 6)] == [F_UNLCK, F_WRLCK, F_WRLCK, F_UNLCK]
    with pytest.raises(BlockingIOError):
        fcntl.flock(shared.other, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.interpreted  # a stand-in for what is built in
def test_the_host_has_no_more_locks(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.inode.writer()

    def full(fd: int, command: int, arg: bytes) -> bytes:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "fcntl", full)
    with pytest.raises(SyscallError) as failure:
        shared.ask(object(), F_WRLCK, 0, 1)
    assert failure.value.errno == 37 and not shared.locks.held


def test_what_guests_alone_have_is_not_locked(tmp_path: Path) -> None:
    for live, hold in ((False, 0), (True, HOLD_NS["exclusive"])):
        donated = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        fs = HostFs(ManualClock(), 1, donated, live=live, readonly=False, hold_ns=hold)
        assert fs.top.outside_locks() is None
        fs.unmounted()
        os.close(donated)
