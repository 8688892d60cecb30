"""Landlock: bounds, what it costs, and that it is given back."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from sandbox.vfs import landlock

from .guest import Guest, make_kernel

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

READ = landlock.READ_FILE


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"x")
    (tmp_path / "g").write_bytes(b"y")
    return Guest(make_kernel(str(tmp_path)))


def ruleset(guest: Guest, handled: int, **paths: int) -> int:
    fd = guest.ok("landlock_create_ruleset", struct.pack("<Q", handled), 8, 0)
    for name, rights in paths.items():
        guest.ok("landlock_add_rule", fd, 1, rule(guest, f"/{name}", rights), 0)
    return fd


def rule(guest: Guest, path: str, rights: int) -> bytes:
    return struct.pack("<Qi", rights, guest.ok("open", path, os.O_PATH))


def test_a_rule_is_for_the_file_however_it_is_reached(guest: Guest) -> None:
    guest.ok("landlock_restrict_self", ruleset(guest, READ, a=READ), 0)
    guest.ok("open", "/a/f", os.O_RDONLY)
    assert guest.call("open", "/g", os.O_RDONLY) == -errno.EACCES
    assert guest.call("open", "/a/../g", os.O_RDONLY) == -errno.EACCES
    assert guest.call("mount", "/a", "/a", 0, 4096, 0) == -errno.EPERM


def test_what_is_mounted_over_a_rule_is_under_the_rules_above(guest: Guest) -> None:
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    guest.write_file("/a/new", b"z")
    guest.ok("landlock_restrict_self", ruleset(guest, READ, a=READ), 0)
    guest.ok("open", "/a/new", os.O_RDONLY)


def test_layers_and_rules_are_bounded(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = ruleset(guest, READ)
    for _ in range(landlock.MAX_LAYERS):
        guest.ok("landlock_restrict_self", fd, 0)
    assert guest.call("landlock_restrict_self", fd, 0) == -errno.E2BIG
    monkeypatch.setattr(landlock, "MAX_RULES", 1)
    fd = ruleset(guest, READ, a=READ)
    assert guest.call("landlock_add_rule", fd, 1, rule(guest, "/g", READ), 0) == -errno.E2BIG
    guest.ok("landlock_add_rule", fd, 1, rule(guest, "/a", READ), 0)


def test_memory_is_given_back(guest: Guest) -> None:
    space = guest.kernel.mounts.vfs.space
    before = space.overhead
    fd = ruleset(guest, READ, a=READ, g=READ)
    assert space.overhead == before + 2 * landlock.RULE_COST
    guest.ok("landlock_restrict_self", fd, 0)
    guest.ok("landlock_restrict_self", fd, 0)
    guest.ok("close", fd)
    assert space.overhead == before + 6 * landlock.RULE_COST
    domain = guest.creds.landlock
    assert domain is not None and domain.users == 1
    domain.release()
    assert space.overhead == before
