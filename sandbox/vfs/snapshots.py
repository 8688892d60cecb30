"""SnapshotBudget: bounds what open files keep of listings and generated contents."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.vfs.file_description import FileDescription

LIMIT: Final = 128 << 20  # bytes, roughly


class Snapshot:
    """What one open file keeps; `entries` or `data`, None once it was taken away or never made."""

    __slots__ = ("entries", "data")

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, int, int]] | None = None
        self.data: bytes | bytearray | None = None


class SnapshotBudget:
    """When all together are too large the oldest are dropped: their files make them anew."""

    __slots__ = ("limit", "used", "_costs", "_kept")

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.used = 0
        self._costs: dict[FileDescription, int] = {}
        self._kept: OrderedDict[FileDescription, Snapshot] = OrderedDict()

    def keep(self, file: FileDescription, snapshot: Snapshot, cost: int) -> None:
        """`file` has made its snapshot, which takes `cost` bytes; replaces an earlier one."""
        self.drop(file)
        self._kept[file] = snapshot
        self._costs[file] = cost
        self.used += cost
        while self.used > self.limit and len(self._kept) > 1:
            oldest, lost = next(iter(self._kept.items()))
            lost.entries = None
            lost.data = None
            self.drop(oldest)

    def drop(self, file: FileDescription) -> None:
        """The file has none any more."""
        cost = self._costs.pop(file, None)
        if cost is not None:
            self.used -= cost
            del self._kept[file]
