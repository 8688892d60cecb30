"""/sys/devices/system/memory: the blocks that memory could be put on and off line by (drivers/base/memory.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR, S_IFREG
from sandbox.fs.pseudo.nodes import FixedFile, PseudoDir, PseudoLink

if TYPE_CHECKING:
    from sandbox.fs.sysfs.filesystem import SysFs
    from sandbox.vfs.inode import Inode

_LEAST: Final = 128 << 20
_MOST: Final = 2 << 30
_LARGE: Final = 64 << 30  # from so much memory on blocks are larger (arch/x86/mm/init_64.c: probe_memory_block_size)


def block_size(memory: int) -> int:
    """In bytes."""
    if memory < _LARGE:
        return _LEAST
    size = _MOST
    while size > _LEAST and memory % size:
        size >>= 1
    return size if memory // size <= 4096 else _MOST


class MemoryBlocks(PseudoDir):
    """The directory; blocks are made when they are first asked for. All are on line and stay so."""

    __slots__ = ("sysfs", "size", "count", "made")

    def __init__(self, fs: SysFs, memory: int) -> None:
        super().__init__(fs, fs.new_ino(), 0o755)
        self.sysfs = fs
        self.size = block_size(memory)
        self.count = -(-memory // self.size)
        self.made: dict[int, PseudoDir] = {}
        self.nlink = 3 + self.count
        self.live = True
        self.add("block_size_bytes", FixedFile(fs, fs.new_ino(), b"%x\n" % self.size))
        self.add("auto_online_blocks", FixedFile(fs, fs.new_ino(), b"offline\n"))

    def lookup(self, name: bytes) -> Inode | None:
        """A file, or a block by its number."""
        found = self.children.get(name)
        digits = name.removeprefix(b"memory")
        if found is not None or digits == name or not digits.isdigit() or len(digits) > 5:
            return found
        number = int(digits)
        if number >= self.count or digits != b"%d" % number:
            return None
        block = self.made.get(number)
        if block is None:
            block = self.made[number] = self._block(number)
        return block

    def _block(self, number: int) -> PseudoDir:
        fs = self.sysfs
        block = PseudoDir(fs, fs.new_ino(), 0o755)
        for name, text in (
            ("online", b"1\n"),
            ("state", b"online\n"),
            ("removable", b"1\n"),
            ("phys_device", b"0\n"),
            ("phys_index", b"%08x\n" % number),
            ("valid_zones", b"none\n" if not number else b"Normal\n"),
        ):
            block.add(name, FixedFile(fs, fs.new_ino(), text))
        block.add("node0", PseudoLink(fs, fs.new_ino(), b"../../node/node0"))
        return block

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The files and all blocks."""
        fixed = [(name, inode.ino, S_IFREG) for name, inode in self.children.items()]
        return fixed + [(b"memory%d" % number, self.ino, S_IFDIR) for number in range(self.count)]
