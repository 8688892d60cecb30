"""Layers into a directory, by a process whose root that directory is: whatever an archive names, links and their targets
included, is inside. What it finds of users in there it tells.

Who is not root does it in a user namespace of his own; all files are his then, as the sandbox of an ordinary user wants it.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import stat
import tarfile
import zlib
from signal import SIGKILL
from typing import IO, Callable, Final, NoReturn

from runsc.failure import RuntimeFailure
from runsc.image.store import UNREADABLE, Hashed, one_line
from runsc.image.users import resolve
from sandbox.boot import libc

ENTRIES_MOST: Final = 1 << 22
TIME_MOST: Final = 1 << 33  # seconds since 1970
CHUNK: Final = 1 << 20
WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID: all that the process may do.
RIGHTS: Final = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4
# tarfile would import these when it needs them, which is too late in another root.
BROKEN: Final = (*UNREADABLE, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OverflowError)
_DECOMPRESSOR: Final = bz2.BZ2Decompressor

Opener = Callable[[], "IO[bytes]"]


def open_file(path: str) -> IO[bytes]:
    """OSError."""
    return open(path, "rb")


def unpack(root: str, layers: list[tuple[str, Opener, str]], most: int, user: str) -> dict[str, object]:
    """Each of `layers` (what to call it, how to open it, its digest) over those before, at most `most` bytes in all.
    `uid`, `gid`, `groups` of `user`, and `left_out`, how many device nodes there were. RuntimeFailure."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _child(write_end, root, layers, most, user)
    os.close(write_end)
    try:
        with open(read_end, "rb") as file:
            said = file.read()
    except BaseException:
        os.kill(pid, SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    answer = json.loads(said) if said else {"error": "the process that unpacks was killed"}
    if "error" in answer:
        raise RuntimeFailure(answer["error"])
    return dict(answer)


def _child(answer: int, root: str, layers: list[tuple[str, Opener, str]], most: int, user: str) -> NoReturn:
    try:
        libc.prctl(libc.PR_SET_PDEATHSIG, SIGKILL)
        try:
            files = [(name, open_layer(), digest) for name, open_layer, digest in layers]
            owners = os.geteuid() == 0
            _enter(root)
            unpacker = Unpacker(most, owners)
            for name, file, digest in files:
                unpacker.layer(name, file, digest)
            said: dict[str, object] = {**resolve(user), "left_out": unpacker.left_out}
        except RuntimeFailure as failure:
            said = {"error": str(failure)}
        except OSError as error:
            said = {"error": f"{os.fsdecode(error.filename or root)}: {os.strerror(error.errno or 0)}"}
        os.write(answer, json.dumps(said).encode())
    finally:
        os._exit(0)


def _enter(root: str) -> None:
    """Its root, and few rights."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        libc.unshare(libc.CLONE_NEWUSER)
        for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(line)
    os.chroot(root)
    os.chdir("/")
    os.umask(0)
    libc.capset(libc.capget() & RIGHTS)


class Unpacker:
    """Layer by layer. `most`: bytes that may be written; `owners`: files get their owners."""

    def __init__(self, most: int, owners: bool) -> None:
        self.most = most
        self.left_out = 0
        self._left = most
        self._owners = owners
        self._entries = 0
        self._name = ""
        self._made: set[str] = set()  # paths of this layer
        self._times: dict[str, int] = {}  # of its directories, ns

    def layer(self, name: str, file: IO[bytes], digest: str) -> None:
        """RuntimeFailure."""
        self._name, self._made, self._times = name, set(), {}
        source = Hashed(file)
        try:
            with tarfile.open(fileobj=Stream(source), mode="r|*") as tar:  # type: ignore[call-overload]
                for member in tar:
                    tar.members = []  # it would keep every one
                    self._member(tar, member)
            if digest and source.digest() != digest:
                raise RuntimeFailure(f"{name}: its digest is another one")
        except BROKEN as error:
            raise RuntimeFailure(f"{name}: cannot be read: {one_line(error)}") from None
        for path, time in sorted(self._times.items(), reverse=True):
            if stat.S_ISDIR(_mode(path)):
                os.utime(path, ns=(time, time), follow_symlinks=False)

    def _inside(self, name: str) -> str:
        """Below `/`; RuntimeFailure for a name that climbs."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            raise RuntimeFailure(f"{self._name}: {name!r} leads out of the root")
        return "/" + "/".join(parts)

    def _member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self._entries += 1
        if self._entries > ENTRIES_MOST:
            raise RuntimeFailure(f"{self._name}: more than {ENTRIES_MOST} files")
        path = self._inside(member.name)
        directory, _, base = path.rpartition("/")
        os.makedirs(directory or "/", mode=0o755, exist_ok=True)
        if base.startswith(WHITEOUT):
            self._whiteout(directory, base)
            return
        if not (member.isdir() and stat.S_ISDIR(_mode(path))):
            if path == "/":
                raise RuntimeFailure(f"{self._name}: its root is not a directory")
            _remove(path)
            if not self._make(tar, member, path):
                return
        self._made.add(path)
        self._dress(member, path)

    def _make(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> bool:
        """False for what is left out."""
        if member.isdir():
            os.mkdir(path, 0o700)
        elif member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            os.link(self._inside(member.linkname), path, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(path, 0o600)
        elif member.ischr() or member.isblk():
            self.left_out += 1
            return False
        else:
            self._write(tar, member, path)
        return True

    def _write(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        """A file. Blocks of zeros become holes."""
        if not 0 <= member.size <= self._left:
            raise RuntimeFailure(f"{self._name}: {member.name!r}: more than {self.most} bytes in all (--max-size)")
        self._left -= member.size
        source = tar.extractfile(member)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "wb", buffering=0) as file:
            while source is not None and (data := source.read(CHUNK)):
                if data.count(0) == len(data):
                    file.seek(len(data), os.SEEK_CUR)
                else:
                    _write_all(file, data)
            file.truncate(member.size)

    def _dress(self, member: tarfile.TarInfo, path: str) -> None:
        """Owner, mode, time. A hard link has those of the file."""
        if member.islnk():
            return
        time = max(0, min(int(member.mtime), TIME_MOST)) * 1_000_000_000
        if self._owners:
            os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            os.chmod(path, member.mode & 0o7777)
        if member.isdir():
            self._times[path] = time
        else:
            os.utime(path, ns=(time, time), follow_symlinks=False)

    def _whiteout(self, directory: str, base: str) -> None:
        """What lower layers have (layer.md, "Whiteouts")."""
        if base == OPAQUE:
            self._clear(directory or "/")
        elif not base.startswith(WHITEOUT + WHITEOUT):  # what aufs kept for itself
            name = base.removeprefix(WHITEOUT)
            if name in ("", ".", ".."):
                raise RuntimeFailure(f"{self._name}: a whiteout of {name!r}")
            self._clear(f"{directory}/{name}", True)

    def _clear(self, path: str, itself: bool = False) -> None:
        """Remove what this layer has not made."""
        if stat.S_ISDIR(_mode(path)):
            for name in os.listdir(path):
                self._clear(f"{path.rstrip('/')}/{name}", True)
        if itself and path not in self._made:
            try:
                os.rmdir(path) if stat.S_ISDIR(_mode(path)) else os.unlink(path)
            except OSError:  # it is not there, or holds what this layer has made
                pass


class Stream:
    """What tarfile reads a compressed stream from."""

    def __init__(self, source: Hashed) -> None:
        self._source = source
        self._first = True

    def read(self, size: int = -1) -> bytes:
        """RuntimeFailure for a compression that Python lacks."""
        data = self._source.read(size)
        if self._first and data.startswith(ZSTD):
            raise RuntimeFailure("layers compressed with zstd are not supported: save the image with gzip, or without")
        self._first = False
        return data


def _mode(path: str) -> int:
    """0 when there is nothing."""
    try:
        return os.stat(path, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _remove(path: str) -> None:
    """Whatever is there."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        for name in os.listdir(path):
            _remove(f"{path}/{name}")
        os.rmdir(path)
    elif mode:
        os.unlink(path)


def _write_all(file: IO[bytes], data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
