"""Inet sockets over a stack of their own: addresses, the order of errors, messages, policy, interface ioctls."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from sandbox.errors import SyscallError
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import Policy
from sandbox.sockets.base import IN_PROGRESS, Received
from sandbox.sockets.inet.family import InetFamily
from sandbox.sockets.inet.sockaddr import decode, encode
from sandbox.sockets.inet.socket import InetSocket
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.addr import SockAddr, parse
from tests.unit.sandbox.inet.fakes import FakeTask

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

AF_INET, AF_INET6, STREAM, DGRAM, RAW = 2, 10, 1, 2, 3


@pytest.fixture
def t() -> Any:
    return FakeTask()


def make(t: Any, family: int = AF_INET, kind: int = STREAM, protocol: int = 0) -> InetSocket:
    socket = InetFamily(family).create(t, kind, protocol)
    assert isinstance(socket, InetSocket)
    return socket


def sockaddr(address: str, port: int) -> bytes:
    return encode(SockAddr(parse(address), port))


def number(call: Any, *arguments: Any) -> int:
    with pytest.raises(SyscallError) as caught:
        call(*arguments)
    return caught.value.errno


def test_addresses_round_trip() -> None:
    assert sockaddr("1.2.3.4", 80) == b"\x02\0\0\x50\1\2\3\4" + bytes(8)
    six = SockAddr(parse("fe80::1"), 443, 7, 0x01020304)
    raw = encode(six)
    assert len(raw) == 28
    assert decode(raw, AF_INET6) == six
    assert decode(raw[:24], AF_INET6) == SockAddr(six.addr, 443)
    assert decode(b"\0\0", AF_INET) is None


@pytest.mark.parametrize(
    ("raw", "family", "expected"),
    [
        (b"\x02", AF_INET, errno.EINVAL),
        (b"\x02\0" + bytes(13), AF_INET, errno.EINVAL),
        (b"\x0a\0" + bytes(26), AF_INET, errno.EAFNOSUPPORT),
        (b"\x02\0" + bytes(14), AF_INET6, errno.EINVAL),
        (b"\x02\0" + bytes(26), AF_INET6, errno.EAFNOSUPPORT),
    ],
)
def test_bad_addresses(raw: bytes, family: int, expected: int) -> None:
    assert number(decode, raw, family) == expected


def test_who_may_have_which_socket(t: Any) -> None:
    create = InetFamily(AF_INET).create
    assert number(create, t, STREAM, 17) == errno.EPROTONOSUPPORT
    assert number(create, t, DGRAM, 6) == errno.EPROTONOSUPPORT
    assert number(create, t, 4, 0) == errno.ESOCKTNOSUPPORT
    assert number(create, t, STREAM, 256) == errno.EINVAL
    t.creds.capable = False
    assert number(create, t, RAW, 1) == errno.EPERM
    assert number(make(t).bind, t, sockaddr("0.0.0.0", 80)) == errno.EACCES


def test_a_connection_over_the_loopback(t: Any) -> None:
    server, client = make(t), make(t)
    server.bind(t, sockaddr("127.0.0.1", 8080))
    server.listen(t, 5)
    assert server.accepting() and server.accept(t, 0) is None
    assert client.connect(t, sockaddr("127.0.0.1", 8080)) == IN_PROGRESS
    assert client.connect_result(t) == IN_PROGRESS
    t.kernel.stack.flush()
    assert client.connect_result(t) == 0
    assert number(client.connect, t, sockaddr("127.0.0.1", 8080)) == errno.EISCONN
    accepted = server.accept(t, 0)
    assert accepted is not None and accepted.getpeername(t) == client.getsockname(t)
    assert client.sendmsg(t, memoryview(b"hello"), b"", 0, []) == 5
    t.kernel.stack.flush()
    buffer = memoryview(bytearray(10))
    got = Received()
    assert accepted.recvmsg(t, buffer, 0, got) == 5
    assert got.address == b"" and bytes(buffer[:5]) == b"hello"
    assert accepted.recvmsg(t, buffer, 0, None) == WOULD_BLOCK
    t.memory[4] = b""
    assert number(server.ioctl, t, 0x541B, 4, None) == errno.EINVAL
    accepted.release()
    t.kernel.stack.flush()
    assert client.recvmsg(t, buffer, 0, None) == 0
    client.shutdown(t, 1)
    assert number(client.sendmsg, t, memoryview(b"x"), b"", 0, []) == errno.EPIPE
    assert len(t.signals) == 1
    assert number(client.sendmsg, t, memoryview(b"x"), b"", 0x4000, []) == errno.EPIPE
    assert len(t.signals) == 1


def test_a_refused_connection(t: Any) -> None:
    client = make(t)
    assert client.connect(t, sockaddr("127.0.0.1", 9)) == IN_PROGRESS
    t.kernel.stack.flush()
    assert number(client.connect_result, t) == errno.ECONNREFUSED
    assert client.take_error() == 0


def test_datagrams_and_truncation(t: Any) -> None:
    server, client = make(t, kind=DGRAM), make(t, kind=DGRAM)
    server.bind(t, sockaddr("127.0.0.1", 5000))
    assert client.sendmsg(t, memoryview(b"a datagram"), sockaddr("127.0.0.1", 5000), 0, []) == 10
    t.kernel.stack.flush()
    got = Received()
    assert server.recvmsg(t, memoryview(bytearray(4)), 0, got) == 4
    assert got.size == 10 and got.flags & 0x20
    assert got.address[:2] == b"\x02\0"
    assert server.recvmsg(t, memoryview(bytearray(4)), 0, Received()) == WOULD_BLOCK


def test_what_the_policy_refuses_is_refused_at_once(t: Any) -> None:
    lines: list[str] = []
    network = t.kernel.net
    network.guard = EgressGuard(Policy.parse(["1.1.1.1:53"]), NamePins(t.kernel.clock), network.counters, lines.append)
    t.comm = b"ev\nil"
    assert number(make(t).connect, t, sockaddr("93.184.216.34", 443)) == errno.EACCES
    datagrams = make(t, kind=DGRAM)
    assert datagrams.connect(t, sockaddr("1.1.1.1", 54)) == 0  # nothing is sent yet
    for _ in range(2):
        assert number(datagrams.sendmsg, t, memoryview(b"x"), b"", 0, []) == errno.EACCES
    assert make(t, kind=DGRAM).connect(t, sockaddr("1.1.1.1", 53)) == 0
    mapped = sockaddr("::ffff:93.184.216.34", 443)
    assert number(make(t, AF_INET6).connect, t, mapped) == errno.EACCES
    unconnected = make(t, kind=DGRAM)
    assert number(unconnected.sendmsg, t, memoryview(b"x"), sockaddr("8.8.8.8", 53), 0, []) == errno.EACCES
    assert make(t).connect(t, sockaddr("127.0.0.1", 80)) == IN_PROGRESS
    assert network.counters.denials == 5
    assert "pid 42" in lines[0] and "--allow 93.184.216.34:443" in lines[0]
    assert len(lines) == 3  # the mapped address is the same destination
    assert all(line.isprintable() and "ev\\nil" in line for line in lines)  # the name cannot make lines of its own


def test_a_datagram_socket_that_only_connects_is_not_a_denial(t: Any) -> None:
    """As getaddrinfo(3) does to sort addresses; the first message is what counts, whichever way it is sent."""
    lines: list[str] = []
    network = t.kernel.net
    network.guard = EgressGuard(Policy.parse(["1.1.1.1:53"]), NamePins(t.kernel.clock), network.counters, lines.append)
    for address, family in (("8.8.8.8", AF_INET), ("::ffff:8.8.8.8", AF_INET6)):
        probe = make(t, family, DGRAM)
        assert probe.connect(t, sockaddr(address, 53)) == 0
        assert decode(probe.getsockname(t), family) is not None
        probe.release()
    assert not lines and not network.counters.denials
    sender = make(t, AF_INET6, DGRAM)
    assert sender.connect(t, sockaddr("::ffff:8.8.8.8", 53)) == 0
    unspecified = struct.pack("<H", 0) + bytes(26)
    for address in (b"", unspecified, sockaddr("::ffff:8.8.8.8", 53)):
        assert number(sender.sendmsg, t, memoryview(b"x"), address, 0, []) == errno.EACCES
    assert len(lines) == 1 and "--allow udp:8.8.8.8:53" in lines[0]


def test_options_reach_the_endpoint(t: Any) -> None:
    socket = make(t)
    socket.setsockopt(t, 6, 1, struct.pack("<i", 1))
    assert socket.getsockopt(t, 6, 1, 4) == struct.pack("<i", 1)
    assert number(socket.setsockopt, t, 1, 999, bytes(4)) == errno.ENOPROTOOPT
    assert number(socket.getsockopt, t, 999, 1, 4) == errno.EOPNOTSUPP
    assert number(make(t, AF_INET6).getsockopt, t, 999, 1, 4) == errno.ENOPROTOOPT
    assert number(socket.setsockopt, t, 1, 25, b"none\0") == errno.ENODEV
    socket.setsockopt(t, 1, 25, b"eth0\0")
    assert socket.getsockopt(t, 1, 25, 16) == b"eth0\0"
    assert socket.getsockopt(t, 0, 2, 1) == b"\x40"


def test_interface_ioctls(t: Any) -> None:
    socket = make(t, kind=DGRAM)

    def ask(cmd: int, name: bytes) -> bytes:
        t.memory = {0x1000: name.ljust(40, b"\0")}
        assert socket.ioctl(t, cmd, 0x1000, None) == 0  # type: ignore[arg-type]
        return bytes(t.memory.get(0x1010, b""))

    assert struct.unpack("<h", ask(0x8913, b"lo"))[0] == 0x49
    assert struct.unpack("<i", ask(0x8933, b"eth0"))[0] == 2
    assert struct.unpack("<i", ask(0x8921, b"eth0"))[0] == 1500
    assert ask(0x8915, b"eth0")[4:8] == parse("10.0.2.15")
    assert ask(0x891B, b"eth0")[4:8] == parse("255.255.255.0")
    assert number(ask, 0x8913, b"eth9") == errno.ENODEV
    assert number(ask, 0x8914, b"eth0") == errno.EPERM
    t.creds.capable = False
    assert number(ask, 0x8914, b"lo") == errno.EPERM
    assert number(ask, 0x89EF, b"lo") == errno.ENOTTY
    assert number(ask, 0x89FF, b"lo") == errno.EOPNOTSUPP
    t.memory = {0x1000: struct.pack("<i4xQ", 4096, 0x2000)}
    assert socket.ioctl(t, 0x8912, 0x1000, None) == 0  # type: ignore[arg-type]
    assert t.memory[0x2000][:2] == b"lo" and t.memory[0x2000][40:44] == b"eth0"
    assert t.memory[0x1000] == struct.pack("<i", 80)


def test_sockets_are_forgotten(t: Any) -> None:
    socket = make(t)
    assert t.kernel.net.sockets == {socket} and t.kernel.net.totals.sockets == 1
    socket.release()
    assert not t.kernel.net.sockets and not t.kernel.net.totals.sockets
