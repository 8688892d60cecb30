"""Descriptors that are kept for guests."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from sandbox import host_files
from sandbox.host_files import add_cache, keep, remove_cache


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of what the host allows."""
    monkeypatch.setattr(host_files, "_bound", 0)


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open("/dev/null", os.O_RDONLY)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (fd + fd // 3, 40_000))
    with pytest.raises(OSError) as caught:
        keep(fd)
    assert caught.value.errno == errno.EMFILE
    with pytest.raises(OSError):
        os.fstat(fd)


def test_what_the_host_allows_is_asked_again_when_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open("/dev/null", os.O_RDONLY)
    monkeypatch.setattr(host_files, "_bound", fd)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (40_000, 40_000))
    assert keep(fd) == fd
    os.close(fd)


def test_a_host_without_a_bound_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert keep(1) == 1


class Idle:
    """A cache of descriptors."""

    def __init__(self, count: int) -> None:
        self.fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]

    def idle_count(self) -> int:
        return len(self.fds)

    def give_up(self) -> None:
        os.close(self.fds.pop(0))


def test_idle_ones_make_room_before_anybody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Idle(2), Idle(8)
    most = large.fds[-1] + 1
    limit = next(n for n in range(most, 2 * most) if n - n // 4 == most)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    add_cache(small)
    add_cache(large)
    kept = []
    try:
        for _ in range(6):
            kept.append(keep(os.open("/dev/zero", os.O_RDONLY)))
        assert max(kept) < most and (small.idle_count(), large.idle_count()) == (2, 2)
        assert all(os.read(fd, 1) == b"\0" and not os.get_inheritable(fd) for fd in kept)
        for _ in range(4):
            kept.append(keep(os.open("/dev/zero", os.O_RDONLY)))
        with pytest.raises(OSError) as caught:
            keep(os.open("/dev/zero", os.O_RDONLY))
        assert caught.value.errno == errno.EMFILE and not small.fds and not large.fds
    finally:
        remove_cache(small)
        remove_cache(large)
        for fd in kept + small.fds + large.fds:
            os.close(fd)
