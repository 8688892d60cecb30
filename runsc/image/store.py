"""Where the parts of an image lie: a directory, or an archive of tar(5) with the same names."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from typing import IO, Final, Protocol

from runsc.failure import RuntimeFailure

JSON_MOST: Final = 8 << 20
NAMES_MOST: Final = 1 << 16  # what has more is no image
UNREADABLE: Final = (tarfile.TarError, EOFError, RecursionError, KeyError, ValueError, MemoryError)


class Store(Protocol):
    """Files by name; names have no leading `./`."""

    def has(self, name: str) -> bool:
        """There is a file of that name."""

    def open(self, name: str) -> IO[bytes]:
        """It, from its beginning. RuntimeFailure."""


class Directory:
    """An OCI layout on the disk. Links are not followed: they might lead to what the image's maker may not read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self.path, name))

    def open(self, name: str) -> IO[bytes]:
        path = os.path.join(self.path, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise RuntimeFailure(f"{path}: not a file")
        return open(fd, "rb")


class Archive:
    """A file of tar(5), compressed or not. RuntimeFailure when it is none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._members: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.open(path, "r:*")  # noqa: SIM115 (as long as this process)
            for member in self._tar:
                if len(self._members) >= NAMES_MOST:
                    self._members = {}
                    break
                self._members[os.path.normpath(member.name)] = member
        except OSError as error:
            raise RuntimeFailure(f"{path}: {os.strerror(error.errno) if error.errno else error}") from None
        except UNREADABLE:
            raise RuntimeFailure(f"{path}: no directory, and no archive that can be read") from None

    def has(self, name: str) -> bool:
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        found: IO[bytes] | None = None
        try:
            if name in self._members:
                found = self._tar.extractfile(self._members[name])
        except UNREADABLE:
            pass  # a link that leads nowhere, or to itself
        if found is None:
            raise RuntimeFailure(f"{self.path}: has no file {name!r}")
        return found


def one_line(error: BaseException) -> str:
    """What a library says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


class Hashed:
    """A file that is read once, from its beginning to its end, and hashed meanwhile."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """Of everything, also of what nobody has asked for."""
        while self.read(1 << 20):
            pass
        return "sha256:" + self._hash.hexdigest()


def read_object(store: Store, name: str, digest: str = "") -> dict[str, object]:
    """A JSON object of bounded size whose digest is right. RuntimeFailure."""
    with store.open(name) as file:
        try:
            text = file.read(JSON_MOST + 1)
        except (OSError, *UNREADABLE) as error:
            raise RuntimeFailure(f"{name}: {one_line(error)}") from None
    if len(text) > JSON_MOST:
        raise RuntimeFailure(f"{name}: larger than {JSON_MOST >> 20} MiB")
    if digest and "sha256:" + hashlib.sha256(text).hexdigest() != digest:
        raise RuntimeFailure(f"{name}: its digest is another one")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RuntimeFailure(f"{name}: not JSON: {one_line(error)}") from None
    if isinstance(document, list) and name == "manifest.json":  # of docker save
        return {"images": document}
    if not isinstance(document, dict):
        raise RuntimeFailure(f"{name}: not an object")
    return document
