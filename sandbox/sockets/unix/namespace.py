"""Names of Unix sockets: abstract ones, bound paths, autobind; and descriptors in flight (unix(7), net/unix/garbage.c)."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.socket import AF_UNIX, FAMILY, UNIX_PATH_MAX
from sandbox.abi.linux.stat import S_IFMT, S_IFSOCK
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_NOFILE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.reactor import Reactor
    from sandbox.sockets.unix.socket import UnixSocket
    from sandbox.vfs.file_description import FileDescription

FAMILY_ONLY: Final = FAMILY.pack(AF_UNIX)
MAX_ADDRESS: Final = 2 + UNIX_PATH_MAX
_AUTOBIND_NAMES: Final = 1 << 20
DROPPED_AT_ONCE: Final = 2000
PAUSE_NS: Final = 1_000_000
IN_FLIGHT_FOR_ONE: Final = 16
SEARCHES_REST: Final = 20  # times as long as the last search for what is out of reach took
MAX_IN_FLIGHT: Final = (
    1 << 17
)  # descriptors of the sandbox, all users together: ETOOMANYREFS beyond, also for the privileged
MAX_CHARGED: Final = 256 << 20  # bytes of messages that the sandbox keeps: ENOBUFS beyond


class UnixNamespace:
    """One per sandbox. `in_flight` counts, for each Unix socket, the messages that carry it."""

    __slots__ = (
        "abstract",
        "sockets",
        "in_flight",
        "in_flight_files",
        "flying",
        "charged",
        "_last_auto",
        "_collecting",
        "_reactor",
        "_doomed",
        "_dropping",
        "_patience",
        "_search_next",
        "_search_due",
    )

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._doomed: deque[FileDescription] = deque()  # of messages that nobody will read
        self._dropping = False
        self._patience = 0  # sockets that may be closed before the next search
        self._search_next = 0  # ns
        self._search_due = False
        self.abstract: dict[tuple[int, int, bytes], UnixSocket] = {}  # by network namespace, type and name
        self.sockets: dict[UnixSocket, None] = {}  # all that are open, in the order in which they were made
        self.in_flight: dict[UnixSocket, int] = {}
        self.in_flight_files: dict[int, int] = {}  # by uid: what RLIMIT_NOFILE bounds
        self.flying = 0  # the sum of those
        self.charged = 0  # what all unread messages are charged
        self._last_auto = 0
        self._collecting = False

    def charge(self, sender: UnixSocket, charge: int) -> None:
        """A message of `sender` is being queued. ENOBUFS."""
        if self.charged + charge > MAX_CHARGED:
            raise SyscallError(errno.ENOBUFS)
        self.charged += charge
        sender.sent += charge

    def autobind(self, socket: UnixSocket) -> bytes:
        """The sun_path of a free name of five hexadecimal digits. ENOSPC."""
        for _ in range(_AUTOBIND_NAMES):
            self._last_auto = (self._last_auto + 1) % _AUTOBIND_NAMES
            name = b"\0%05x" % self._last_auto
            if (socket.net, socket.kind, name) not in self.abstract:
                self.abstract[(socket.net, socket.kind, name)] = socket
                return name
        raise SyscallError(errno.ENOSPC)

    # --- descriptors in flight ---

    def attach(self, t: Task, uid: int, files: list[FileDescription]) -> None:
        """unix_attach_fds: the files go into a message of a socket of `uid`. ETOOMANYREFS."""
        limit = t.group.rlimits.get(RLIMIT_NOFILE)
        if self.in_flight_files.get(uid, 0) > limit and not (
            t.creds.has(CAP_SYS_RESOURCE) or t.creds.has(CAP_SYS_ADMIN)
        ):
            raise SyscallError(errno.ETOOMANYREFS)
        if self.flying + len(files) > MAX_IN_FLIGHT:
            self._patience = 0
            self.closed()
        if self.flying + len(files) > MAX_IN_FLIGHT:
            raise SyscallError(errno.ETOOMANYREFS)
        self.flying += len(files)
        self.in_flight_files[uid] = self.in_flight_files.get(uid, 0) + len(files)
        for file in files:
            file.acquire()
            self.enter(file)

    def enter(self, file: FileDescription) -> None:
        """A message refers to `file`."""
        from sandbox.sockets.unix.socket import UnixSocket

        if isinstance(file, UnixSocket):
            self.in_flight[file] = self.in_flight.get(file, 0) + 1

    def detach(self, uid: int, files: list[FileDescription]) -> None:
        """The message is received or thrown away; references stay with the caller."""
        self.flying -= len(files)
        self.in_flight_files[uid] = max(0, self.in_flight_files.get(uid, 0) - len(files))
        for file in files:
            count = self.in_flight.get(file, 0)  # type: ignore[call-overload]
            if count > 1:
                self.in_flight[file] = count - 1  # type: ignore[index]
            elif count:
                del self.in_flight[file]  # type: ignore[arg-type]

    def drop_all(self, files: list[FileDescription]) -> None:
        """The files of a message that nobody will read. One of them may be a socket with such messages of its own,
        and so on: they wait in line, and a long line is served in parts."""
        self._doomed.extend(files)
        if not self._dropping:
            self._drop_some()

    def _drop_some(self) -> None:
        self._dropping = True
        for _ in range(DROPPED_AT_ONCE):
            if not self._doomed:
                self._dropping = False
                self.closed()
                return
            self._doomed.popleft().drop()
        self._reactor.call_at(self._reactor.clock.now_ns() + PAUSE_NS, self._drop_some)

    def closed(self) -> None:
        """A socket is gone, or only messages refer to it: some may be out of reach now. The search costs as much as there is in
        flight, so after a long one the next is made for many at once."""
        if self._dropping or not self.in_flight or self._search_due:
            return  # while some are dropped: once more at the end
        if self._patience:
            self._patience -= 1
        elif self._reactor.clock.now_ns() < self._search_next:
            self._search_due = True
            self._reactor.call_at(self._search_next, self._search)
        else:
            self._search()

    def _search(self) -> None:
        self._search_due = False
        clock = self._reactor.clock
        begin = clock.now_ns()
        self.collect()
        self._patience = len(self.in_flight) // IN_FLIGHT_FOR_ONE
        now = clock.now_ns()
        self._search_next = now + SEARCHES_REST * (now - begin)

    def collect(self) -> None:
        """Throw away the queues of sockets that only messages refer to, and only messages in such queues."""
        if self._collecting:
            return
        candidates = {socket for socket, count in self.in_flight.items() if socket.refs == count}
        if not candidates:
            return
        inside: dict[UnixSocket, int] = {}
        for socket in candidates:
            for other in socket.sockets_in_queues():
                inside[other] = inside.get(other, 0) + 1
        alive = [socket for socket in candidates if inside.get(socket, 0) < self.in_flight[socket]]
        candidates.difference_update(alive)
        while alive:
            for other in alive.pop().sockets_in_queues():
                if other in candidates:
                    candidates.discard(other)
                    alive.append(other)
        self._collecting = True
        for socket in candidates:
            socket.acquire()
        for socket in candidates:
            socket.purge()
        for socket in candidates:
            socket.drop()
        self._collecting = False


def parse_address(address: bytes) -> bytes:
    """sun_path as it matters: b"" to autobind, b"\\0…" abstract, else a path. EINVAL."""
    if not 2 <= len(address) <= MAX_ADDRESS or FAMILY.unpack_from(address)[0] != AF_UNIX:
        raise SyscallError(errno.EINVAL)
    path = address[2:]
    if path[:1] not in (b"", b"\0"):
        path = path.split(b"\0", 1)[0]
    return path


def pack_address(name: bytes | None) -> bytes:
    """struct sockaddr_un for a name as `parse_address` gives it, None for a socket without one."""
    if name is None:
        return FAMILY_ONLY
    return FAMILY_ONLY + name if name[:1] == b"\0" else FAMILY_ONLY + name + b"\0"


def find_socket(t: Task, namespace: UnixNamespace, name: bytes, kind: int) -> UnixSocket:
    """unix_find_other: who is bound to `name`; abstract names are apart for each type. ECONNREFUSED, ENOENT, EACCES …"""
    from sandbox.sockets.unix.socket import UnixSocket

    if not name:
        raise SyscallError(errno.ECONNREFUSED)
    if name[:1] == b"\0":
        found = namespace.abstract.get((t.ns.net.number, kind, name))
        if found is None:
            raise SyscallError(errno.ECONNREFUSED)
        return found
    from sandbox.vfs.permission import MAY_WRITE, check
    from sandbox.vfs.walk import lookup

    inode = lookup(t, AT_FDCWD, name).inode
    check(t.creds, inode, MAY_WRITE)
    bound = inode.attached
    if inode.mode & S_IFMT != S_IFSOCK or not isinstance(bound, UnixSocket):
        raise SyscallError(errno.ECONNREFUSED)
    return bound
