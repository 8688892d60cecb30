"""A container's identity while it runs: ROOT/ID, locked by the runtime that runs it.

A directory whose lock nobody holds was left by a runtime that was killed: it is taken over.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import Final

from runsc.failure import RuntimeFailure

_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


def check_id(name: str) -> str:
    """What runc takes: letters, digits and _ + - . (not . or .. alone)."""
    if not name or len(name) > 1024 or not _CHARACTERS.issuperset(name) or name in (".", ".."):
        raise RuntimeFailure(f"container id {name!r}: letters, digits and _+-. only")
    return name


class ContainerId:
    """`claim` it, `release` it."""

    __slots__ = ("_path", "_fd")

    def __init__(self, root: str, name: str) -> None:
        self._path = os.path.join(root, check_id(name))
        self._fd = -1

    def claim(self) -> None:
        """RuntimeFailure when a running container has it."""
        try:
            os.makedirs(self._path, mode=0o711, exist_ok=True)
            self._check_owner()
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(os.path.join(self._path, "lock"), flags, 0o600)
        except OSError as error:
            raise RuntimeFailure(f"--root: {error.filename}: {os.strerror(error.errno or 0)}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise RuntimeFailure(f"container {os.path.basename(self._path)} is running already") from None

    def _check_owner(self) -> None:
        """A name in /tmp can be made by anybody first."""
        for path in (os.path.dirname(self._path), self._path):
            status = os.lstat(path)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()):
                raise RuntimeFailure(f"--root: {path} is somebody else's: give another directory with --root")

    def release(self) -> None:
        """The directory goes."""
        try:
            os.unlink(os.path.join(self._path, "lock"))
            os.rmdir(self._path)
        except OSError:
            pass  # somebody put something in: theirs to remove
        os.close(self._fd)
