"""/proc/sys: settings (Documentation/admin-guide/sysctl). Those that can be changed change the sandbox."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs import ipc_sysctl, kernel_sysctl, net_sysctl, nic_sysctl
from sandbox.fs.procfs.fixed_sysctl import FIXED, READ_ONLY
from sandbox.fs.procfs.kmsg import PrintkFile
from sandbox.fs.procfs.nic_sysctl import ALL, NicFile
from sandbox.fs.pseudo.nodes import FixedFile, GeneratedFile, MadeFile, PseudoFile
from sandbox.fs.pseudo.numbers import parse_decimal
from sandbox.kernel.user_namespace import NO_ID
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT, EVENT_PRI

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.fs.procfs.sysctl_dir import SysctlRoot
    from sandbox.kernel.namespaces import UtsNamespace
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

MAX_NAME: Final = 64
CORE_PATTERN_MAX: Final = 127
MAX_GROUP: Final = 2147483647


class KeptFile(FixedFile):
    """A setting that is what it is here. Who writes that again is content; another value is EINVAL, as one out of range."""

    __slots__ = ()

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL."""
        if data.split() != self.text.split():
            raise SyscallError(errno.EINVAL)


class NameFile(PseudoFile):
    """hostname or domainname: root writes them, whatever it may else (kernel/utsname_sysctl.c asks for no capability)."""

    __slots__ = ("domain",)

    def __init__(self, fs: ProcFs, ino: int, domain: bool) -> None:
        super().__init__(fs, ino, 0o644)
        self.domain = domain

    def content(self, t: Task) -> bytes:
        """The name."""
        return (t.ns.uts.domainname if self.domain else t.ns.uts.hostname) + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL when it is too long."""
        name = data.split(b"\n")[0].split(b"\0")[0]
        if len(name) > MAX_NAME:
            raise SyscallError(errno.EINVAL)
        t.ns.uts.rename(self.domain, name)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """It can be polled for changes."""
        return OpenName(flags, path, self, t.ns.uts, self.domain)


class OpenName(GeneratedFile):
    """Of a UTS namespace, POLLIN, POLLERR and POLLPRI once after a change (proc_sys_poll)."""

    def __init__(self, flags: int, path: Path, inode: PseudoFile, uts: UtsNamespace, domain: bool) -> None:
        super().__init__(flags, path, inode)
        self._uts = uts
        self._domain = domain
        self._seen = uts.changes[domain]
        self.queue = uts.queue

    def poll(self, t: Task | None) -> int:
        changes = self._uts.changes[self._domain]
        if changes == self._seen:
            return EVENT_IN | EVENT_OUT
        self._seen = changes
        return EVENT_IN | EVENT_PRI | EVENT_ERR


class CorePatternFile(PseudoFile):
    """kernel.core_pattern: where cores go (core(5))."""

    __slots__ = ()

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino, 0o644)

    def content(self, t: Task) -> bytes:
        """The pattern."""
        return t.kernel.settings.core_pattern + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """Up to 127 bytes, the rest is cut off (proc_dostring)."""
        t.kernel.settings.core_container = t.group.view.number
        t.kernel.settings.core_pattern = data.split(b"\n")[0].split(b"\0")[0][:CORE_PATTERN_MAX]


class PingGroupsFile(PseudoFile):
    """net.ipv4.ping_group_range: the groups whose members may make ping sockets (icmp(7)); 1 0 for none."""

    __slots__ = ()

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino, 0o644)

    def content(self, t: Task) -> bytes:
        """First and last, as the reader's user namespace has them."""
        shown = t.creds.user.gids.shown
        low, high = t.ns.net.ping_groups
        return b"%d\t%d\n" % (shown(low), shown(high))

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what are no groups (net/ipv4/sysctl_net_ipv4.c: ipv4_ping_group_range)."""
        words = data.split(b"\0")[0].split()
        if len(words) != 2 or not all(word.isdigit() and len(word) < 11 and int(word) <= MAX_GROUP for word in words):
            raise SyscallError(errno.EINVAL)
        to_kernel = t.creds.user.gids.to_kernel
        low, high = to_kernel(int(words[0])), to_kernel(int(words[1]))
        if NO_ID in (low, high):
            raise SyscallError(errno.EINVAL)
        t.ns.net.ping_groups = (low, high) if low <= high else (1, 0)


class UringFile(PseudoFile):
    """kernel.io_uring_disabled (0: everybody makes rings, 1: the privileged and a group, 2: nobody), kernel.io_uring_group."""

    __slots__ = ("group",)

    def __init__(self, fs: ProcFs, ino: int, group: bool) -> None:
        super().__init__(fs, ino, 0o644)
        self.group = group

    def content(self, t: Task) -> bytes:
        """The number."""
        tasks = t.kernel.uring
        return b"%d\n" % (tasks.group if self.group else tasks.disabled)

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what is out of range."""
        value = parse_decimal(data)
        if self.group:
            if not -(1 << 31) <= value < 1 << 31:
                raise SyscallError(errno.EINVAL)
            t.kernel.uring.group = value
        else:
            if not 0 <= value <= 2:
                raise SyscallError(errno.EINVAL)
            t.kernel.uring.disabled = value


