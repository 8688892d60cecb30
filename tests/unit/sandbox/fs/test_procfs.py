"""proc, sysfs and dev over a kernel without a platform."""

from __future__ import annotations

import errno
import os
import re
from typing import Any

import pytest

from sandbox.fs.devfs.filesystem import DevFs
from sandbox.fs.overlay.root import make_point
from sandbox.fs.procfs.filesystem import ProcFs
from sandbox.fs.sysfs.filesystem import SysFs
from sandbox.kernel.net_namespace import NetNamespace
from sandbox.kernel.task import Task
from sandbox.vfs.net_attributes import NetAttributes
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


@pytest.fixture
def system(guest: Guest) -> Guest:
    """With /proc, /sys and /dev mounted; the guest is process 1."""
    kernel: Any = guest.kernel
    namespace = kernel.mounts
    vfs = namespace.vfs
    for fs, at in (
        (ProcFs(kernel, vfs.new_dev(), kernel.pids), b"/proc"),
        (SysFs(kernel, vfs.new_dev(), kernel.namespaces.net), b"/sys"),
        (DevFs(vfs, vfs.new_dev(), vfs.space), b"/dev"),
    ):
        namespace.mount(fs, make_point(namespace, at, True))
    task: Any = guest
    group: Any = guest.group
    group.leader, group.tasks, group.pid, group.exited = guest, {guest: None}, 1, False
    task.mm = None
    kernel.pids.tasks[1] = task
    kernel.pids.groups[1] = group
    group.cpu_ns = lambda: 0
    task.parked = 0
    task.comm = b"init"
    return guest


def test_self_is_the_reader(system: Guest) -> None:
    n, text = system.out("readlink", 64, 1, "/proc/self", 64)
    assert text[:n] == b"1"
    assert b"1" in system.listdir("/proc")
    assert system.stat("/proc/2") == -errno.ENOENT
    assert system.stat("/proc/01") == -errno.ENOENT
    assert system.read_file("/proc/self/comm") == b"init\n"
    assert system.listdir("/proc/self/task") == [b"1"]


def test_fd_links_lead_to_the_file_itself(system: Guest) -> None:
    system.write_file("/tmp/f", b"hello")
    fd = system.ok("open", "/tmp/f", os.O_RDONLY)
    system.ok("unlink", "/tmp/f")
    n, text = system.out("readlink", 64, 1, f"/proc/self/fd/{fd}", 64)
    assert text[:n] == b"/tmp/f (deleted)"
    assert system.read_file(f"/proc/self/fd/{fd}") == b"hello"
    assert system.read_file(f"/dev/fd/{fd}") == b"hello"
    assert system.stat("/proc/self/fd/99") == -errno.ENOENT
    info = system.read_file(f"/proc/self/fdinfo/{fd}")
    assert re.match(rb"pos:\t0\nflags:\t0100000\nmnt_id:\t\d+\nino:\t\d+\n", info)
    closed = system.ok("open", "/tmp", os.O_RDONLY)
    system.ok("close", closed)
    assert system.stat(f"/proc/self/fd/{closed}") == -errno.ENOENT


def test_a_process_that_is_gone_has_no_directory(system: Guest) -> None:
    kernel: Any = system.kernel
    assert not isinstance(system.stat("/proc/1/comm"), int)
    del kernel.pids.tasks[1], kernel.pids.groups[1]
    assert system.stat("/proc/1") == -errno.ENOENT
    assert system.stat("/proc/1/comm") == -errno.ENOENT


def test_mounts_are_escaped(system: Guest) -> None:
    system.ok("mkdir", "/tmp/a b", 0o755)
    system.ok("mount", "tmp fs", "/tmp/a b", "tmpfs", 0, 0)
    assert b"tmp\\040fs /tmp/a\\040b tmpfs rw" in system.read_file("/proc/self/mounts")
    lines = system.read_file("/proc/self/mountinfo").splitlines()
    assert all(re.match(rb"\d+ \d+ \d+:\d+ /\S* /\S* \S+ - \S+ \S+ \S+$", line) for line in lines)


def test_what_cannot_be_written(system: Guest) -> None:
    assert system.call("open", "/proc/x", os.O_CREAT | os.O_WRONLY, 0o600) == -errno.ENOENT
    assert system.call("open", "/sys/x", os.O_CREAT | os.O_WRONLY, 0o600) == -errno.EACCES
    assert system.call("mkdir", "/sys/x", 0o755) == -errno.EPERM
    assert system.call("unlink", "/proc/meminfo") == -errno.EPERM
    fd = system.ok("open", "/proc/sys/kernel/hostname", os.O_WRONLY | os.O_TRUNC)
    system.ok("write", fd, b"new\n", 4)
    assert system.ns.uts.hostname == b"new"
    assert system.call("write", fd, b"x" * 65, 65) == -errno.EINVAL


def test_a_setting_that_cannot_be_changed_takes_the_value_that_it_has(system: Guest) -> None:
    for name, value in (
        ("kernel/overflowuid", b"65534\n"),
        ("vm/dirty_ratio", b"20"),
    ):
        fd = system.ok("open", f"/proc/sys/{name}", os.O_WRONLY | os.O_TRUNC)
        system.ok("write", fd, value, len(value))
        assert system.call("write", fd, b"77\n", 3) == -errno.EINVAL
        assert system.read_file(f"/proc/sys/{name}").split() == value.split()


