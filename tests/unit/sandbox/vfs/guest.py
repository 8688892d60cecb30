"""A task without a platform: enough of the kernel for the file system calls, called through their handlers."""

from __future__ import annotations

import errno
import itertools
import os
import struct
from types import SimpleNamespace
from typing import Any

from sandbox.errors import SyscallError
from sandbox.fs.overlay.root import build_root, mount_tmpfs
from sandbox.gateway.network import Network
from sandbox.io_uring.tasks import UringTasks
from sandbox.kernel.aio import AioTotal
from sandbox.kernel.cgroup.cgroup import Cgroup, Hierarchy
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.fd_table import FDTable
from sandbox.kernel.fs_context import FSContext
from sandbox.kernel.io_count import IoCount
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.log import KernelLog
from sandbox.kernel.namespaces import CgroupNamespace, Namespaces, UtsNamespace
from sandbox.kernel.net_namespace import NetNamespace
from sandbox.kernel.pid_namespace import Pid, PidNamespace
from sandbox.kernel.pipe_pages import PipePages
from sandbox.kernel.rlimits import ResourceLimits
from sandbox.kernel.settings import Settings
from sandbox.kernel.signal_queue import SignalHandlers
from sandbox.kernel.time_namespace import TimeNamespace
from sandbox.mm.commit import CommitAccount
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux import (
    sys_attr,
    sys_copy_range,
    sys_dir,
    sys_fd,
    sys_flock,
    sys_fs_kinds,
    sys_inotify,
    sys_landlock,
    sys_link,
    sys_memfd,
    sys_mount,
    sys_mount_api,
    sys_namespace,
    sys_open,
    sys_read_write,
    sys_stat,
    sys_statfs,
    sys_sync,
    sys_truncate,
    sys_xattr,
)
from tcpip.clock import Clock, MonotonicClock
from tcpip.stack.stack import Stack

_MODULES = (
    sys_attr, sys_copy_range, sys_dir, sys_fd, sys_flock, sys_inotify, sys_landlock, sys_link, sys_memfd, sys_mount, sys_mount_api, sys_namespace, sys_open,
    sys_fs_kinds, sys_read_write, sys_stat, sys_statfs, sys_sync, sys_truncate, sys_xattr,
)  # fmt: skip
HANDLERS = {row.name: row.handler for module in _MODULES for row in module.ROWS}


def _ignore(*rest: object) -> None:
    pass


class FakeKernel:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.mounts: Any = None
        self.log = KernelLog()
        self.scratch = memoryview(bytearray(1 << 20))
        self.pids = PidNamespace()
        self.cpus = 2
        self.memory_bytes = 1 << 30
        self.commit = CommitAccount(1 << 30)
        self.spaces: dict[Any, Any] = {}
        self.forks = 0
        self.random = os.urandom
        self.pipe_pages = PipePages()
        self.ipc = IpcNamespace(clock)
        self.aio = AioTotal()
        self.uring = UringTasks()
        self.settings = Settings()
        kernel: Any = self
        self.cgroups = Hierarchy()
        uts, cgroup = UtsNamespace(1, b"box", b"(none)"), CgroupNamespace(2, self.cgroups.root)
        self.namespaces = Namespaces(
            kernel, uts, self.ipc, cgroup, None, NetNamespace(kernel, 3), TimeNamespace(4)
        ).acquire()
        nothing = SimpleNamespace(
            call_soon=_ignore, call_later=_ignore, add_timers=_ignore, remove_timers=_ignore
        )  # nobody runs its networks
        self.reactor: Any = nothing
        self.net = Network(Stack(clock), "none")
        self.nsfs: Any = None
        self.secretmem: Any = None
        self.namespace_count = 0
        self.new_namespace_number = itertools.count(100).__next__
        self.pids = PidNamespace()
        self.host_fds: list[int] = []
        self.syncs = SimpleNamespace(begin=lambda *rest: False)  # a host that has no asynchronous I/O

    def close(self) -> None:
        """Give the host's descriptors back."""
        for mount in self.mounts.mounts():
            mount.fs.unmounted()
            while mount.fs.gives_back():
                pass
        for fd in self.host_fds:
            os.close(fd)

    def space_users(self, space: Any) -> int:
        return 1

    def uptime_ns(self) -> int:
        return 10**10


