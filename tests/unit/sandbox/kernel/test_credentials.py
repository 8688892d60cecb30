"""set*id rules, capabilities across them and across execve."""

from __future__ import annotations

import pytest

from sandbox.abi.linux.capability import (
    ALL_CAPS,
    CAP_CHOWN,
    CAP_KILL,
    CAP_SETUID,
    SECBIT_KEEP_CAPS,
    SECBIT_NO_SETUID_FIXUP,
    SECBIT_NOROOT,
)
from sandbox.errors import SyscallError
from sandbox.kernel.credentials import FS_CAPS, NO_ID, Credentials


def ids(c: Credentials) -> tuple[int, int, int, int]:
    return c.uid, c.euid, c.suid, c.fsuid


def test_root_drops_everything_with_setuid() -> None:
    new = Credentials().with_uid(5)
    assert ids(new) == (5, 5, 5, 5)
    assert new.permitted == new.effective == 0
    with pytest.raises(SyscallError):
        new.with_uid(0)


def test_keep_caps_keeps_the_permitted_set() -> None:
    old = Credentials()
    old.securebits = SECBIT_KEEP_CAPS
    new = old.with_resuid(5, 5, 5)
    assert new.permitted == ALL_CAPS and new.effective == 0


def test_no_fixup_leaves_capabilities_alone() -> None:
    old = Credentials()
    old.securebits = SECBIT_NO_SETUID_FIXUP
    assert old.with_uid(5).effective == ALL_CAPS


def test_effective_id_switches_effective_capabilities() -> None:
    low = Credentials().with_resuid(NO_ID, 5, NO_ID)
    assert ids(low) == (0, 5, 0, 5) and low.effective == 0 and low.permitted == ALL_CAPS
    high = low.with_resuid(NO_ID, 0, NO_ID)
    assert high.effective == ALL_CAPS


def test_setreuid_and_the_saved_id() -> None:
    user = Credentials(5)
    user.suid = 7
    assert ids(user.with_reuid(NO_ID, 7)) == (5, 7, 7, 7)
    assert ids(user.with_reuid(5, NO_ID)) == (5, 5, 5, 5)
    with pytest.raises(SyscallError):
        user.with_reuid(7, NO_ID)
    with pytest.raises(SyscallError):
        user.with_resuid(8, NO_ID, NO_ID)


def test_fsuid_moves_file_capabilities() -> None:
    root = Credentials()
    other = root.with_fsuid(5)
    assert other.fsuid == 5 and other.effective == ALL_CAPS & ~FS_CAPS and not other.has(CAP_CHOWN)
    assert other.with_fsuid(0).effective == ALL_CAPS
    user = Credentials(5)
    assert user.with_fsuid(0) is user


def test_groups() -> None:
    user = Credentials(5, 6, (8, 9))
    assert user.in_group(6) and user.in_group(9) and not user.in_group(5)
    assert user.with_gid(6).gid == 6
    with pytest.raises(SyscallError):
        user.with_gid(8)
    with pytest.raises(SyscallError):
        user.with_resgid(NO_ID, 8, NO_ID)
    assert user.with_fsgid(8) is user


def test_exec_of_set_user_id_root() -> None:
    new = Credentials(5).after_exec(0, None)
    assert ids(new) == (5, 0, 0, 0) and new.effective == new.permitted == ALL_CAPS
    bounded = Credentials(5)
    bounded.bounding = 1 << CAP_KILL
    assert bounded.after_exec(0, None).effective == 1 << CAP_KILL


def test_exec_of_set_user_id_other() -> None:
    new = Credentials(5, 6).after_exec(7, 8)
    assert ids(new) == (5, 7, 7, 7) and (new.gid, new.egid, new.sgid, new.fsgid) == (6, 8, 8, 8)
    assert new.permitted == 0


def test_exec_without_root_magic() -> None:
    root = Credentials()
    root.securebits = SECBIT_NOROOT
    assert root.after_exec(None, None).permitted == 0
    assert Credentials().after_exec(None, None).effective == ALL_CAPS


def test_exec_with_no_new_privs() -> None:
    """Root regains nothing, and no other ids are kept."""
    root = Credentials(0, 0, (), 1 << CAP_KILL)
    assert root.after_exec(None, None, True).permitted == 1 << CAP_KILL
    mixed = Credentials(5, 6)
    mixed.euid, mixed.egid = 0, 8
    new = mixed.after_exec(None, None, True)
    assert ids(new) == (5, 5, 5, 5) and (new.egid, new.sgid, new.fsgid) == (6, 6, 6)


def test_exec_of_set_user_id_root_under_a_tracer() -> None:
    """No rights that the tracer might take, unless the caller could have changed its ids by itself."""
    new = Credentials(5).after_exec(0, None, False, True)
    assert ids(new) == (5, 5, 5, 5) and new.permitted == 0
    new = Credentials(5, 5, (), 1 << CAP_SETUID).after_exec(0, None, False, True)
    assert ids(new) == (5, 0, 0, 0) and new.effective == new.permitted == 1 << CAP_SETUID


def test_ambient_capabilities_survive_a_plain_exec_only() -> None:
    user = Credentials(5, 5, (), 1 << CAP_KILL)
    user.inheritable = user.ambient = 1 << CAP_KILL
    assert user.after_exec(None, None).effective == 1 << CAP_KILL
    assert user.after_exec(7, None).effective == 0


def test_a_copy_is_a_copy() -> None:
    old = Credentials()
    new = old.copy()
    new.uid = 9
    assert old.uid == 0 and new.groups is old.groups
