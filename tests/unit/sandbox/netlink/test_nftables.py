"""NETLINK_NETFILTER: batches, errors and where they point, notifications, bounds."""

from __future__ import annotations

import errno
import struct
from types import SimpleNamespace
from typing import Any, Iterator

import pytest

from sandbox.checkpoint.save import CannotSave, Save
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.family import NetlinkFamily
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter.attributes import be16, be32, be64, nested
from sandbox.sockets.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.filter import packet
from tcpip.filter.connection import Connection
from tcpip.filter.nft.ruleset import BUDGET
from tcpip.filter.packet import FilteredPacket
from tests.unit.sandbox.inet.fakes import FakeTask

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

IPV4, NEW = 2, nl.NLM_F_CREATE
TABLE = nl.string(1, "t")
CHAIN = nl.string(3, "c")


@pytest.fixture
def t() -> Any:
    return FakeTask()


@pytest.fixture
def sock(t: Any) -> Iterator[NetlinkSocket]:
    socket = NetlinkFamily().create(t, 3, NETLINK_NETFILTER)
    assert isinstance(socket, NetlinkSocket)
    socket.setsockopt(t, 270, 11, struct.pack("<i", 1))
    yield socket
    t.kernel.net.close()


def message(kind: int, body: bytes, flags: int = 0, family: int = IPV4, seq: int = 1) -> bytes:
    return nl.message(10 << 8 | kind, flags | nl.NLM_F_REQUEST, seq, 0, bytes((family, 0, 0, 0)) + body)


def batch(*messages: bytes, begin: bytes = b"", end: bool = True) -> bytes:
    frame = bytes((0, 0, 0, 10))
    first = nl.message(16, nl.NLM_F_REQUEST, 0, 0, frame + begin)
    return b"".join((first, *messages, nl.message(17, nl.NLM_F_REQUEST, 99, 0, frame) if end else b""))


def send(t: Any, sock: NetlinkSocket, data: bytes) -> list[tuple[int, int, bytes]]:
    """Type, sequence number and body of every answer."""
    sock.sendmsg(t, memoryview(data), b"", 0, [])
    return received(t, sock)


def received(t: Any, sock: NetlinkSocket) -> list[tuple[int, int, bytes]]:
    found = []
    buffer = memoryview(bytearray(1 << 16))
    while (count := sock.recvmsg(t, buffer, 0, None)) != WOULD_BLOCK:
        found += [(one.type, one.seq, one.body) for one in nl.split(bytes(buffer[:count]))]
    return found


def errors(answers: list[tuple[int, int, bytes]]) -> list[tuple[int, int]]:
    """Sequence number and errno."""
    assert all(kind == nl.NLMSG_ERROR for kind, _, _ in answers)
    return [(seq, -struct.unpack_from("<i", body)[0]) for _, seq, body in answers]


def names(t: Any, sock: NetlinkSocket, kind: int = b.GETTABLE) -> int:
    return len(send(t, sock, message(kind, b"", nl.NLM_F_DUMP))) - 1


def rule(*expressions: bytes, flags: int = NEW | b.NLM_F_APPEND, seq: int = 1) -> bytes:
    body = TABLE + nl.string(2, "c") + nested(4, *[nested(1, one) for one in expressions])
    return message(b.NEWRULE, body, flags, seq=seq)


def expression(name: str, *parts: bytes) -> bytes:
    return nl.string(1, name) + nested(2, *parts)


def test_a_batch_happens_as_a_whole_or_not_at_all(t: Any, sock: NetlinkSocket) -> None:
    made = batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW), rule(expression("notrack")))
    assert send(t, sock, made) == []
    assert [names(t, sock, kind) for kind in (b.GETTABLE, b.GETCHAIN, b.GETRULE)] == [1, 1, 1]
    more = message(b.NEWTABLE, nl.string(1, "u"), NEW, seq=5)
    wrong = [rule(expression("nonsense"), seq=6), rule(expression("counter"), seq=7), rule(b"", seq=8)]
    assert errors(send(t, sock, batch(more, *wrong))) == [(6, errno.ENOENT), (8, errno.EINVAL)]
    assert [names(t, sock, kind) for kind in (b.GETTABLE, b.GETCHAIN, b.GETRULE)] == [1, 1, 1]
    assert send(t, sock, batch(more, end=False)) == []
    assert names(t, sock) == 1


