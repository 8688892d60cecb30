"""rtnetlink answers, read back with pyroute2's decoder."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from sandbox.errors import SyscallError
from sandbox.sockets.base import Received
from sandbox.sockets.netlink.family import NetlinkFamily
from sandbox.sockets.netlink.socket import NetlinkSocket
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.stack.nic import MAX_ADDRESSES
from tests.unit.sandbox.inet.fakes import FakeTask

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE, RTM_NEWADDR, RTM_NEWLINK = 18, 22, 26, 30, 34, 20, 16
REQUEST, ACK, DUMP = 1, 4, 0x300


@pytest.fixture
def t() -> Any:
    return FakeTask()


@pytest.fixture
def sock(t: Any) -> NetlinkSocket:
    socket = NetlinkFamily().create(t, 3, 0)
    assert isinstance(socket, NetlinkSocket)
    return socket


def send(t: Any, sock: NetlinkSocket, kind: int, flags: int, body: bytes) -> int:
    return sock.sendmsg(t, memoryview(struct.pack("<IHHII", 16 + len(body), kind, flags, 9, 0) + body), b"", 0, [])


def receive(t: Any, sock: NetlinkSocket) -> list[Any]:
    """Every message that waits, decoded."""
    from pyroute2.netlink.rtnl.marshal import MarshalRtnl

    found = []
    buffer = memoryview(bytearray(8192))
    while (count := sock.recvmsg(t, buffer, 0, None)) != WOULD_BLOCK:
        assert count <= 4096
        found += list(MarshalRtnl().parse(bytes(buffer[:count])))
    return found


def dump(t: Any, sock: NetlinkSocket, kind: int, body: bytes) -> list[Any]:
    send(t, sock, kind, REQUEST | DUMP, body)
    messages = receive(t, sock)
    assert messages[-1]["header"]["type"] == 3
    assert all(m["header"]["sequence_number"] == 9 for m in messages)
    return messages[:-1]


def error_of(t: Any, sock: NetlinkSocket) -> int:
    buffer = memoryview(bytearray(8192))
    count = sock.recvmsg(t, buffer, 0, None)
    assert count >= 20 and struct.unpack_from("<H", buffer, 4)[0] == 2
    return -int(struct.unpack_from("<i", buffer, 16)[0])


def test_links(t: Any, sock: NetlinkSocket) -> None:
    lo, eth = dump(t, sock, RTM_GETLINK, bytes(16))
    assert (lo.get("ifname"), eth.get("ifname")) == ("lo", "eth0")
    assert lo["flags"] & 0x49 == 0x49 and lo["ifi_type"] == 772
    assert eth["ifi_type"] == 1 and eth.get("address") == t.kernel.net.find_nic("eth0").mac.hex(":")
    assert eth.get("mtu") == 1500 and eth.get("operstate") == "UP"
    send(t, sock, RTM_GETLINK, REQUEST, struct.pack("<BxHiII", 0, 0, 2, 0, 0))
    assert receive(t, sock)[0].get("ifname") == "eth0"
    send(t, sock, RTM_GETLINK, REQUEST, bytes(16) + struct.pack("<HH", 8, 3) + b"lo\0\0")
    assert receive(t, sock)[0].get("ifname") == "lo"
    send(t, sock, RTM_GETLINK, REQUEST, struct.pack("<BxHiII", 0, 0, 99, 0, 0))
    assert error_of(t, sock) == errno.ENODEV


def test_addresses(t: Any, sock: NetlinkSocket) -> None:
    found = {m.get("address"): m for m in dump(t, sock, RTM_GETADDR, bytes(8))}
    assert {"127.0.0.1", "::1", "10.0.2.15", "fd53:7461:636b::15"} <= found.keys()
    assert found["10.0.2.15"]["prefixlen"] == 24 and found["10.0.2.15"].get("broadcast") == "10.0.2.255"
    assert found["127.0.0.1"]["scope"] == 254
    only = dump(t, sock, RTM_GETADDR, b"\x02" + bytes(7))
    assert {m["family"] for m in only} == {2}
    sock.setsockopt(t, 270, 12, struct.pack("<i", 1))
    only = dump(t, sock, RTM_GETADDR, struct.pack("<BBBBI", 0, 0, 0, 0, 1))
    assert {m["index"] for m in only} == {1}


def test_routes_and_rules(t: Any, sock: NetlinkSocket) -> None:
    main = [m for m in dump(t, sock, RTM_GETROUTE, b"\x02" + bytes(11)) if m["table"] == 254]
    assert [(m.get("dst"), m["dst_len"], m.get("gateway")) for m in main] == [
        (None, 0, "10.0.2.1"),
        ("10.0.2.0", 24, None),
    ] or [(m.get("dst"), m["dst_len"], m.get("gateway")) for m in main] == [
        ("", 0, "10.0.2.1"),
        ("10.0.2.0", 24, None),
    ]
    body = struct.pack("<BBBBBBBBI", 2, 32, 0, 0, 0, 0, 0, 0, 0) + struct.pack("<HH", 8, 1) + bytes((8, 8, 8, 8))
    send(t, sock, RTM_GETROUTE, REQUEST, body)
    route = receive(t, sock)[0]
    assert (route.get("gateway"), route.get("prefsrc"), route.get("oif")) == ("10.0.2.1", "10.0.2.15", 2)
    rules = dump(t, sock, RTM_GETRULE, b"\x02" + bytes(11))
    assert [(m.get("priority", 0) or 0, m["table"]) for m in rules] == [(0, 255), (32766, 254), (32767, 253)]
    assert dump(t, sock, RTM_GETNEIGH, bytes(12)) == []


def test_changes_need_the_capability_and_the_loopback(t: Any, sock: NetlinkSocket) -> None:
    def add(index: int, addr: bytes) -> int:
        body = struct.pack("<BBBBI", 2, 8, 0, 0, index) + struct.pack("<HH", 8, 2) + addr
        send(t, sock, RTM_NEWADDR, REQUEST | ACK, body)
        return error_of(t, sock)

    assert add(1, b"\x7f\0\0\5") == 0
    assert add(1, b"\x7f\0\0\5") == errno.EEXIST
    assert add(2, b"\n\0\0\5") == errno.EPERM
    assert add(9, b"\n\0\0\5") == errno.ENODEV
    send(t, sock, RTM_NEWLINK, REQUEST | ACK, struct.pack("<BxHiII", 0, 0, 1, 0, 1))
    assert error_of(t, sock) == 0
    assert not t.kernel.net.find_nic("lo").up
    t.creds.capable = False
    assert add(1, b"\x7f\0\0\6") == errno.EPERM


def test_unknown_and_broken_requests(t: Any, sock: NetlinkSocket) -> None:
    send(t, sock, 200, REQUEST, bytes(16))
    assert error_of(t, sock) == errno.EOPNOTSUPP
    send(t, sock, RTM_GETLINK, REQUEST, b"\0")
    assert error_of(t, sock) == errno.EINVAL
    send(t, sock, RTM_GETLINK, REQUEST, bytes(16) + b"\x02\0\3\0")
    assert error_of(t, sock) == errno.EINVAL
    send(t, sock, RTM_GETLINK, ACK, bytes(16))  # no request: acknowledged
    assert error_of(t, sock) == 0
    sock.sendmsg(t, memoryview(b"\x05\0\0\0rubbish" + bytes(20)), b"", 0, [])
    assert sock.recvmsg(t, memoryview(bytearray(10)), 0, None) == WOULD_BLOCK


def test_names_and_truncation(t: Any, sock: NetlinkSocket) -> None:
    sock.bind(t, struct.pack("<HxxII", 16, 0, 1))
    assert sock.getsockname(t) == struct.pack("<HxxII", 16, 42, 1)
    other = NetlinkFamily().create(t, 2, 0)
    other.bind(t, struct.pack("<HxxII", 16, 0, 0))
    assert struct.unpack("<HxxII", other.getsockname(t))[1] > 1 << 31
    third = NetlinkFamily().create(t, 2, 0)
    with pytest.raises(SyscallError) as caught:
        third.bind(t, struct.pack("<HxxII", 16, 42, 0))
    assert caught.value.errno == errno.EADDRINUSE
    send(t, sock, RTM_GETLINK, REQUEST, struct.pack("<BxHiII", 0, 0, 1, 0, 0))
    got = Received()
    assert sock.recvmsg(t, memoryview(bytearray(10)), 0x2, got) == 10
    assert got.flags & 0x20 and got.size > 100
    assert sock.recvmsg(t, memoryview(bytearray(4096)), 0, None) == got.size
    sock.release()
    third.bind(t, struct.pack("<HxxII", 16, 42, 0))


def test_families_and_protocols(t: Any) -> None:
    for kind, protocol, number in (
        (1, 0, errno.ESOCKTNOSUPPORT),
        (3, 99, errno.EPROTONOSUPPORT),
        (3, 9, errno.EPROTONOSUPPORT),
    ):
        with pytest.raises(SyscallError) as caught:
            NetlinkFamily().create(t, kind, protocol)
        assert caught.value.errno == number


class _Ticking(ManualClock):
    """A millisecond passes with each look."""

    def now_ns(self) -> int:
        self.advance(1_000_000)
        return super().now_ns()


def test_very_many_requests_of_one_call_leave_others_their_turn(t: Any, sock: NetlinkSocket) -> None:
    kernel = t.kernel
    kernel.clock = _Ticking(1)
    one = struct.pack("<IHHII", 32, RTM_NEWLINK, REQUEST | ACK, 9, 0) + bytes(16)
    assert sock.sendmsg(t, memoryview(one * 100), b"", 0, []) == 3200
    buffer = memoryview(bytearray(8192))
    answers, turns = 0, 1
    while True:
        while sock.recvmsg(t, buffer, 0, None) != WOULD_BLOCK:
            answers += 1
        if not kernel.reactor.soon:
            break
        kernel.reactor.soon.popleft()()
        turns += 1
    assert answers == 100 and turns > 5


def test_one_call_asks_for_few_dumps(t: Any, sock: NetlinkSocket) -> None:
    one = struct.pack("<IHHII", 32, RTM_GETLINK, REQUEST | DUMP, 9, 0) + bytes(16)
    sock.sendmsg(t, memoryview(one * 2000), b"", 0, [])
    buffer = memoryview(bytearray(8192))
    kinds = []
    while (count := sock.recvmsg(t, buffer, 0, None)) != WOULD_BLOCK:
        kinds.append(struct.unpack_from("<H", buffer[:count], 4)[0])
    assert kinds[0] == RTM_NEWLINK and kinds[-1] == 2 and kinds.count(RTM_NEWLINK) < 500
    assert struct.unpack_from("<i", buffer, 16)[0] == -errno.EBUSY


def test_addresses_are_bounded(t: Any) -> None:
    nic = next(iter(t.kernel.stack.nics.values()))
    with pytest.raises(NetworkError):
        for number in range(2000):
            nic.add_address(bytes((10, 1)) + number.to_bytes(2, "big"), 32)
    assert len(t.kernel.stack.local) == MAX_ADDRESSES


def test_neighbours_that_are_set_are_bounded(t: Any, sock: NetlinkSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.sockets.netlink.neighbors.MOST", 10)
    buffer = memoryview(bytearray(8192))
    nic = next(iter(t.kernel.stack.nics.values()))
    nic.has_arp = True
    for number in range(12):
        mac = struct.pack("<HH6s2x", 10, 2, b"\2\0\0\0\0\1")
        body = (
            struct.pack("<BxxxIHBB", 2, nic.number, 0x80, 0, 0)
            + struct.pack("<HH4B", 8, 1, 10, 0, 2, 100 + number)
            + mac
        )
        send(t, sock, 28, REQUEST | ACK | 0x400, body)
        sock.recvmsg(t, buffer, 0, None)
        assert struct.unpack_from("<i", buffer, 16)[0] == (0 if number < 10 else -errno.ENOBUFS)
