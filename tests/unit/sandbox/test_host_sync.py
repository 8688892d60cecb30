"""What is brought to disk in the background, on real files."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Iterator

import pytest

from sandbox import host_sync
from sandbox.errors import SyscallError
from sandbox.host_sync import MOST, HostSyncs, sync_now
from sandbox.reactor import Reactor
from tcpip.clock import MonotonicClock

LIMIT_S = 30.0


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor(MonotonicClock())
    yield reactor
    reactor.close()


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def turn_until(reactor: Reactor, count: int, results: list[int]) -> None:
    end = time.monotonic() + LIMIT_S
    while len(results) < count:
        assert time.monotonic() < end
        reactor.call_at(reactor.clock.now_ns() + 10_000_000, lambda: None)  # no longer asleep than that
        reactor._turn()


def test_who_asked_hears_of_it_from_the_event_loop(reactor: Reactor, fd: int) -> None:
    syncs, results = HostSyncs(reactor), list[int]()
    for data in (False, True):
        os.write(fd, b"text")
        assert syncs.begin(fd, data, results.append)
    assert results == [] and syncs.busy()
    turn_until(reactor, 2, results)
    assert results == [0, 0] and not syncs.busy()


def test_a_descriptor_that_is_closed_meanwhile_is_synchronised(reactor: Reactor, tmp_path: Path) -> None:
    syncs, results = HostSyncs(reactor), list[int]()
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(1 << 20))
    assert syncs.begin(fd, False, results.append)
    os.close(fd)
    turn_until(reactor, 1, results)
    assert results == [0]


def test_what_the_host_does_not_take_is_not_begun(reactor: Reactor, tmp_path: Path) -> None:
    syncs, results = HostSyncs(reactor), list[int]()
    read_end, write_end = os.pipe()
    directory = os.open(tmp_path, os.O_PATH)
    for fd in (read_end, directory, 1 << 20):
        assert not syncs.begin(fd, False, results.append)
    assert not syncs.busy()
    with pytest.raises(SyscallError) as info:
        sync_now(read_end, False)
    assert info.value.errno == errno.EINVAL
    sync_now(directory, True)  # has nothing of its own
    for fd in (read_end, write_end, directory):
        os.close(fd)


def test_many_are_begun_or_refused_and_none_is_lost(reactor: Reactor, fd: int) -> None:
    syncs, results = HostSyncs(reactor), list[int]()
    begun = 0
    for number in range(4 * MOST):
        os.pwrite(fd, b"text", 4096 * number)
        begun += syncs.begin(fd, False, results.append)
    assert begun >= MOST
    turn_until(reactor, begun, results)
    assert results == [0] * begun and not syncs.busy()


@pytest.mark.interpreted  # a constant is replaced
def test_a_host_without_it_is_asked_once(reactor: Reactor, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_sync, "_SYS_IO_SETUP", 999)
    syncs = HostSyncs(reactor)
    assert not syncs.begin(fd, False, [].append)
    monkeypatch.undo()
    assert not syncs.begin(fd, False, [].append)
