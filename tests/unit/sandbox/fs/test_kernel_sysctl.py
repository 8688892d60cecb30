"""Settings of /proc/sys that are one number: ranges, and what they change."""

from __future__ import annotations

import errno
import os

import pytest

from sandbox.errors import SyscallError
from sandbox.kernel.pipe_pages import PipePages
from tests.unit.sandbox.fs.test_procfs import system
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class
__all__ = ["system"]


def put(system: Guest, path: str, text: bytes) -> int:
    fd = system.ok("open", path, os.O_WRONLY | os.O_TRUNC)
    done = system.call("write", fd, text, len(text))
    system.ok("close", fd)
    assert isinstance(done, int)
    return done


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("fs/inotify/max_user_watches", b"0\n", b"-1\n"),
        ("fs/aio-max-nr", b"77", b"65537"),
        ("fs/file-max", b"262144", b"100"),
        ("fs/nr_open", b"64", b"63"),
        ("fs/pipe-user-pages-hard", b"1", b"-1"),
        ("fs/pipe-user-pages-soft", b"1", b"x"),
        ("fs/protected_fifos", b"2", b"3"),
        ("fs/protected_hardlinks", b"0", b"2"),
        ("fs/suid_dumpable", b"2", b"3"),
        ("kernel/pid_max", b"301", b"300"),
        ("kernel/threads-max", b"20", b"19"),
        ("net/core/rmem_default", b"2304", b"2303"),
        ("net/core/rmem_max", b"67108864", b"67108865"),
        ("net/core/wmem_default", b"4608", b"4607"),
        ("net/core/wmem_max", b"1000000", b"1"),
        ("net/unix/max_dgram_qlen", b"77", b"x"),
        ("vm/max_map_count", b"65530", b"65531"),
        ("vm/overcommit_kbytes", b"4", b"-1"),
        ("vm/overcommit_memory", b"2", b"3"),
        ("vm/overcommit_ratio", b"-5", b"x"),
    ],
)
def test_range(system: Guest, name: str, good: bytes, bad: bytes) -> None:
    path = f"/proc/sys/{name}"
    assert put(system, path, good) == len(good)
    assert put(system, path, bad) == -errno.EINVAL
    assert system.read_file(path).strip() == good.strip()


def test_pipe_size_is_rounded_up(system: Guest) -> None:
    assert put(system, "/proc/sys/fs/pipe-max-size", b"5000\n") == 5
    assert system.read_file("/proc/sys/fs/pipe-max-size") == b"8192\n"


def test_inotify_instances(system: Guest) -> None:
    assert put(system, "/proc/sys/fs/inotify/max_user_instances", b"1\n") == 2
    system.ok("inotify_init1", 0)
    assert system.call("inotify_init1", 0) == -errno.EMFILE


def test_full_queue_of_inotify(system: Guest) -> None:
    assert put(system, "/proc/sys/fs/inotify/max_queued_events", b"2\n") == 2
    fd = system.ok("inotify_init1", os.O_NONBLOCK)
    system.ok("inotify_add_watch", fd, "/tmp", 0x100)
    for name in "abcd":
        system.ok("close", system.ok("open", f"/tmp/{name}", os.O_CREAT | os.O_WRONLY, 0o600))
    _, events = system.out("read", 4096, 1, fd, 4096)
    assert [events[at + 4 : at + 8] for at in (0, 32, 64)] == [b"\0\1\0\0", b"\0\1\0\0", b"\0\x40\0\0"]


def test_next_process_number(system: Guest) -> None:
    assert put(system, "/proc/sys/kernel/ns_last_pid", b"700\n") == 4
    assert system.pids.allocate().number == 701


def test_no_more_pipes_than_pages() -> None:
    pages = PipePages()
    pages.hard = 20
    assert pages.take() == 16
    with pytest.raises(SyscallError, match="ENFILE"):
        pages.take()
    pages.hard, pages.soft = 0, 10
    assert pages.take() == 2


def test_ratio_and_size_take_turns(system: Guest) -> None:
    assert put(system, "/proc/sys/vm/overcommit_kbytes", b"4096") == 4
    assert system.read_file("/proc/sys/vm/overcommit_ratio") == b"0\n"
    assert put(system, "/proc/sys/vm/overcommit_ratio", b"80") == 2
    assert system.read_file("/proc/sys/vm/overcommit_kbytes") == b"0\n"


def test_core_pattern_is_cut(system: Guest) -> None:
    assert put(system, "/proc/sys/kernel/core_pattern", b"|" + b"x" * 200 + b"\n") == 202
    assert system.read_file("/proc/sys/kernel/core_pattern") == b"|" + b"x" * 126 + b"\n"
