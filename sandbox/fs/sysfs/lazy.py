"""LazySysDir: a directory of sysfs that is made when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.pseudo.lazy import LazyDir

if TYPE_CHECKING:
    from sandbox.fs.sysfs.filesystem import SysFs


class LazySysDir(LazyDir):
    """`make` adds what `sysfs` knows."""

    __slots__ = ("sysfs",)

    def __init__(self, fs: SysFs) -> None:
        super().__init__(fs, fs.new_ino(), 0o755)
        self.sysfs = fs
