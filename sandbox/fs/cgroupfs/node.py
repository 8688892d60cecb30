"""CgroupNode: what directories and control files have in common: attributes that can be changed, to delegate a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.pseudo.kept import KeptInode

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.filesystem import CgroupFs


class CgroupNode(KeptInode):
    """`owner`: user and group."""

    __slots__ = ("cgroups",)

    def __init__(self, fs: CgroupFs, mode: int, owner: tuple[int, int]) -> None:
        super().__init__(fs, fs.new_ino(), mode, owner[0], owner[1], fs.now())
        self.cgroups = fs
