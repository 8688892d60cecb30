"""The character devices in sysfs: /sys/devices/virtual, and the links to it in /sys/class and /sys/dev/char
(drivers/base/core.c, drivers/char/mem.c, drivers/tty/tty_io.c, drivers/char/misc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.fs.pseudo.nodes import FixedFile, PseudoDir, PseudoLink
from sandbox.fs.sysfs.lazy import LazySysDir

if TYPE_CHECKING:
    from sandbox.fs.sysfs.filesystem import SysFs

CLASSES: Final = ("mem", "misc", "tty")
# Class, name, numbers, what is below /dev, and the mode that the driver wants it to have there.
_DEVICES: Final = (
    ("mem", "null", 1, 3, "null", "0666"),
    ("mem", "zero", 1, 5, "zero", "0666"),
    ("mem", "full", 1, 7, "full", "0666"),
    ("mem", "random", 1, 8, "random", "0666"),
    ("mem", "urandom", 1, 9, "urandom", "0666"),
    ("mem", "kmsg", 1, 11, "kmsg", "0644"),
    ("misc", "tun", 10, 200, "net/tun", ""),
    ("tty", "tty", 5, 0, "tty", "0666"),
    ("tty", "ptmx", 5, 2, "ptmx", "0666"),
)


class _OfClass(LazySysDir):
    """Of the devices of one class."""

    __slots__ = ("kind",)

    def __init__(self, fs: SysFs, kind: str) -> None:
        super().__init__(fs)
        self.kind = kind


class VirtualClass(_OfClass):
    """/sys/devices/virtual/CLASS."""

    __slots__ = ()

    def make(self) -> None:
        """A directory for each device."""
        fs = self.sysfs
        for kind, name, major, minor, path, mode in _DEVICES:
            if kind != self.kind:
                continue
            device = PseudoDir(fs, fs.new_ino(), 0o755)
            event = f"MAJOR={major}\nMINOR={minor}\nDEVNAME={path}\n" + (f"DEVMODE={mode}\n" if mode else "")
            device.add("dev", FixedFile(fs, fs.new_ino(), f"{major}:{minor}\n".encode()))
            device.add("subsystem", PseudoLink(fs, fs.new_ino(), f"../../../../class/{kind}".encode()))
            device.add("uevent", FixedFile(fs, fs.new_ino(), event.encode()))
            self.add(name, device)


class DeviceClass(_OfClass):
    """/sys/class/CLASS."""

    __slots__ = ()

    def make(self) -> None:
        """A link for each device."""
        fs = self.sysfs
        for kind, name, *_ in _DEVICES:
            if kind == self.kind:
                self.add(name, PseudoLink(fs, fs.new_ino(), f"../../devices/virtual/{kind}/{name}".encode()))


class DevicesByNumber(LazySysDir):
    """/sys/dev/char."""

    __slots__ = ()

    def make(self) -> None:
        """A link for each device, named as its numbers."""
        fs = self.sysfs
        for kind, name, major, minor, *_ in _DEVICES:
            link = PseudoLink(fs, fs.new_ino(), f"../../devices/virtual/{kind}/{name}".encode())
            self.add(f"{major}:{minor}", link)
