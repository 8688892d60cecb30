"""How long what the host said of names and attributes is believed, where guests' changes are the host's at once.

Not at all (`shared`): each component of each path is looked at, each time. For good (`exclusive`): for what nobody else
changes while the sandbox runs. For a second (`timed`): when it has passed since anything was believed, nothing is, until it
is asked for again: of a file its attributes, of a directory whether names in it have been made or removed, which its mtime
and ctime tell. A name that turns out not to be what it was believed to be is looked at once more by who wanted it, and its
directory is not believed any more.

What guests change themselves is written through and asked for afterwards (`HostInode.live`). Names are kept as dentries,
whose number is bounded (sandbox/vfs/dentry.py), and so is that of the inodes that nobody uses.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.vfs.dentry import Dentry, DentryCache

FOREVER: Final = 1 << 62
HOLD_NS: Final[dict[str, int]] = {"shared": 0, "timed": 1_000_000_000, "exclusive": FOREVER}
TICK_NS: Final = 20_000_000  # a host's time stamps may stand still for as long: a tick of 100 Hz, twice
NO_SEAL: Final = (0, 0)


def seal_of(st: os.stat_result) -> tuple[int, int]:
    """The time stamps by which a directory is recognized as unchanged; NO_SEAL if it might change without showing it."""
    mtime, ctime = st.st_mtime_ns, st.st_ctime_ns
    age = time.time_ns() - (mtime if mtime > ctime else ctime)
    return (mtime, ctime) if age > TICK_NS else NO_SEAL


def vouch(directory: HostInode, dentry: Dentry, dentries: DentryCache) -> None:
    """Names in `directory` are believed again: all that are known if it has not changed, else those that are found again.
    ESTALE when its own name is not what it was."""
    st = os.fstat(directory.look_fd())
    if directory.seal == NO_SEAL or directory.seal != (st.st_mtime_ns, st.st_ctime_ns):
        for child in list(dentry.children.values()):
            if child.mounts or ((child.pins or child.children) and _is_there(directory, child)):
                continue
            dentries.forget(child)
    directory.fill(st)
    directory.seal = seal_of(st)
    directory.loose = False


def _is_there(directory: HostInode, child: Dentry) -> bool:
    try:
        return child.inode is not None and directory.lookup(child.name) is child.inode
    except SyscallError:
        return False


def named(tree: Dentry) -> set[int]:
    """`id` of every inode that a name below `tree` leads to."""
    found: set[int] = set()
    left = [tree]
    while left:
        for child in left.pop().children.values():
            if child.inode is not None:
                found.add(id(child.inode))
            if child.children:
                left.append(child)
    return found
