"""What the host must offer, and the one line when it does not."""

from __future__ import annotations

import pytest

from sandbox.boot.host_checks import HostLacks, check_host, check_limits, is_mount_root, parse_release


def nothing(path: str) -> str:
    return ""


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.1.0-18-amd64", (6, 1)), ("5.19", (5, 19)), ("6", (6, 0)), ("5.4.0-rc1+", (5, 4)), ("6.8-x", (6, 8))],
)
def test_releases(release: str, version: tuple[int, int]) -> None:
    assert parse_release(release) == version


def test_a_kernel_that_is_too_old_gets_one_line() -> None:
    with pytest.raises(HostLacks) as raised:
        check_host("Linux", "5.15.0-91-generic", "x86_64", nothing)
    assert str(raised.value) == "Linux 5.19 or later is needed, this is 5.15.0-91-generic"


def test_other_systems_and_machines() -> None:
    with pytest.raises(HostLacks, match="Linux is needed, this is Darwin"):
        check_host("Darwin", "23.1", "x86_64", nothing)
    with pytest.raises(HostLacks, match="x86-64 machine is needed, this is aarch64"):
        check_host("Linux", "6.8", "aarch64", nothing)


def test_yama_that_forbids_all() -> None:
    files = {"/proc/sys/kernel/yama/ptrace_scope": "3\n"}
    with pytest.raises(HostLacks, match="ptrace_scope is 3"):
        check_host("Linux", "6.8", "x86_64", lambda path: files.get(path, ""))


def test_a_good_host_passes() -> None:
    files = {"/proc/sys/kernel/seccomp/actions_avail": "kill_process user_notif trap allow"}
    assert check_host("Linux", "6.8.0", "x86_64", lambda path: files.get(path, "")) == "lane"
    assert check_host("Linux", "6.8.0", "x86_64", lambda path: files.get(path, ""), "ptrace") == "ptrace"


def test_a_host_without_notification_traps_by_ptrace() -> None:
    files = {"/proc/sys/kernel/seccomp/actions_avail": "kill_process trap allow"}
    assert check_host("Linux", "6.8.0", "x86_64", lambda path: files.get(path, "")) == "ptrace"
    with pytest.raises(HostLacks, match="no seccomp user notification"):
        check_host("Linux", "6.8", "x86_64", lambda path: files.get(path, ""), "lane")


def test_limits_that_are_too_low() -> None:
    with pytest.raises(HostLacks, match="128 open files are needed, the limit is 64"):
        check_limits(64, -1)
    with pytest.raises(HostLacks, match="files of 1048576 bytes are needed, the limit is 4096"):
        check_limits(-1, 4096)
    check_limits(-1, -1)
    check_limits(1024, 1 << 20)


def test_a_chroot_is_told_by_its_mounts() -> None:
    root = "29 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"
    inside = "60 29 0:22 / /proc rw,relatime - proc proc rw"
    assert is_mount_root(f"{root}\n{inside}")
    assert not is_mount_root(inside)
    assert is_mount_root("")  # no /proc: nothing is known
