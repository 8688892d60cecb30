"""What lies behind a file mapping: a host descriptor and an identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.vfs.path import Path


class Backing(Protocol):
    """`host_fd()` is a descriptor of the sentry that the platform lends for one mmap; `base` is added to the
    guest's file offset. `key` is the same for all mappings of the same object (shared futexes);
    `name` is what /proc/PID/maps prints of what has no `place`, the file as it is called now. `counted`: each area counts for itself, so those that were split stay so. `outside`: others than
    guests may have it mapped as well, and wait there at futexes of the host.
    `keepable`: see Order; None if it is not."""

    key: object
    name: str
    place: Path | None
    base: int
    device: int
    inode: int
    counted: bool
    outside: bool
    keepable: object

    def host_fd(self, writable: bool) -> int:
        """A descriptor open for reading, and for writing when the mapping is shared and writable."""
        ...

    def acquire(self) -> None:
        """A mapping refers to it."""
        ...

    def drop(self) -> None:
        """One mapping fewer."""
        ...


def backing_text(backing: Backing, root: Path | None = None) -> bytes:
    """What /proc shows to who has this root: the name that the file has now."""
    place = backing.place
    if place is None:
        return backing.name.encode("utf-8", "surrogateescape")
    return place.text(root).removeprefix(b"(unreachable)")