def test_errors_point_at_the_attribute(t: Any, sock: NetlinkSocket) -> None:
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW)))
    request = message(b.NEWCHAIN, nl.string(1, "none") + CHAIN, NEW)
    (_, _, body), *rest = send(t, sock, batch(request))
    assert not rest
    assert struct.unpack_from("<i", body)[0] == -errno.ENOENT
    assert body[4 : 4 + len(request)] == request
    assert struct.unpack_from("<HHI", body, 4 + len(request)) == (8, 2, 20)  # NLMSGERR_ATTR_OFFS
    assert errors(send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW | nl.NLM_F_EXCL)))) == [(1, errno.EEXIST)]


def test_who_may(t: Any, sock: NetlinkSocket) -> None:
    t.creds.capable = False
    assert errors(send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW)))) == [(0, errno.EPERM)]
    assert errors(send(t, sock, message(b.GETTABLE, b"", nl.NLM_F_DUMP))) == [(1, errno.EPERM)]
    with pytest.raises(SyscallError):
        sock.setsockopt(t, 270, 1, struct.pack("<i", 7))


def test_generations(t: Any, sock: NetlinkSocket) -> None:
    def generation() -> int:
        ((kind, _, body),) = send(t, sock, message(b.GETGEN, b""))
        assert kind == 10 << 8 | b.NEWGEN
        return int(struct.unpack_from(">I", body, 8)[0])

    first = generation()
    assert errors(send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), begin=be32(1, first + 1)))) == [
        (0, errno.ERESTART)
    ]
    assert send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), begin=be32(1, first))) == []
    assert generation() == first + 1


def test_families_and_hooks_that_there_are_not(t: Any, sock: NetlinkSocket) -> None:
    for family in (0, 3, 5, 7):  # unspecified, arp, netdev, bridge
        assert errors(send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW, family)))) == [(1, errno.EOPNOTSUPP)]
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW)))
    for number, kind, wanted in ((5, "filter", errno.EOPNOTSUPP), (2, "nat", errno.EOPNOTSUPP), (0, "x", errno.ENOENT)):
        hook = nested(4, be32(1, number), be32(2, 0)) + nl.string(7, kind)
        request = message(b.NEWCHAIN, TABLE + CHAIN + hook, NEW)
        assert errors(send(t, sock, batch(request))) == [(1, wanted)]


def test_circles_are_refused_where_they_close(t: Any, sock: NetlinkSocket) -> None:
    hook = nested(4, be32(1, 1), be32(2, 0)) + nl.string(7, "filter")
    chains = [message(b.NEWCHAIN, TABLE + nl.string(3, "base") + hook, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW)]
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), *chains))
    jump = expression("immediate", be32(1, 0), nested(2, nested(2, be32(1, 0xFFFFFFFD), nl.string(2, "c"))))
    into = message(b.NEWRULE, TABLE + nl.string(2, "base") + nested(4, nested(1, jump)), NEW, seq=3)
    assert errors(send(t, sock, batch(into, rule(jump, seq=4)))) == [(4, errno.EMLINK)]
    assert names(t, sock, b.GETRULE) == 0


def test_listeners_are_told(t: Any, sock: NetlinkSocket) -> None:
    listener = NetlinkFamily().create(t, 3, NETLINK_NETFILTER)
    assert isinstance(listener, NetlinkSocket)
    listener.bind(t, struct.pack("<HHII", 16, 0, 0, 0))
    listener.setsockopt(t, 270, 1, struct.pack("<i", 7))
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW)))
    assert [kind & 0xFF for kind, _, _ in received(t, listener)] == [b.NEWTABLE, b.NEWGEN]
    send(t, sock, batch(message(b.NEWTABLE, nl.string(1, "u"), NEW), rule(b"")))
    assert received(t, listener) == []
    assert [kind & 0xFF for kind, _, _ in send(t, sock, batch(message(b.DELTABLE, TABLE, b.NLM_F_ECHO)))] == [
        b.DELTABLE,
        b.NEWGEN,
    ]


