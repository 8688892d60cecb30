"""Unix sockets: fill levels like the host's, connections, descriptors in flight and their cycles."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct

import pytest

from sandbox.abi.linux import socket as abi
from sandbox.sockets.unix.socket import UnixSocket
from tests.unit.sandbox.kernel.box import STACK_SIZE, STACK_TOP, Box

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

READ, WRITE, CLOSE, IOCTL = 0, 1, 3, 16
SOCKET, CONNECT, ACCEPT4, SENDTO, RECVFROM, SENDMSG, RECVMSG = 41, 42, 288, 44, 45, 46, 47
SHUTDOWN, BIND, LISTEN, SOCKETPAIR, SETSOCKOPT, GETSOCKOPT = 48, 49, 50, 53, 54, 55
NONBLOCK = 0o4000
BUFFER = STACK_TOP - STACK_SIZE


class Guest:
    """Calls of process 1; small structures at fixed places."""

    def __init__(self, box: Box) -> None:
        self.box, self.t = box, box.init
        self.head, self.iov, self.control, self.name = (box.room() for _ in range(4))

    def pair(self, kind: int = abi.SOCK_STREAM, flags: int = NONBLOCK) -> tuple[int, int]:
        assert self.box.call(self.t, SOCKETPAIR, abi.AF_UNIX, kind | flags, 0, self.name) == 0
        return self.box.word(self.t, self.name), self.box.word(self.t, self.name + 4)

    def address(self, name: bytes) -> int:
        self.box.put(self.t, struct.pack("<H", abi.AF_UNIX) + name, self.name)
        return 2 + len(name)

    def send(self, fd: int, data: bytes, files: tuple[int, ...] = (), flags: int = 0) -> int | None:
        box, t = self.box, self.t
        box.put(t, data or b"\0", BUFFER)
        box.put(t, struct.pack("<QQ", BUFFER, len(data)), self.iov)
        size = 16 + 4 * len(files) if files else 0
        if files:
            box.put(
                t,
                abi.CMSGHDR.pack(size, abi.SOL_SOCKET, abi.SCM_RIGHTS) + struct.pack(f"<{len(files)}i", *files),
                self.control,
            )
        box.put(t, abi.MSGHDR.pack(0, 0, self.iov, 1, self.control, size, 0), self.head)
        return box.call(t, SENDMSG, fd, self.head, flags)

    def receive(
        self, fd: int, size: int = 100, room: int = 200, flags: int = 0
    ) -> tuple[int | None, bytes, list[int], int]:
        """(result, data, descriptors, msg_flags)."""
        box, t = self.box, self.t
        box.put(t, struct.pack("<QQ", BUFFER, size), self.iov)
        box.put(t, abi.MSGHDR.pack(0, 0, self.iov, 1, self.control, room, 0), self.head)
        n = box.call(t, RECVMSG, fd, self.head, flags)
        if n is None or n < 0:
            return n, b"", [], 0
        _, _, _, _, _, used, got_flags = abi.MSGHDR.unpack(box.get(t, self.head, 56))
        fds: list[int] = []
        if used:
            length, level, kind = abi.CMSGHDR.unpack(box.get(t, self.control, 16))
            assert (level, kind) == (abi.SOL_SOCKET, abi.SCM_RIGHTS)
            fds = list(struct.unpack(f"<{(length - 16) // 4}i", box.get(t, self.control + 16, length - 16)))
        return n, box.get(t, BUFFER, min(n, size)), fds, got_flags


@pytest.fixture
def guest(box: Box) -> Guest:
    return Guest(box)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
@pytest.mark.parametrize("size", [1, 192, 193, 1000, 4096, 10000, 16065, 50000, 100000])
def test_holds_as_much_as_the_host(guest: Guest, kind: int, size: int) -> None:
    one, _two = guest.pair(kind)
    theirs, theirs_peer = socket.socketpair(socket.AF_UNIX, kind)
    theirs.setblocking(False)
    data = bytes(size)
    while True:
        try:
            wanted = theirs.send(data)
        except BlockingIOError:
            wanted = -errno.EAGAIN
        assert guest.box.call(guest.t, SENDTO, one, BUFFER, size, 0, 0, 0) == wanted
        if wanted < 0:
            break
    queued = struct.unpack("i", fcntl.ioctl(theirs, abi.SIOCOUTQ, bytes(4)))[0]
    guest.box.call(guest.t, IOCTL, one, abi.SIOCOUTQ, guest.name)
    assert guest.box.word(guest.t, guest.name) == queued
    theirs.close()
    theirs_peer.close()


def test_connection(guest: Guest) -> None:
    box, t = guest.box, guest.t
    server = box.call(t, SOCKET, abi.AF_UNIX, abi.SOCK_STREAM, 0) or 0
    client = box.call(t, SOCKET, abi.AF_UNIX, abi.SOCK_STREAM | NONBLOCK, 0) or 0
    size = guest.address(b"\0service")
    assert box.call(t, CONNECT, client, guest.name, size) == -errno.ECONNREFUSED
    assert box.call(t, LISTEN, server, 0) == -errno.EINVAL
    assert box.call(t, BIND, server, guest.name, size) == 0
    assert box.call(t, CONNECT, client, guest.name, size) == -errno.ECONNREFUSED
    assert box.call(t, LISTEN, server, 0) == 0
    other = box.fork(t)
    assert box.call(t, ACCEPT4, server, 0, 0, 0) is None
    assert box.call(other, CONNECT, client, guest.name, size) == 0
    served = box.thread(t).result()
    assert box.call(t, WRITE, served, box.put(t, b"hi", BUFFER), 2) == 2
    assert guest.receive(client)[:2] == (2, b"hi")
    assert box.call(t, CONNECT, client, guest.name, guest.address(b"\0service")) == -errno.EISCONN


def test_backlog(guest: Guest) -> None:
    box, t = guest.box, guest.t
    server = box.call(t, SOCKET, abi.AF_UNIX, abi.SOCK_STREAM, 0) or 0
    size = guest.address(b"\0busy")
    box.call(t, BIND, server, guest.name, size)
    box.call(t, LISTEN, server, 0)
    clients = [box.call(t, SOCKET, abi.AF_UNIX, abi.SOCK_STREAM | NONBLOCK, 0) or 0 for _ in range(2)]
    assert box.call(t, CONNECT, clients[0], guest.name, size) == 0
    assert box.call(t, CONNECT, clients[1], guest.name, size) == -errno.EAGAIN
    assert box.call(t, CLOSE, server) == 0
    assert guest.receive(clients[0])[0] == -errno.ECONNRESET
    assert guest.receive(clients[0])[0] == 0


def test_files_travel(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair()
    box.call(t, 293, guest.name, 0)
    r, w = box.word(t, guest.name), box.word(t, guest.name + 4)
    assert guest.send(one, b"plain") == 5
    assert guest.send(one, b"x", (w,)) == 1
    assert guest.send(one, b"after") == 5
    box.call(t, CLOSE, w)
    n, data, fds, flags = guest.receive(two)
    assert (n, data, flags) == (6, b"plainx", 0)
    assert box.call(t, WRITE, fds[0], box.put(t, b"via", BUFFER), 3) == 3
    assert box.call(t, READ, r, BUFFER, 8) == 3
    assert guest.receive(two)[:3] == (5, b"after", [])


def test_files_without_room_are_closed(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair()
    box.call(t, 293, guest.name, 0)
    r, w = box.word(t, guest.name), box.word(t, guest.name + 4)
    guest.send(one, b"x", (w, w))
    box.call(t, CLOSE, w)
    n, _, fds, flags = guest.receive(two, room=20)
    assert (n, len(fds), flags) == (1, 1, abi.MSG_CTRUNC)
    box.call(t, CLOSE, fds[0])
    assert box.call(t, READ, r, BUFFER, 1) == 0


def test_peeked_files_are_copies(guest: Guest) -> None:
    one, two = guest.pair()
    guest.send(one, b"x", (one,))
    _, _, first, _ = guest.receive(two, flags=abi.MSG_PEEK)
    _, _, second, _ = guest.receive(two)
    assert len(first) == len(second) == 1 and first != second
    files = guest.t.fds
    assert files.get(first[0]) is files.get(second[0]) is files.get(one)


def test_cycle_of_sockets_in_flight_is_collected(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair()
    first, second = t.fds.get(one), t.fds.get(two)
    assert isinstance(first, UnixSocket) and isinstance(second, UnixSocket)
    guest.send(one, b"x", (one, two))
    guest.send(two, b"x", (one, two))
    box.call(t, 293, guest.name, 0)
    r, w = box.word(t, guest.name), box.word(t, guest.name + 4)
    guest.send(one, b"x", (w,))
    box.call(t, CLOSE, w)
    box.call(t, CLOSE, one)
    assert first.refs == 2
    box.call(t, CLOSE, two)
    assert (first.refs, second.refs) == (0, 0)
    assert not first.namespace.in_flight
    assert box.call(t, READ, r, BUFFER, 1) == 0, "the pipe that lay in the queue is closed too"


def test_a_long_chain_of_sockets_in_messages_is_closed_in_parts(guest: Guest) -> None:
    """Each pair lies in a message of the next one: closing the last closes them all."""
    box, t = guest.box, guest.t
    first = before = guest.pair()
    kept = t.fds.get(first[0])
    kept.acquire()
    for _ in range(5000):
        pair = guest.pair()
        assert guest.send(pair[0], b"x", before) == 1
        for fd in before:
            assert box.call(t, CLOSE, fd) == 0
        before = pair
    assert kept.refs == 2
    for fd in before:
        assert box.call(t, CLOSE, fd) == 0
    for _ in range(20):
        box.advance(1_000_000)
    assert kept.refs == 1 and not kept.namespace.in_flight  # type: ignore[attr-defined]


def test_reachable_sockets_in_flight_stay(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair()
    third, fourth = guest.pair()
    guest.send(one, b"x", (third,))
    file = t.fds.get(third)
    box.call(t, CLOSE, third)
    box.call(t, CLOSE, fourth)
    assert file.refs == 1
    _, _, fds, _ = guest.receive(two)
    assert t.fds.get(fds[0]) is file


def test_too_many_descriptors(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, _ = guest.pair()
    size = 16 + 4 * 254
    box.put(t, abi.CMSGHDR.pack(size, 1, 1) + struct.pack("<254i", *([one] * 254)), BUFFER + 4096)
    box.put(t, struct.pack("<QQ", BUFFER, 1), guest.iov)
    box.put(t, abi.MSGHDR.pack(0, 0, guest.iov, 1, BUFFER + 4096, size, 0), guest.head)
    assert box.call(t, SENDMSG, one, guest.head, 0) == -errno.EINVAL


def test_waitall_waits_for_everything(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair(flags=0)
    other = box.fork(t)
    assert box.call(t, RECVFROM, two, BUFFER, 10, abi.MSG_WAITALL, 0, 0) is None
    source = box.put(other, b"0123456789", guest.iov)
    assert box.call(other, SENDTO, one, source, 4, 0, 0, 0) == 4
    assert not box.running(t)
    assert box.call(other, SENDTO, one, source + 4, 6, 0, 0, 0) == 6
    assert box.thread(t).result() == 10
    assert box.get(t, BUFFER, 10) == b"0123456789"


def test_time_out(guest: Guest) -> None:
    box, t = guest.box, guest.t
    _, two = guest.pair(flags=0)
    box.put(t, abi.TIMEVAL.pack(0, 250_000), guest.iov)
    assert box.call(t, SETSOCKOPT, two, abi.SOL_SOCKET, abi.SO_RCVTIMEO, guest.iov, 16) == 0
    assert box.call(t, READ, two, BUFFER, 10) is None
    box.advance(249_999_999)
    assert not box.running(t)
    box.advance(1)
    assert box.thread(t).result() == -errno.EAGAIN


def test_half_close(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair()
    guest.send(one, b"last")
    assert box.call(t, SHUTDOWN, one, abi.SHUT_WR) == 0
    assert guest.send(one, b"x", flags=abi.MSG_NOSIGNAL) == -errno.EPIPE
    assert guest.receive(two)[:2] == (4, b"last")
    assert guest.receive(two)[0] == 0
    assert guest.send(two, b"back") == 4
    assert guest.receive(one)[:2] == (4, b"back")
    assert box.call(t, SHUTDOWN, one, 3) == -errno.EINVAL


def test_messages_are_cut(guest: Guest) -> None:
    one, two = guest.pair(abi.SOCK_DGRAM)
    guest.send(one, b"datagram")
    assert guest.receive(two, 4, flags=abi.MSG_PEEK) == (4, b"data", [], abi.MSG_TRUNC)
    assert guest.receive(two, 4, flags=abi.MSG_TRUNC)[0] == 8
    assert guest.receive(two)[0] == -errno.EAGAIN


def test_low_mark(guest: Guest) -> None:
    box, t = guest.box, guest.t
    one, two = guest.pair(flags=0)
    other = box.fork(t)
    box.put(t, abi.INT.pack(4), guest.iov)
    assert box.call(t, SETSOCKOPT, two, abi.SOL_SOCKET, abi.SO_RCVLOWAT, guest.iov, 4) == 0
    assert box.call(t, READ, two, BUFFER, 10) is None
    assert box.call(other, WRITE, one, BUFFER, 3) == 3
    assert not box.running(t)
    assert box.call(other, WRITE, one, BUFFER, 3) == 3
    assert box.thread(t).result() == 6
