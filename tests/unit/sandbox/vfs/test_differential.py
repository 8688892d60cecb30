"""The same random operations on a host directory and on our file systems: same errno, same tree."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.fs.hostfs.held import HOLD_NS
from sandbox.fs.overlay.root import Volume
from sandbox.kernel.credentials import Credentials
from tests.unit.sandbox.vfs.guest import Guest, make_kernel, mount_tmpfs

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

EXAMPLES = int(os.environ.get("STACKBOX_EXAMPLES", "100"))
LIBC = ctypes.CDLL(None, use_errno=True)
NAMES = ["a", "b", "c", "d/e", "d/f", "d", "a/x", "l", "l/x", "d/../a", "a/", "d/", ".", "d/.", "..", "nx/y", "l/"]
NAME = st.sampled_from(NAMES)
MODE = st.sampled_from([0o644, 0o600, 0o755, 0o4755, 0o2755, 0o2644, 0o1777, 0o000, 0o444])
DATA = st.sampled_from([b"", b"x", b"hello", b"y" * 5000, b"z" * 70000])

OPERATION = st.one_of(
    st.tuples(st.just("mkdir"), NAME, MODE),
    st.tuples(st.just("rmdir"), NAME),
    st.tuples(st.just("unlink"), NAME),
    st.tuples(st.just("rename"), NAME, NAME),
    st.tuples(st.just("link"), NAME, NAME),
    st.tuples(st.just("symlink"), st.sampled_from(["a", "d", "nx", "l", "../x", "d/e", "."]), NAME),
    st.tuples(st.just("chmod"), NAME, MODE),
    st.tuples(st.just("truncate"), NAME, st.sampled_from([0, 1, 3000, 100000])),
    st.tuples(
        st.just("write"),
        NAME,
        st.sampled_from(
            [
                os.O_WRONLY | os.O_CREAT,
                os.O_RDWR | os.O_CREAT | os.O_EXCL,
                os.O_WRONLY | os.O_TRUNC,
                os.O_WRONLY | os.O_APPEND,
                os.O_RDWR | os.O_CREAT | os.O_TRUNC,
                os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW,
                os.O_RDONLY | os.O_CREAT | os.O_DIRECTORY,
            ]
        ),
        MODE,
        DATA,
        st.sampled_from([0, 0, 7, 9000, 200000]),
    ),
    st.tuples(st.just("open"), NAME, st.sampled_from([0, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_RDWR, os.O_PATH])),
    st.tuples(st.just("readlink"), NAME),
    st.tuples(st.just("mkfifo"), NAME, MODE),
    st.tuples(st.just("access"), NAME, st.integers(0, 7)),
    st.tuples(st.just("chown"), NAME, st.sampled_from([-1, 0, 5]), st.sampled_from([-1, 0, 7])),
    st.tuples(st.just("tmpfile"), NAME, NAME),
    st.tuples(st.just("exchange"), NAME, NAME),
)


class Host:
    """The oracle: the host's own system calls in a directory, as `uid`."""

    def __init__(self, base: str, uid: int = 0) -> None:
        self.base = base
        self.uid = uid

    def run(self, op: tuple[Any, ...]) -> int:
        groups = os.getgroups()
        if self.uid:
            os.setgroups([])
            os.setegid(self.uid)
            os.seteuid(self.uid)
        try:
            return getattr(self, op[0])(*op[1:]) or 0
        except OSError as error:
            return -(error.errno or 0)
        finally:
            if self.uid:
                os.seteuid(0)
                os.setegid(0)
                os.setgroups(groups)

    def path(self, name: str) -> str:
        return f"{self.base}/w/{name}"

    def mkdir(self, name: str, mode: int) -> None:
        os.mkdir(self.path(name), mode)

    def rmdir(self, name: str) -> None:
        os.rmdir(self.path(name))

    def unlink(self, name: str) -> None:
        os.unlink(self.path(name))

    def rename(self, a: str, b: str) -> None:
        os.rename(self.path(a), self.path(b))

    def link(self, a: str, b: str) -> None:
        os.link(self.path(a), self.path(b), follow_symlinks=False)

    def symlink(self, text: str, name: str) -> None:
        os.symlink(text, self.path(name))

    def chmod(self, name: str, mode: int) -> None:
        os.chmod(self.path(name), mode)

    def truncate(self, name: str, size: int) -> None:
        if stat.S_ISFIFO(os.stat(self.path(name)).st_mode):
            return
        os.truncate(self.path(name), size)

    def fifo(self, name: str) -> bool:
        try:
            return stat.S_ISFIFO(os.stat(self.path(name)).st_mode)
        except OSError:
            return False

    def write(self, name: str, flags: int, mode: int, data: bytes, offset: int) -> int:
        fd = os.open(self.path(name), flags, mode)
        try:
            return os.pwrite(fd, data, offset)
        finally:
            os.close(fd)

    def open(self, name: str, flags: int) -> None:
        os.close(os.open(self.path(name), flags))

    def readlink(self, name: str) -> int:
        return len(os.readlink(self.path(name)))

    def mkfifo(self, name: str, mode: int) -> None:
        os.mkfifo(self.path(name), mode)

    def access(self, name: str, mode: int) -> int:
        os.stat(self.path(name))
        return 0 if os.access(self.path(name), mode, effective_ids=True) else -errno.EACCES

    def chown(self, name: str, uid: int, gid: int) -> None:
        os.chown(self.path(name), uid, gid)

    def tmpfile(self, where: str, name: str) -> None:
        fd = os.open(self.path(where), os.O_TMPFILE | os.O_RDWR, 0o640)
        try:
            os.write(fd, b"tmp")
            if LIBC.linkat(fd, b"", -100, self.path(name).encode(), 0x1000):
                raise OSError(ctypes.get_errno(), "linkat")
        finally:
            os.close(fd)

    def exchange(self, a: str, b: str) -> None:
        if LIBC.renameat2(-100, self.path(a).encode(), -100, self.path(b).encode(), 2):
            raise OSError(ctypes.get_errno(), "renameat2")

    def tree(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        top = f"{self.base}/w"
        for where, dirs, files in os.walk(top):
            for name in dirs + files:
                path = os.path.join(where, name)
                s = os.lstat(path)
                content: Any = None
                if stat.S_ISREG(s.st_mode):
                    with open(path, "rb") as file:
                        content = file.read()
                elif stat.S_ISLNK(s.st_mode):
                    content = os.readlink(path)
                nlink = 0 if stat.S_ISDIR(s.st_mode) else s.st_nlink
                out[path[len(top) :]] = (oct(s.st_mode), s.st_uid, s.st_gid, nlink, content)
        return out


class Ours:
    """The same through our handlers."""

    def __init__(self, guest: Guest, base: str) -> None:
        self.guest = guest
        self.base = base

    def path(self, name: str) -> str:
        return f"{self.base}/w/{name}"

    def run(self, op: tuple[Any, ...]) -> int:
        result = getattr(self, op[0])(*op[1:])
        assert isinstance(result, int)
        return result

    def mkdir(self, name: str, mode: int) -> int:
        return self.guest.call("mkdir", self.path(name), mode)

    def rmdir(self, name: str) -> int:
        return self.guest.call("rmdir", self.path(name))

    def unlink(self, name: str) -> int:
        return self.guest.call("unlink", self.path(name))

    def rename(self, a: str, b: str) -> int:
        return self.guest.call("rename", self.path(a), self.path(b))

    def link(self, a: str, b: str) -> int:
        return self.guest.call("link", self.path(a), self.path(b))

    def symlink(self, text: str, name: str) -> int:
        return self.guest.call("symlink", text, self.path(name))

    def chmod(self, name: str, mode: int) -> int:
        return self.guest.call("chmod", self.path(name), mode)

    def truncate(self, name: str, size: int) -> int:
        s = self.guest.stat(self.path(name))
        if not isinstance(s, int) and stat.S_ISFIFO(s.mode):
            return 0
        return self.guest.call("truncate", self.path(name), size)

    def write(self, name: str, flags: int, mode: int, data: bytes, offset: int) -> int:
        fd = self.guest.call("open", self.path(name), flags, mode)
        if fd < 0:
            return fd
        result = self.guest.call("pwrite64", fd, data, len(data), offset)
        self.guest.ok("close", fd)
        return result

    def open(self, name: str, flags: int) -> int:
        fd = self.guest.call("open", self.path(name), flags)
        if fd < 0:
            return fd
        return self.guest.ok("close", fd)

    def readlink(self, name: str) -> int:
        return self.guest.out("readlink", 4096, 1, self.path(name), 4096)[0]

    def mkfifo(self, name: str, mode: int) -> int:
        return self.guest.call("mknod", self.path(name), stat.S_IFIFO | mode, 0)

    def access(self, name: str, mode: int) -> int:
        s = self.guest.stat(self.path(name))
        if isinstance(s, int):
            return s
        return self.guest.call("faccessat2", -100, self.path(name), mode, 0x200)

    def chown(self, name: str, uid: int, gid: int) -> int:
        return self.guest.call("chown", self.path(name), uid, gid)

    def tmpfile(self, where: str, name: str) -> int:
        fd = self.guest.call("open", self.path(where), os.O_TMPFILE | os.O_RDWR, 0o640)
        if fd < 0:
            return fd
        self.guest.ok("write", fd, b"tmp", 3)
        result = self.guest.call("linkat", fd, "", -100, self.path(name), 0x1000)
        self.guest.ok("close", fd)
        return result

    def exchange(self, a: str, b: str) -> int:
        return self.guest.call("renameat2", -100, self.path(a), -100, self.path(b), 2)

    def tree(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        self._tree(f"{self.base}/w", out)
        return out

    def _tree(self, top: str, out: dict[str, Any]) -> None:
        for raw in self.guest.listdir(top):
            path = f"{top}/{os.fsdecode(raw)}"
            s = self.guest.stat(path, follow=False)
            assert not isinstance(s, int)
            content: Any = None
            if stat.S_ISREG(s.mode):
                content = self.guest.read_file(path)
                assert len(content) == s.size
            elif stat.S_ISLNK(s.mode):
                n, text = self.guest.out("readlink", 4096, 1, path, 4096)
                content = os.fsdecode(text[:n])
            nlink = 0 if stat.S_ISDIR(s.mode) else s.nlink
            out[path[len(self.base) + 2 :]] = (oct(s.mode), s.uid, s.gid, nlink, content)
            if stat.S_ISDIR(s.mode):
                self._tree(path, out)


def populate(base: str, shared: bool) -> None:
    """What is there at the start: in the lower layer for an overlay."""
    os.mkdir(f"{base}/w")
    os.mkdir(f"{base}/w/d")
    with open(f"{base}/w/a", "wb") as file:
        file.write(b"lower a" * 1000)
    with open(f"{base}/w/d/e", "wb") as file:
        file.write(b"lower e" * 20000)
    os.symlink("d", f"{base}/w/l")
    if shared:
        os.chmod(f"{base}/w", 0o777)
        os.chmod(f"{base}/w/d", 0o1777)


def fresh(kind: str, lower: str) -> Guest:
    if kind == "overlay":
        return Guest(make_kernel(lower))
    if kind in HOLD_NS:
        fd = os.open(lower, os.O_RDONLY | os.O_DIRECTORY)
        kernel = make_kernel("/", volumes=(Volume(fd, b"/v", hold_ns=HOLD_NS[kind]),))
        kernel.host_fds.append(fd)
        return Guest(kernel)
    kernel = make_kernel("/", volumes=())
    mount_tmpfs(kernel.mounts, b"/v", 0o755)
    guest = Guest(kernel)
    for name in ("/v/w", "/v/w/d"):
        guest.ok("mkdir", name, 0o755)
    guest.write_file("/v/w/a", b"lower a" * 1000)
    guest.write_file("/v/w/d/e", b"lower e" * 20000)
    guest.ok("symlink", "d", "/v/w/l")
    return guest


def agree(kind: str, operations: list[tuple[Any, ...]], uid: int = 0, shared: bool = True) -> None:
    """`uid`: who does it. `shared`: everybody may write at the top and in `d`, which is sticky."""
    host_dir, lower = tempfile.mkdtemp(), tempfile.mkdtemp()
    guest: Guest | None = None
    mask = os.umask(0o022)
    try:
        for base in (host_dir, lower):
            os.chmod(base, 0o755)
            populate(base, uid != 0 and shared)
        guest = fresh(kind, lower)
        if uid and kind == "tmpfs" and shared:
            guest.ok("chmod", "/v/w", 0o777)
            guest.ok("chmod", "/v/w/d", 0o1777)
        guest.creds = Credentials(uid, uid)
        host, ours = Host(host_dir, uid), Ours(guest, "" if kind == "overlay" else "/v")
        for op in operations:
            if op[0] in ("write", "open") and host.fifo(op[1]):
                continue
            if uid and op[0] == "tmpfile":
                continue  # who may link an open file that has no name differs between versions of Linux
            if kind in HOLD_NS and op[0] == "tmpfile":
                continue
            assert (op, ours.run(op)) == (op, host.run(op))
        guest.creds = Credentials()
        assert ours.tree() == host.tree()
        used = [fd for fd in guest.fds.fds()]
        assert used == []
    finally:
        os.umask(mask)
        if guest is not None:
            guest.kernel.close()
        for directory in (host_dir, lower):
            shutil.rmtree(directory)


RULES = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], derandomize=EXAMPLES <= 100)


@pytest.mark.skipif(os.geteuid() != 0, reason="the oracle changes its user")
@pytest.mark.parametrize("kind", ["overlay", "tmpfs", *HOLD_NS])
def test_random_operations_of_root_agree_with_the_host(kind: str) -> None:
    @RULES
    @given(st.lists(OPERATION, min_size=1, max_size=25))
    def run(operations: list[tuple[Any, ...]]) -> None:
        agree(kind, operations)

    run()


@pytest.mark.skipif(os.geteuid() != 0, reason="the oracle changes its user")
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kind", ["overlay", "tmpfs"])
def test_random_operations_of_a_user_agree_with_the_host(kind: str, shared: bool) -> None:
    @RULES
    @given(st.lists(OPERATION, min_size=1, max_size=25))
    def run(operations: list[tuple[Any, ...]]) -> None:
        agree(kind, operations, 1000, shared)

    run()