def test_there_is_a_bound(t: Any, sock: NetlinkSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BUDGET, "limit", BUDGET.used + 10)
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW)))
    counter = expression("counter", be64(1, 0), be64(2, 0))
    for _ in range(4):
        assert send(t, sock, batch(rule(counter))) == []
    assert errors(send(t, sock, batch(rule(counter)))) == [(1, errno.ENOMEM)]
    assert send(t, sock, batch(message(b.DELRULE, TABLE + nl.string(2, "c")))) == []
    assert send(t, sock, batch(rule(counter))) == []
    assert send(t, sock, batch(message(b.DELRULE, TABLE + nl.string(2, "c")))) == []
    assert [send(t, sock, batch(rule(counter))) for _ in range(4)] == [[]] * 4


def test_broken_messages_change_nothing(t: Any, sock: NetlinkSocket) -> None:
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW)))
    good = rule(expression("payload", be32(1, 1), be32(2, 1), be32(3, 12), be32(4, 4)))
    assert send(t, sock, batch(good)) == []
    for at in range(20, len(good)):
        for value in (0, 0x7F, 0xFF):
            broken = good[:at] + bytes((value,)) + good[at + 1 :]
            send(t, sock, batch(broken))
    send(t, sock, batch(message(b.DELTABLE, b"", 0, 0)))
    assert names(t, sock) == 0
    assert t.kernel.stack.netfilter is None


def test_rules_keep_a_checkpoint_from_being_made(t: Any, sock: NetlinkSocket) -> None:
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW)))
    freezer = SimpleNamespace(tasks=lambda: [])
    kernel = SimpleNamespace(pids=SimpleNamespace(groups={}), net=t.kernel.net)
    save: Any = object.__new__(Save)
    save._kernel, save.freezer, save._containers = kernel, freezer, []
    with pytest.raises(CannotSave, match="nf_tables"):
        save._check()


def test_a_batch_that_moves_rules_is_taken_back(t: Any, sock: NetlinkSocket) -> None:
    def handles() -> list[int]:
        dumped = send(t, sock, message(b.GETRULE, b"", nl.NLM_F_DUMP))[:-1]
        return [int(struct.unpack_from(">Q", body, body.index(b"\x0c\0\3\0") + 4)[0]) for _, _, body in dumped]

    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW)))
    send(t, sock, batch(*[rule(expression("notrack")) for _ in range(3)]))
    before = handles()
    place = TABLE + nl.string(2, "c")
    steps = [
        message(b.DELRULE, place + be64(3, before[1])),
        message(b.NEWRULE, place + be64(6, before[2]), NEW),
        message(b.NEWRULE, place + be64(3, before[0]), nl.NLM_F_REPLACE),
        message(b.NEWRULE, place, NEW),
    ]
    assert errors(send(t, sock, batch(*steps, rule(b"", seq=9)))) == [(9, errno.EINVAL)]
    assert handles() == before
    assert send(t, sock, batch(*steps)) == []
    assert len(handles()) == 4 and before[1] not in handles()
    assert errors(send(t, sock, batch(message(b.DELRULE, place), rule(b"", seq=9)))) == [(9, errno.EINVAL)]
    assert len(handles()) == 4


def test_a_second_dump_waits_for_the_end_of_the_first(t: Any, sock: NetlinkSocket) -> None:
    send(t, sock, batch(*[message(b.NEWTABLE, nl.string(1, name), NEW) for name in "abcd"]))
    answers = send(t, sock, message(b.GETTABLE, b"", nl.NLM_F_DUMP) + message(b.GETTABLE, b"", nl.NLM_F_DUMP, seq=7))
    assert (7, errno.EBUSY) in errors([one for one in answers if one[0] == nl.NLMSG_ERROR])


def test_an_element_that_has_run_out_is_added_anew_and_that_is_taken_back(t: Any, sock: NetlinkSocket) -> None:
    timed = be32(3, 0x10) + be32(5, 4) + be32(10, 1) + be64(11, 1)
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWSET, TABLE + nl.string(2, "s") + timed, NEW)))
    place = TABLE + nl.string(2, "s")
    one = message(b.NEWSETELEM, place + nested(3, nested(1, nested(1, nl.attribute(1, b"abcd")))), NEW)
    assert send(t, sock, batch(one)) == []
    used = BUDGET.used
    t.kernel.clock.advance(2_000_000)
    assert errors(send(t, sock, batch(one, rule(b"", seq=9)))) == [(9, errno.ENOENT)]
    assert BUDGET.used == used
    assert send(t, sock, batch(one)) == []
    assert BUDGET.used == used


