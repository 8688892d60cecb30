"""The network interfaces in sysfs: /sys/devices/virtual/net, and the links to it in /sys/class/net (net/core/net-sysfs.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import FixedFile, PseudoDir, PseudoFile, PseudoLink

if TYPE_CHECKING:
    from sandbox.fs.sysfs.filesystem import SysFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.net_attributes import NetAttributes

# Of the one queue each way that there is.
_RECEIVES: Final = (("rps_cpus", "0\n"), ("rps_flow_cnt", "0\n"))
_SENDS: Final = (("tx_maxrate", "0\n"), ("tx_timeout", "0\n"))


class NetDevices(PseudoDir):
    """A directory for each interface of a network namespace, `of(number)`."""

    __slots__ = ("sysfs", "known", "told")

    def __init__(self, fs: SysFs) -> None:
        super().__init__(fs, fs.new_ino(), 0o755)
        self.sysfs = fs
        self.live = self.loose = True
        self.known: dict[int, NetDevice] = {}
        self.told: NetAttributes | None = None

    def provider(self) -> NetAttributes | None:
        """Who knows the interfaces; there is nobody before there is a network."""
        if self.told is None:
            make = self.sysfs.kernel.mounts.vfs.sys_class_net
            self.told = make() if make is not None else None
        return self.told

    def interfaces(self) -> dict[str, int]:
        """Names and numbers."""
        provider = self.provider()
        found = provider.interfaces(self.sysfs.net) if provider is not None else {}
        if len(self.known) > len(found):
            numbers = set(found.values())
            self.known = {number: device for number, device in self.known.items() if number in numbers}
        return found

    def lookup(self, name: bytes) -> Inode | None:
        """An interface by its name now."""
        provider, number = self.provider(), self.interfaces().get(name.decode("latin-1"))
        if provider is None or number is None:
            return None
        device = self.known.get(number)
        if device is None:
            device = self.known[number] = NetDevice(self, provider, number)
        return device

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The interfaces' names."""
        return [(name.encode("latin-1"), self.ino + 1, S_IFDIR) for name in self.interfaces()]


class ClassNet(PseudoDir):
    """/sys/class/net: a link for each."""

    __slots__ = ("sysfs", "devices", "links")

    def __init__(self, fs: SysFs, devices: NetDevices) -> None:
        super().__init__(fs, fs.new_ino(), 0o755)
        self.sysfs = fs
        self.devices = devices
        self.live = self.loose = True
        self.links: dict[bytes, PseudoLink] = {}

    def lookup(self, name: bytes) -> Inode | None:
        """Where an interface's directory is."""
        if name.decode("latin-1") not in self.devices.interfaces():
            self.links.pop(name, None)
            return None
        return kept_link(self.sysfs, self.links, name, b"../../devices/virtual/net/" + name)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The interfaces' names."""
        return [(name.encode("latin-1"), self.ino + 1, S_IFLNK) for name in self.devices.interfaces()]


def kept_link(fs: SysFs, links: dict[bytes, PseudoLink], name: bytes, target: bytes) -> PseudoLink:
    """The link of this name among those that were made, as long as it leads there."""
    link = links.get(name)
    if link is None or link.target != target:
        link = links[name] = PseudoLink(fs, fs.new_ino(), target)
    return link


class NetDevice(PseudoDir):
    """One interface. `relatives`: links to others, which come and go."""

    __slots__ = ("devices", "number", "relatives")

    def __init__(self, devices: NetDevices, provider: NetAttributes, number: int) -> None:
        fs = devices.sysfs
        super().__init__(fs, fs.new_ino(), 0o755)
        self.devices = devices
        self.number = number
        self.loose = True
        self.relatives: dict[bytes, PseudoLink] = {}
        for name, mode in provider.attributes(fs.net, number).items():
            self.add(name, NetAttribute(self, name, mode))
        statistics = PseudoDir(fs, fs.new_ino(), 0o755)
        for name in provider.statistics():
            statistics.add(name, NetCount(self, name, 0o444))
        self.add("statistics", statistics)
        queues = PseudoDir(fs, fs.new_ino(), 0o755)
        for queue, attributes in (("rx-0", _RECEIVES), ("tx-0", _SENDS)):
            directory = PseudoDir(fs, fs.new_ino(), 0o755)
            for name, value in attributes:
                directory.add(name, FixedFile(fs, fs.new_ino(), value.encode()))
            queues.add(queue, directory)
        self.add("queues", queues)
        self.add("subsystem", PseudoLink(fs, fs.new_ino(), b"../../../../class/net"))

    def provider(self) -> NetAttributes:
        """ENODEV."""
        provider = self.devices.provider()
        if provider is None:
            raise SyscallError(errno.ENODEV)
        return provider

    def _others(self) -> dict[str, str]:
        try:
            return self.provider().relatives(self.devices.sysfs.net, self.number)
        except SyscallError:
            return {}

    def lookup(self, name: bytes) -> Inode | None:
        """An attribute, a group of them, or the link to another interface."""
        if self.number not in self.devices.interfaces().values():
            return None
        found = super().lookup(name)
        if found is not None:
            return found
        other = self._others().get(name.decode("latin-1"))
        if other is None:
            self.relatives.pop(name, None)
            return None
        return kept_link(self.devices.sysfs, self.relatives, name, b"../" + other.encode("latin-1"))

    def entries(self) -> list[tuple[bytes, int, int]]:
        """All of them."""
        links = [(name.encode("latin-1"), self.ino, S_IFLNK) for name in self._others()]
        return super().entries() + links


class _NetFile(PseudoFile):
    """Something of an interface, by its name."""

    __slots__ = ("device", "name")

    def __init__(self, device: NetDevice, name: str, mode: int) -> None:
        fs = device.devices.sysfs
        super().__init__(fs, fs.new_ino(), mode)
        self.device = device
        self.name = name


class NetAttribute(_NetFile):
    """Read and written where the interface is."""

    __slots__ = ()

    def content(self, t: Task) -> bytes:
        """Its value now."""
        device = self.device
        return device.provider().show(device.devices.sysfs.net, device.number, self.name).encode("latin-1")

    def store(self, t: Task, data: bytes) -> None:
        """Another value. EPERM, EINVAL."""
        device = self.device
        device.provider().store(t, device.devices.sysfs.net, device.number, self.name, data)


class NetCount(_NetFile):
    """One of its statistics."""

    __slots__ = ()

    def content(self, t: Task) -> bytes:
        """So many so far."""
        device = self.device
        return b"%d\n" % device.provider().count(device.devices.sysfs.net, device.number, self.name)