def uuid_text(raw: bytes) -> bytes:
    """A random (version 4) UUID of 16 random bytes."""
    value = bytearray(raw)
    value[6] = value[6] & 0x0F | 0x40
    value[8] = value[8] & 0x3F | 0x80
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}\n".encode()


def _new_uuid(t: Task) -> bytes:
    return uuid_text(t.kernel.random(16))


def _boot_id(t: Task) -> bytes:
    """Drawn when somebody first asks, and the same in every mount from then on."""
    settings = t.kernel.settings
    if not settings.boot_id:
        settings.boot_id = t.kernel.random(16)
    return uuid_text(settings.boot_id)


def _aio_nr(t: Task) -> bytes:
    return b"%d\n" % t.kernel.aio.count


def _files(t: Task) -> bytes:
    """Open descriptions, by the descriptors that there are."""
    return b"%d\t0\t9223372036854775807\n" % sum({id(task.fds): len(task.fds) for task in _tasks(t)}.values())


def _tasks(t: Task) -> list[Task]:
    return [task for group in t.kernel.pids.groups.values() for task in group.tasks]


def _inodes(t: Task) -> bytes:
    """Those in memory, of which none is kept for later use."""
    return b"%d\t0\n" % t.kernel.mounts.vfs.space.inodes


def _inode_state(t: Task) -> bytes:
    return b"%d\t0\t0\t0\t0\t0\t0\n" % t.kernel.mounts.vfs.space.inodes


def _dentry_state(t: Task) -> bytes:
    """Names that are remembered."""
    return b"%d\t0\t45\t0\t0\t0\n" % t.kernel.mounts.vfs.dentries.count


def fill(fs: ProcFs, root: SysctlRoot) -> None:
    """The tree."""
    for path, value in FIXED:
        text = value.encode() + b"\n"
        readable = path in READ_ONLY
        root.enter(path, FixedFile(fs, fs.new_ino(), text) if readable else KeptFile(fs, fs.new_ino(), text, 0o644))
    made: tuple[tuple[str, Callable[[Task], bytes]], ...] = (
        ("fs/aio-nr", _aio_nr),
        ("fs/dentry-state", _dentry_state),
        ("fs/file-nr", _files),
        ("fs/inode-nr", _inodes),
        ("fs/inode-state", _inode_state),
        ("kernel/random/boot_id", _boot_id),
        ("kernel/random/uuid", _new_uuid),
    )
    for path, make in made:
        root.enter(path, MadeFile(fs, fs.new_ino(), make))
    for path, inode in [*ipc_sysctl.files(fs), *ipc_sysctl.mqueue_files(fs), *kernel_sysctl.files(fs)]:
        root.enter(path, inode)
    for path, file in net_sysctl.files(fs):
        root.enter(path, file)
    root.enter("net/ipv4/ping_group_range", PingGroupsFile(fs, fs.new_ino()))
    root.enter("net/ipv4/ip_forward", NicFile(fs, "ipv4/conf/forwarding", ALL))
    for path, directory in nic_sysctl.directories(fs):
        root.enter(path, directory)
    root.enter("kernel/io_uring_disabled", UringFile(fs, fs.new_ino(), False))
    root.enter("kernel/io_uring_group", UringFile(fs, fs.new_ino(), True))
    root.enter("kernel/printk", PrintkFile(fs, fs.new_ino()))
    root.enter("kernel/core_pattern", CorePatternFile(fs, fs.new_ino()))
    root.enter("kernel/hostname", NameFile(fs, fs.new_ino(), False))
    root.enter("kernel/domainname", NameFile(fs, fs.new_ino(), True))
