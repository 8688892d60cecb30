"""ROOT: a directory for each container, with its state, its lock and its control socket.

The lock is held by whoever changes the container. A directory without a state whose lock nobody holds was left by a
runtime that was killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from typing import Final

from runsc.failure import RuntimeFailure

_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
LOCK_NAME: Final = "lock"
LOCK_S: Final = 10.0
_TRY_S: Final = 0.01
_REMOVALS: Final = 100  # of files that appear while a directory is removed


class LockBusy(RuntimeFailure):
    """Somebody else changes the container."""


def check_id(name: str) -> str:
    """What runc takes: letters, digits and _ + - . (not . or .. alone)."""
    if not name or len(name) > 1024 or not _CHARACTERS.issuperset(name) or name in (".", ".."):
        raise RuntimeFailure(f"container id {name!r}: letters, digits and _+-. only")
    return name


def directory_of(root: str, name: str) -> str:
    """ROOT/ID."""
    return os.path.join(root, check_id(name))


class Lock:
    """The container's lock, held from `take` to `release` or the end of the process."""

    __slots__ = ("directory", "_fd")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._fd = -1

    def take(self, bound_s: float = LOCK_S) -> None:
        """LockBusy after `bound_s`; FileNotFoundError when the directory is not there, or goes meanwhile."""
        path = os.path.join(self.directory, LOCK_NAME)
        deadline = time.monotonic() + bound_s
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    name = os.path.basename(self.directory)
                    raise LockBusy(f"container {name} is being changed by another command") from None
                time.sleep(_TRY_S)
        try:
            same = os.path.samestat(os.fstat(fd), os.stat(path))
        except FileNotFoundError:
            same = False
        if not same:  # the container was deleted while we waited
            os.close(fd)
            raise FileNotFoundError(path)
        self._fd = fd

    def release(self) -> None:
        """Harmless when it is not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def claim(root: str, name: str) -> Lock:
    """The directory of a new container, locked. RuntimeFailure when there is one of that name."""
    directory = directory_of(root, name)
    lock = Lock(directory)
    try:
        os.makedirs(root, mode=0o711, exist_ok=True)
        _check_owner(root)
        for _ in range(3):
            try:
                os.mkdir(directory, 0o700)
            except FileExistsError:
                _check_owner(directory)
                if os.path.lexists(os.path.join(directory, "state.json")):
                    raise _in_use(name) from None
            try:
                lock.take(0)
            except FileNotFoundError:
                continue
            except LockBusy:
                raise _in_use(name) from None
            if os.path.lexists(os.path.join(directory, "state.json")):
                lock.release()
                raise _in_use(name)
            return lock
    except OSError as error:
        raise RuntimeFailure(f"--root: {error.filename}: {os.strerror(error.errno or 0)}") from None
    raise _in_use(name)


def _in_use(name: str) -> RuntimeFailure:
    return RuntimeFailure(f"container with id exists: {name}")


def _check_owner(path: str) -> None:
    """A name in /tmp can be made by anybody first."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()):
        raise RuntimeFailure(f"--root: {path} is somebody else's: give another directory with --root")


def names(root: str) -> list[str]:
    """The containers there are, by name."""
    try:
        return sorted(name for name in os.listdir(root) if os.path.lexists(os.path.join(root, name, "state.json")))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RuntimeFailure(f"--root: {root}: {os.strerror(error.errno or 0)}") from None


def remove(directory: str) -> None:
    """All that a runtime keeps for a container; the state goes last but one, the directory last. A file that somebody
    else has put there stays, and the directory with it. Whoever is making the container just now may write another file
    meanwhile, and then finds that it is gone."""
    for _ in range(_REMOVALS):
        removed = _empty(directory)
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not removed:
                raise RuntimeFailure(f"--root: {directory}: {os.strerror(error.errno or 0)}") from None
    raise RuntimeFailure(f"--root: {directory}: somebody else writes there")


def _empty(directory: str) -> bool:
    """Unlink its files. False: there were none."""
    try:
        found = os.listdir(directory)
    except FileNotFoundError:
        return False
    removed = False
    for name in sorted(found, key=lambda name: name == "state.json"):
        try:
            os.unlink(os.path.join(directory, name))
            removed = True
        except (IsADirectoryError, FileNotFoundError):
            pass  # nothing of ours; another command was faster
    return removed
