"""/proc/sys/net/{ipv4,ipv6}/{conf,neigh}: settings of interfaces, of `all` and of `default` (net/ipv4/devinet.c, net/ipv6/addrconf.c).

There are those that have an effect; the MTU of IPv6 is shown only. An interface has its directory
while there is one of that name; of another network namespace's its files say ENOENT.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs.sysctl_dir import SysctlDir
from sandbox.fs.pseudo.nodes import PseudoFile
from sandbox.fs.pseudo.numbers import parse_decimal
from tcpip import errors
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

ALL, DEFAULT = "all", "default"
S_IFDIR: Final = 0o040000


class NicFile(PseudoFile):
    """One setting, a number."""

    __slots__ = ("key", "name")

    def __init__(self, fs: ProcFs, key: str, name: str) -> None:
        super().__init__(fs, fs.new_ino(), 0o644)
        self.of_network = True
        self.key = key
        self.name = name

    def content(self, t: Task) -> bytes:
        """ENOENT when the interface is another network namespace's."""
        stack = t.ns.net.stack
        if stack is None:
            return b"0\n"
        try:
            return b"%d\n" % stack.nic_settings.read(stack, self.key, self.name)
        except NetworkError:
            raise SyscallError(errno.ENOENT) from None

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what is no number, or out of range."""
        value = parse_decimal(data)
        stack = t.ns.net.stack
        if stack is None:
            return
        try:
            stack.nic_settings.write(stack, self.key, self.name, value)
        except NetworkError as error:
            missing = error.error is errors.NO_SUCH_DEVICE
            raise SyscallError(errno.ENOENT if missing else errno.EINVAL) from None


class MtuFile(PseudoFile):
    """ipv6/conf/…/mtu: it is not set here."""

    __slots__ = ("name",)

    def __init__(self, fs: ProcFs, name: str) -> None:
        super().__init__(fs, fs.new_ino())
        self.of_network = True
        self.name = name

    def content(self, t: Task) -> bytes:
        """A number."""
        stack = t.ns.net.stack
        if stack is None:
            return b"0\n"
        nic = stack.find_nic(self.name)
        return b"%d\n" % (nic.mtu if nic is not None else 1280)


class SecretFile(PseudoFile):
    """stable_secret: 16 bytes as an address; EIO while there is none."""

    __slots__ = ("name",)

    def __init__(self, fs: ProcFs, name: str) -> None:
        super().__init__(fs, fs.new_ino(), 0o600)
        self.of_network = True
        self.name = name

    def _nic(self, t: Task) -> Nic:
        stack = t.ns.net.stack
        nic = stack.find_nic(self.name) if stack is not None else None
        if nic is None:
            raise SyscallError(errno.EIO)
        return nic

    def content(self, t: Task) -> bytes:
        """All its digits."""
        secret = self._nic(t).autoconf.stable_secret
        if not secret:
            raise SyscallError(errno.EIO)
        digits = secret.hex()
        return ":".join([digits[at : at + 4] for at in range(0, 32, 4)]).encode() + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """EIO for what is no address; the identifiers are stable ones from now on."""
        from tcpip.addr import parse

        try:
            secret = parse(data.split(b"\0")[0].strip().decode("ascii", "replace"))
        except ValueError:
            secret = b""
        if len(secret) != 16:
            raise SyscallError(errno.EIO)
        autoconf = self._nic(t).autoconf
        autoconf.stable_secret = secret
        autoconf.addr_gen_mode = 2


class InterfacesDir(SysctlDir):
    """`all`, `default` and a directory for each interface. `group` is the path below net/, `prefix` that of its settings."""

    __slots__ = ("group", "prefix")

    def __init__(self, fs: ProcFs, group: str) -> None:
        super().__init__(fs, fs.new_ino())
        self.group = group
        self.prefix = "neigh/" if group.endswith("neigh") else group + "/"
        self.live = True

    def lookup(self, name: bytes) -> Inode | None:
        """Made when somebody looks."""
        return self.made_when_looked(name, self._names(), self._made)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The names that there are."""
        return [(name, self.ino + 1, S_IFDIR) for name in self._names()]

    def _names(self) -> list[bytes]:
        first = [DEFAULT.encode()] if self.prefix == "neigh/" else [ALL.encode(), DEFAULT.encode()]
        return first + [name for name in interfaces(self.procfs) if name not in first]

    def _made(self, name: str) -> SysctlDir:
        from tcpip.stack.nic_settings import SETTINGS

        fs = self.procfs
        directory = SysctlDir(fs, fs.new_ino())
        for key in SETTINGS:
            if key.startswith(self.prefix):
                directory.add(key[len(self.prefix) :], NicFile(fs, key, name))
        if self.group == "ipv6/conf":
            directory.add("mtu", MtuFile(fs, name))
            directory.add("stable_secret", SecretFile(fs, name))
        return directory


def interfaces(fs: ProcFs) -> list[bytes]:
    """The names of those in any network namespace that somebody is in: a walk does not know who walks."""
    stacks: dict[int, Stack] = {}
    for group in fs.kernel.pids.groups.values():
        for task in group.tasks:
            stack = task.ns.net.stack
            if stack is not None:
                stacks[id(stack)] = stack
    return list(dict.fromkeys([nic.name.encode() for stack in stacks.values() for nic in stack.nics.values()]))


def directories(fs: ProcFs) -> list[tuple[str, Inode]]:
    """By path below /proc/sys."""
    groups = ("ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh")
    return [(f"net/{group}", InterfacesDir(fs, group)) for group in groups]