def test_base_chains_of_a_hook_are_bounded(t: Any, sock: NetlinkSocket) -> None:
    """A packet went through all of them."""
    hook = nested(4, be32(1, 1), be32(2, 0))
    chains = [message(b.NEWCHAIN, TABLE + nl.string(3, str(n)) + hook, NEW, seq=n) for n in range(1025)]
    assert errors(send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), *chains))) == [(1024, errno.E2BIG)]
    assert send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), *chains[:1024])) == []
    assert send(t, sock, batch(message(b.DELCHAIN, TABLE + nl.string(3, "5")))) == []
    assert send(t, sock, batch(chains[1024])) == []


def test_things_are_found_by_their_handles(t: Any, sock: NetlinkSocket) -> None:
    """One after the other was looked at, for each message of a batch: 26 s for some thousand."""
    send(t, sock, batch(message(b.NEWTABLE, TABLE, NEW), message(b.NEWCHAIN, TABLE + CHAIN, NEW)))
    wrong = message(b.DELOBJ, TABLE + be32(3, 1) + be64(6, 1), seq=4)  # it is a chain's
    assert errors(send(t, sock, batch(wrong))) == [(4, errno.ENOENT)]
    assert send(t, sock, batch(message(b.DELCHAIN, TABLE + be64(2, 1)))) == []
    assert errors(send(t, sock, batch(message(b.DELCHAIN, TABLE + be64(2, 1), seq=5)))) == [(5, errno.ENOENT)]


def test_connections(t: Any, sock: NetlinkSocket) -> None:
    def ask(kind: int, body: bytes = b"", flags: int = 0, family: int = IPV4) -> list[tuple[int, int, bytes]]:
        frame = bytes((family, 0, 0, 0))
        return send(t, sock, nl.message(1 << 8 | kind, flags | nl.NLM_F_REQUEST, 1, 0, frame + body))

    assert len(ask(1, flags=nl.NLM_F_DUMP)) == 1  # NLMSG_DONE
    tracked = t.kernel.stack.enable_netfilter().conntrack
    flow = (17, b"\x7f\0\0\1", b"\x7f\0\0\2", 1000, 53)
    conn = Connection(tracked, flow)
    pkt = FilteredPacket()
    pkt.connection, pkt.state = conn, packet.NEW
    tracked.confirm(pkt)
    ends = nested(1, nl.attribute(1, flow[1]), nl.attribute(2, flow[2]))
    named = nested(1, ends, nested(2, nl.u8(1, 17), be16(2, 1000), be16(3, 53)))
    ((kind, _, body),) = ask(1, named)
    assert kind == 1 << 8 and named in body
    assert len(ask(1, flags=nl.NLM_F_DUMP)) == 2
    assert len(ask(1, flags=nl.NLM_F_DUMP, family=10)) == 1
    assert errors(ask(2, named + be32(12, conn.number + 1))) == [(1, errno.ENOENT)]
    assert ask(2, named) == [] and not len(tracked)
    assert errors(ask(1, named)) == [(1, errno.ENOENT)]
    assert errors(ask(0, named)) == [(1, errno.ENOENT)]
    assert errors(ask(0, named, nl.NLM_F_CREATE)) == [(1, errno.EINVAL)]
    for kind, number in ((3, errno.EINVAL), (255, errno.EINVAL), (8, errno.ENOENT)):  # what no flow begins with
        query = nested(2, nl.u8(1, 1), be16(4, 7), nl.u8(5, kind), nl.u8(6, 0))
        assert errors(ask(0, nested(1, ends, query))) == [(1, number)]
        both = nested(1, ends, query) + nested(2, ends, query) + be32(7, 100)
        assert errors(ask(0, both, nl.NLM_F_CREATE)) == ([(1, errno.EINVAL)] if kind != 8 else [])
    again = nested(1, ends, nested(2, nl.u8(1, 58), be16(7, 7), nl.u8(8, 1), nl.u8(9, 0)))
    assert errors(ask(0, again, nl.NLM_F_CREATE)) == [(1, errno.EINVAL)]