def test_the_machine_is_the_sandbox(system: Guest) -> None:
    assert system.read_file("/sys/devices/system/cpu/online") == b"0-1\n"
    assert system.read_file("/proc/cpuinfo").count(b"processor\t") == 2
    assert b"MemTotal:        1048576 kB" in system.read_file("/proc/meminfo")
    one, two = (system.read_file("/proc/sys/kernel/random/uuid") for _ in range(2))
    assert one != two and re.fullmatch(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n", one)
    boot = {system.read_file("/proc/sys/kernel/random/boot_id") for _ in range(2)}
    assert len(boot) == 1


def test_every_file_can_be_read(system: Guest) -> None:
    """Fixed files only: those of tasks need a whole task."""
    waiting = ["/proc/sys", "/proc/net", "/sys"]
    read = 0
    while waiting:
        directory = waiting.pop()
        for name in system.listdir(directory):
            path = f"{directory}/{name.decode()}"
            attributes = system.stat(path, follow=False)
            assert not isinstance(attributes, int)
            if attributes.mode & 0o170000 == 0o040000:
                waiting.append(path)
            else:
                system.read_file(path)
                read += 1
    assert read > 100


class OneInterface(NetAttributes):
    def interfaces(self, net: NetNamespace) -> dict[str, int]:
        return {"eth0": 2}

    def attributes(self, net: NetNamespace, number: int) -> dict[str, int]:
        return {"mtu": 0o644}

    def statistics(self) -> tuple[str, ...]:
        return ("rx_bytes",)

    def show(self, net: NetNamespace, number: int, name: str) -> str:
        return "1500\n"

    def count(self, net: NetNamespace, number: int, name: str) -> int:
        return 77

    def store(self, t: Task, net: NetNamespace, number: int, name: str, value: bytes) -> None:
        raise NotImplementedError

    def relatives(self, net: NetNamespace, number: int) -> dict[str, str]:
        return {}


def test_network_tables_come_from_the_socket_layer(system: Guest) -> None:
    assert system.read_file("/proc/net/dev").count(b"\n") == 2
    vfs = system.kernel.mounts.vfs
    vfs.proc_net = lambda _, table: b"table %s\n" % table.encode() if table == "dev" else None
    vfs.sys_class_net = OneInterface
    assert system.read_file("/proc/net/dev") == b"table dev\n"
    assert system.read_file("/sys/class/net/eth0/mtu") == b"1500\n"
    assert system.read_file("/sys/class/net/eth0/statistics/rx_bytes") == b"77\n"
    assert system.stat("/sys/class/net/eth1") == -errno.ENOENT
    assert system.listdir("/sys/class/net") == system.listdir("/sys/devices/virtual/net") == [b"eth0"]


def test_memory_devices(system: Guest) -> None:
    for name, expected in (("null", b""), ("zero", bytes(10)), ("full", bytes(10))):
        fd = system.ok("open", f"/dev/{name}", os.O_RDWR)
        n, raw = system.out("read", 10, 1, fd, 10)
        assert raw[:n] == expected
        assert system.call("write", fd, b"x", 1) == (-errno.ENOSPC if name == "full" else 1)
    fd = system.ok("open", "/dev/urandom", os.O_RDONLY)
    assert system.out("read", 16, 1, fd, 16)[1] != system.out("read", 16, 1, fd, 16)[1]
    system.ok("mknod", "/tmp/odd", 0o020666, 0x7FFF)
    assert system.call("open", "/tmp/odd", os.O_RDONLY) == -errno.ENXIO


def test_names_of_a_process_go_when_it_is_reaped(system: Guest) -> None:
    vfs = system.kernel.mounts.vfs
    proc = next(mount.fs for mount in system.kernel.mounts.mounts() if mount.fs.name == "proc")
    assert system.read_file("/proc/1/task/1/comm") == b"init\n"
    known, place = proc.root.tasks, vfs.root_of(proc)  # type: ignore[attr-defined]
    before = vfs.dentries.count
    assert 1 in known and b"1" in place.children
    (forget,) = system.kernel.pids.views.values()
    forget(1, 1)  # the thread: its names below those of the process
    assert b"1" not in place.children[b"1"].children[b"task"].children
    system.group.reaped = True  # type: ignore[attr-defined]
    forget(1, 0)
    assert not known and b"1" not in place.children and vfs.dentries.count == before - 4


def test_kinds_of_file_systems_by_index(system: Guest) -> None:
    index = system.ok("sysfs", 1, "proc", 0)
    assert system.ok("sysfs", 3, 0, 0) > index
    result, text = system.out("sysfs", 64, 2, 2, index)
    assert result == 0 and text.split(b"\0")[0] == b"proc"
    assert b"nodev\tproc\n" in system.read_file("/proc/filesystems")
    assert system.call("sysfs", 1, "nosuch", 0) == system.call("sysfs", 2, 1000, 8) == -errno.EINVAL
    assert system.call("sysfs", 0, 0, 0) == system.call("sysfs", 4, 0, 0) == -errno.EINVAL
    assert system.call("ustat", 0xFFFFFFFF, 8) == -errno.EINVAL