class FakeThread:
    """Guest memory as calls that copy without a handler's help see it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def in_window(self, address: int, size: int) -> None:
        """Nothing can be looked at in place."""

    def out_window(self, address: int, size: int) -> None:
        """Nor put there."""

    def read_into(self, address: int, dst: memoryview) -> None:
        self.guest.copy_in_into(address, dst)

    def write(self, address: int, data: bytes | memoryview) -> None:
        self.guest.copy_out(address, data)

    def unlearn(self) -> None:
        """It has learnt nothing."""


class FakeGroup:
    def __init__(self, ids: Pid, cgroup: Cgroup) -> None:
        self.cgroup = cgroup
        self.rlimits = ResourceLimits()
        self.tasks: dict[Any, None] = {}
        self.sighand = SignalHandlers()
        self.ids = ids
        self.view = FakeView()


class FakeView:
    number = 0


class Guest:
    """Guest memory is a dictionary of byte strings: an argument that is bytes becomes an address."""

    def __init__(self, kernel: FakeKernel, creds: Credentials | None = None) -> None:
        self.kernel = kernel
        self.creds = creds or Credentials()
        root = kernel.mounts.root_path()
        self.fs = FSContext(root, root, 0o022)
        self.fds = FDTable()
        self.ns = kernel.namespaces.acquire()
        self.mm: Any = object()
        self.sem_undo: Any = None
        self.no_new_privs = True
        self.io = IoCount()
        self.space: Any = None
        self.thread = FakeThread(self)
        self.pids = kernel.pids
        self.ids = Pid(self.pids, 1)
        self.group = FakeGroup(self.ids, kernel.cgroups.root)
        self.pid = self.tid = 1
        self.memory: dict[int, bytearray] = {}
        self.signals: list[int] = []
        self._next = 0x10000

    # --- what handlers ask of a task ---

    def complete(self, result: int) -> None:
        raise AssertionError("nothing is left for later")

    def cgroup(self) -> Cgroup:
        return self.group.cgroup

    def copy_in(self, addr: int, size: int) -> bytes:
        if not size:
            return b""
        if addr not in self.memory or len(self.memory[addr]) < size:
            raise SyscallError(errno.EFAULT)
        return bytes(self.memory[addr][:size])

    def copy_in_into(self, addr: int, dst: memoryview) -> None:
        dst[:] = self.copy_in(addr, len(dst))

    def copy_out(self, addr: int, data: bytes | memoryview) -> None:
        if addr not in self.memory or len(self.memory[addr]) < len(data):
            raise SyscallError(errno.EFAULT)
        self.memory[addr][: len(data)] = data

    def copy_in_cstr(self, addr: int, limit: int, too_long: int = errno.ENAMETOOLONG) -> bytes:
        if addr not in self.memory:
            raise SyscallError(errno.EFAULT)
        text = bytes(self.memory[addr]).split(b"\0")[0]
        if len(text) >= limit:
            raise SyscallError(too_long)
        return text

    def copy_in_iovec(self, addr: int, count: int) -> list[tuple[int, int]]:
        return list(struct.iter_unpack("QQ", self.copy_in(addr, 16 * count)))

    def copy_in_path(self, addr: int) -> bytes:
        return self.copy_in_cstr(addr, 4096)

    def send_signal(self, info: Any) -> None:
        self.signals.append(info.signo)

    # --- what tests call ---

    def buffer(self, data: bytes) -> int:
        self._next += 0x100000
        self.memory[self._next] = bytearray(data)
        return self._next

    def call(self, name: str, *args: int | bytes | str) -> Any:
        """The handler's result: an int (negative errno) or a Control."""
        raw = []
        for arg in args:
            if isinstance(arg, str):
                arg = os.fsencode(arg)
            raw.append(self.buffer(arg + b"\0") if isinstance(arg, bytes) else arg & 0xFFFF_FFFF_FFFF_FFFF)
        a = SyscallArgs(tuple(raw + [0] * (6 - len(raw))))  # type: ignore[arg-type]
        self.args = a
        try:
            return HANDLERS[name](self, a)  # type: ignore[arg-type]
        except SyscallError as error:
            return -error.errno
        finally:
            a.end()

    def ok(self, name: str, *args: int | bytes | str) -> int:
        result = self.call(name, *args)
        assert isinstance(result, int) and result >= 0, (name, args, result and errno.errorcode.get(-result))
        return result

    def out(self, name: str, size: int, place: int, *args: int | bytes | str) -> tuple[int, bytes]:
        """Call with an output buffer of `size` bytes as argument `place`: (result, the buffer's contents)."""
        at = self.buffer(bytes(size))
        full = [*args[:place], at, *args[place:]]
        result = self.call(name, *full)
        return result, bytes(self.memory[at])

    def stat(self, path: bytes | str, follow: bool = True) -> Stat | int:
        result, raw = self.out("stat" if follow else "lstat", 144, 1, path)
        return Stat(raw) if result == 0 else result

    def fstat(self, fd: int) -> Stat | int:
        result, raw = self.out("fstat", 144, 1, fd)
        return Stat(raw) if result == 0 else result

    def read_file(self, path: bytes | str) -> bytes:
        fd = self.ok("open", path, os.O_RDONLY)
        out = b""
        while True:
            n, raw = self.out("read", 65536, 1, fd, 65536)
            if n <= 0:
                break
            out += raw[:n]
        self.ok("close", fd)
        return out

    def write_file(self, path: bytes | str, data: bytes, mode: int = 0o644) -> None:
        fd = self.ok("open", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        assert self.ok("write", fd, data, len(data)) == len(data)
        self.ok("close", fd)

    def listdir(self, path: bytes | str) -> list[bytes]:
        fd = self.ok("open", path, os.O_RDONLY | os.O_DIRECTORY)
        names = []
        while True:
            n, raw = self.out("getdents64", 4096, 1, fd, 4096)
            assert n >= 0
            if n == 0:
                break
            at = 0
            while at < n:
                size = struct.unpack_from("<H", raw, at + 16)[0]
                names.append(raw[at + 19 : at + size].split(b"\0")[0])
                at += size
        self.ok("close", fd)
        return sorted(name for name in names if name not in (b".", b".."))


class Stat:
    """struct stat."""

    def __init__(self, raw: bytes) -> None:
        f = struct.unpack("<QQQIIIIQqqqqQqQqQ24x", raw)
        self.dev, self.ino, self.nlink, self.mode, self.uid, self.gid = f[:6]
        self.rdev, self.size, self.blksize, self.blocks = f[7:11]
        self.atime, self.mtime, self.ctime = (f[n] * 10**9 + f[n + 1] for n in (11, 13, 15))


def make_kernel(root: str, clock: Clock | None = None, **options: Any) -> FakeKernel:
    kernel = FakeKernel(clock or MonotonicClock())
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    kernel.host_fds.append(fd)
    kernel.mounts = build_root(kernel, fd, **options)
    return kernel


__all__ = ["Guest", "Stat", "make_kernel", "mount_tmpfs"]
