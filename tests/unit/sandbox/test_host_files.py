"""Descriptors that are kept for guests."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from sandbox.host_files import keep


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (40_000, 40_000))
    fd = os.open("/dev/null", os.O_RDONLY)
    assert keep(fd) == fd
    monkeypatch.setattr(resource, "getrlimit", lambda which: (fd + fd // 3, 40_000))
    with pytest.raises(OSError) as caught:
        keep(fd)
    assert caught.value.errno == errno.EMFILE
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_host_without_a_bound_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert keep(1) == 1
