"""Translation: what is seen outside, that answers come back, and that nobody shares a mapping."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip import errors
from tcpip.addr import SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.filter.flow_tuple import invert
from tcpip.filter.match import DestinationPort, InInterface, OutInterface, Protocol, Source
from tcpip.filter.nat import PERSISTENT, RANDOM
from tcpip.filter.packet import SRC
from tcpip.filter.table import Rule
from tcpip.filter.target import Dnat, Masquerade, Redirect, Snat
from tcpip.header.tcp import ACK, SYN
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import Endpoint

from ..bench import icmpv4_message, icmpv6_message
from .router import (
    CLIENT,
    CLIENT2,
    CLIENT6,
    LAN4,
    LAN6,
    SERVER,
    SERVER6,
    WAN4,
    WAN6,
    Router,
    addresses,
    checks,
    echo,
    ip,
    ports,
    tcp,
    udp,
)

INSIDE = parse("10.0.0.80")


def masquerading(**options: int) -> Router:
    router = Router(**options)
    router.nf.nat["postrouting"].append(Rule([OutInterface("wan")], Masquerade()))
    return router


@pytest.mark.parametrize(("inside", "outside", "server"), [(CLIENT, WAN4, SERVER), (CLIENT6, WAN6, SERVER6)])
def test_masquerade_udp_and_back(inside: bytes, outside: bytes, server: bytes) -> None:
    router = masquerading()
    seen = router.through(udp(inside, 4000, server, 53))
    assert (addresses(seen), ports(seen), checks(seen)) == ((outside, server), (4000, 53), True)
    answer = router.back(udp(server, 53, outside, 4000))
    assert (addresses(answer), ports(answer), checks(answer)) == ((server, inside), (53, 4000), True)
    assert router.from_wan(udp(server, 54, outside, 4000))[0] == []  # another flow: not theirs


def test_ports_that_clash_are_changed() -> None:
    router = masquerading()
    first = router.through(udp(CLIENT, 4000, SERVER, 53))
    second = router.through(udp(CLIENT2, 4000, SERVER, 53))
    assert ports(first)[0] == 4000 and ports(second)[0] not in (4000, 0) and ports(second)[0] >= 1024
    other = router.through(udp(CLIENT2, 4000, SERVER, 54))
    assert ports(other)[0] == 4000  # no clash there
    back = router.back(udp(SERVER, 53, WAN4, ports(second)[0]))
    assert (addresses(back)[1], ports(back)[1]) == (CLIENT2, 4000)
    low = [router.through(udp(host, 500, SERVER, 500)) for host in (CLIENT, CLIENT2)]
    assert ports(low[0])[0] == 500 and 1 <= ports(low[1])[0] <= 511


@pytest.mark.parametrize(("inside", "outside", "server"), [(CLIENT, WAN4, SERVER), (CLIENT6, WAN6, SERVER6)])
def test_echo_identifiers(inside: bytes, outside: bytes, server: bytes) -> None:
    router = masquerading()
    at = 24 if len(inside) == 4 else 44
    other = inside[:-1] + b"\x33"
    first, second = router.through(echo(inside, server, 7)), router.through(echo(other, server, 7))
    idents = [int.from_bytes(p[at : at + 2], "big") for p in (first, second)]
    assert idents[0] == 7 and idents[1] != 7 and checks(first) and checks(second)
    for ident, host in zip(idents, (inside, other), strict=True):
        back = router.back(echo(server, outside, ident, reply=True))
        assert addresses(back)[1] == host and int.from_bytes(back[at : at + 2], "big") == 7 and checks(back)


def test_port_range_and_exhaustion() -> None:
    router = Router()
    router.nf.nat["postrouting"].append(Rule([], Snat("203.0.113.9", ports=(2000, 2003))))
    taken = {ports(router.through(udp(CLIENT, 5000 + i, SERVER, 53)))[0] for i in range(4)}
    assert taken == {2000, 2001, 2002, 2003}
    assert router.from_lan(udp(CLIENT, 6000, SERVER, 53)) == ([], [])
    assert router.stack.stats.drops["filtered"] == 1
    assert ports(router.through(udp(CLIENT, 6000, SERVER, 54)))[0] in taken
    router.pass_time(31)
    router.through(udp(CLIENT, 6000, SERVER, 53))


def test_address_range_is_spread_by_source() -> None:
    router = Router()
    router.nf.nat["postrouting"].append(Rule([], Snat("203.0.113.16", "203.0.113.31")))
    seen = {}
    for host in range(2, 60):
        src = bytes((10, 0, 0, host))
        outside = {addresses(router.through(udp(src, 1000 + i, SERVER, 53)))[0] for i in range(3)}
        assert len(outside) == 1
        seen[src] = outside.pop()
    assert len(set(seen.values())) > 8 and all(16 <= a[3] <= 31 for a in seen.values())


def test_a_random_port_is_drawn_also_where_it_could_stay() -> None:
    router = Router()
    router.nf.nat["postrouting"].append(Rule([OutInterface("wan")], Masquerade(flags=RANDOM)))
    seen = [ports(router.through(udp(CLIENT, 4000 + n, SERVER, 53)))[0] for n in range(20)]
    assert len(set(seen)) == 20
    assert sum(port == 4000 + n for n, port in enumerate(seen)) < 3


def test_persistent_is_one_address_for_all_destinations() -> None:
    taken = {}
    for flags in (0, PERSISTENT):
        router = Router()
        target = Snat("198.51.100.1", "198.51.100.200", flags=flags)
        router.nf.nat["postrouting"].append(Rule([OutInterface("wan")], target))
        seen = [addresses(router.through(udp(CLIENT, 4000, SERVER[:3] + bytes((n,)), 53)))[0] for n in range(100, 120)]
        taken[flags] = len(set(seen))
    assert taken[0] > 1 and taken[PERSISTENT] == 1


def test_dnat_port_forward_and_error_from_behind() -> None:
    router = Router()
    router.nf.nat["prerouting"].append(
        Rule([InInterface("wan"), Protocol(6), DestinationPort(80)], Dnat("10.0.0.80", ports=(8080, 8080)))
    )
    syn = router.back(tcp(SERVER, 999, WAN4, 80))
    assert (addresses(syn), ports(syn), checks(syn)) == ((SERVER, INSIDE), (999, 8080), True)
    answer = router.through(tcp(INSIDE, 8080, SERVER, 999, SYN | ACK, 1, 1001))
    assert (addresses(answer), ports(answer), checks(answer)) == ((WAN4, SERVER), (80, 999), True)
    error = ip(icmpv4_message(3, 3, 0, syn[:28]), 1, INSIDE, SERVER)
    told = router.through(error)
    assert addresses(told) == (WAN4, SERVER) and partial_sum_ok(told)
    assert addresses(told[28:]) == (SERVER, WAN4) and ports(told[28:]) == (999, 80)


def partial_sum_ok(packet: bytes) -> bool:
    """Of an error whose quote is cut: the message's own checksum and the quoted IP header's."""
    from tcpip.checksum import partial_sum

    return not partial_sum(packet[:20]) and not partial_sum(packet[20:]) and not partial_sum(packet[28:48])


def test_hairpin() -> None:
    router = Router()
    router.nf.nat["prerouting"].append(Rule([DestinationPort(80)], Dnat("10.0.0.80")))
    router.nf.nat["postrouting"].append(Rule([Source("10.0.0.0/24"), OutInterface("lan")], Masquerade()))
    lan, wan = router.from_lan(tcp(CLIENT, 999, WAN4, 80))
    assert wan == [] and addresses(lan[0]) == (LAN4, INSIDE) and checks(lan[0])
    lan, wan = router.from_lan(tcp(INSIDE, 80, LAN4, ports(lan[0])[0], SYN | ACK, 1, 1001))
    assert wan == [] and addresses(lan[0]) == (WAN4, CLIENT) and ports(lan[0]) == (80, 999) and checks(lan[0])


@pytest.mark.parametrize(("inside", "outside", "server"), [(CLIENT, WAN4, SERVER), (CLIENT6, WAN6, SERVER6)])
def test_error_about_a_masqueraded_packet(inside: bytes, outside: bytes, server: bytes) -> None:
    router = masquerading()
    router.through(udp(inside, 4000, server, 53))
    seen = router.through(udp(inside[:-1] + b"\x44", 4000, server, 53))
    hop = parse("192.0.2.1") if len(inside) == 4 else parse("2001:db8:77::1")
    if len(inside) == 4:
        error = ip(icmpv4_message(3, 4, 1400, seen), 1, hop, outside)
    else:
        error = ip(icmpv6_message(2, 0, 1400, seen, hop, outside), 58, hop, outside)
    back = router.back(error)
    assert checks(back) and addresses(back) == (hop, inside[:-1] + b"\x44")
    quoted = back[28:] if len(inside) == 4 else back[48:]
    assert addresses(quoted) == (inside[:-1] + b"\x44", server) and ports(quoted) == (4000, 53)
    junk = ip(icmpv4_message(3, 3, 0, udp(WAN4, 9, SERVER, 9)), 1, SERVER, WAN4)
    assert router.from_wan(junk) == ([], [])


def test_time_exceeded_of_the_router_itself_through_nat() -> None:
    router = masquerading()
    seen = router.through(udp(CLIENT, 4000, SERVER, 53))
    dying = udp(SERVER, 53, WAN4, ports(seen)[0], ttl=1)
    lan, wan = router.from_wan(dying)
    assert lan == [] and len(wan) == 1 and checks(wan[0])
    assert wan[0][20] == 11 and addresses(wan[0]) == (WAN4, SERVER)
    assert addresses(wan[0][28:]) == (SERVER, WAN4) and ports(wan[0][28:]) == (53, 4000)


def test_fragmentation_needed_through_nat() -> None:
    router = Router()
    router.nf.nat["prerouting"].append(Rule([InInterface("wan")], Dnat("10.0.0.80")))
    router.lan.set_mtu(600)
    lan, wan = router.from_wan(udp(SERVER, 53, parse("203.0.113.5"), 53, bytes(1000), dont_fragment=True))
    assert lan == [] and wan[0][20:22] == b"\x03\x04" and int.from_bytes(wan[0][26:28], "big") == 600
    assert addresses(wan[0]) == (parse("203.0.113.5"), SERVER)  # whom it knows
    assert addresses(wan[0][28:]) == (SERVER, parse("203.0.113.5"))


def test_fragments_are_tracked_as_one_and_leave_no_larger() -> None:
    router = masquerading()
    whole = udp(CLIENT, 4000, SERVER, 53, bytes(range(250)) * 8)[20:]
    first = ip(whole[:800], 17, CLIENT, SERVER, ident=9, more=True)
    second = ip(whole[800:], 17, CLIENT, SERVER, ident=9, offset=800)
    assert router.from_lan(second) == ([], [])
    lan, wan = router.from_lan(first)
    assert lan == [] and len(wan) == 2 and all(addresses(p)[0] == WAN4 for p in wan)
    assert max(len(p) for p in wan) <= 20 + len(whole) - 800
    body = b"".join(p[20:] for p in sorted(wan, key=lambda p: int.from_bytes(p[6:8], "big") & 0x1FFF))
    assert checks(ip(body, 17, WAN4, SERVER)) and body[8:] == whole[8:]


def test_ipv6_fragments() -> None:
    router = masquerading()
    whole = udp(CLIENT6, 4000, SERVER6, 53, bytes(2000))[40:]
    pieces = [(0, whole[:1232], 1), (1232, whole[1232:], 0)]
    out: list[bytes] = []
    for offset, data, more in pieces:
        fragment = bytes((17, 0)) + (offset | more).to_bytes(2, "big") + b"\0\0\0\x07" + data
        out += router.from_lan(ip(fragment, 44, CLIENT6, SERVER6))[1]
    assert len(out) == 2 and all(addresses(p)[0] == WAN6 and p[6] == 44 for p in out)
    assert checks(ip(b"".join(p[48:] for p in out), 17, WAN6, SERVER6))


def test_redirect_to_a_local_socket() -> None:
    router = Router()
    router.nf.nat["prerouting"].append(Rule([Protocol(17), DestinationPort(53)], Redirect(ports=(5353, 5353))))
    server = router.stack.new_endpoint(2, SOCK_DGRAM)
    from tcpip.addr import IPV4_ANY

    server.bind(SockAddr(IPV4_ANY, 5353))
    assert router.from_lan(udp(CLIENT, 4000, SERVER, 53, b"who?")) == ([], [])
    buffer = bytearray(10)
    message = server.recvmsg(memoryview(buffer))
    assert buffer[: message.length] == b"who?" and message.address is not None
    server.sendmsg(b"me", message.address)
    lan, wan = router.sent()
    assert wan == [] and addresses(lan[0]) == (SERVER, CLIENT) and ports(lan[0]) == (53, 4000) and checks(lan[0])


@pytest.mark.parametrize("six", [False, True])
def test_where_a_redirected_connection_wanted_to_go(six: bool) -> None:
    router = Router()
    family, level, name = (10, 41, 80) if six else (2, 0, 80)
    own, client, server = (LAN6, CLIENT6, SERVER6) if six else (LAN4, CLIENT, SERVER)
    listener = router.stack.new_endpoint(family, 1)
    listener.bind(SockAddr(bytes(16 if six else 4), 8080))
    listener.listen(5)

    def connect(port: int) -> Endpoint:
        """From port 4000 + `port`, to `port`."""
        answer = router.from_lan(tcp(client, 4000 + port, server if port == 80 else own, port, SYN))[0][0]
        at = 40 if six else 20
        ack = int.from_bytes(answer[at + 4 : at + 8], "big") + 1
        to = server if port == 80 else own
        router.from_lan(tcp(client, 4000 + port, to, port, ACK, 1001, ack))
        return listener.accept()

    with pytest.raises(NetworkError) as caught:
        listener.get_option(level, name)
    assert caught.value.error is errors.NO_SUCH_FILE
    router.nf.nat["prerouting"].append(Rule([Protocol(6), DestinationPort(80)], Redirect(ports=(8080, 8080))))
    for port in (80, 8080):
        raw = connect(port).get_option(level, name)
        assert isinstance(raw, bytes) and len(raw) == (28 if six else 16)
        assert raw[2:4] == port.to_bytes(2, "big") and (server if port == 80 else own) in raw
    without = Router(netfilter=False).stack.new_endpoint(family, 1)
    with pytest.raises(NetworkError) as caught:
        without.get_option(level, name)
    assert caught.value.error is errors.NO_SUCH_OPTION


def test_masquerade_ends_with_the_address() -> None:
    router = masquerading()
    router.through(udp(CLIENT, 4000, SERVER, 53))
    assert len(router.nf.conntrack) == 1
    router.wan.remove_address(WAN4)
    assert len(router.nf.conntrack) == 0


flows = st.tuples(
    st.sampled_from((6, 17, 1)),
    st.integers(2, 5),  # client
    st.sampled_from((1, 22, 600, 4000, 4001, 65535)),  # its port or identifier
    st.integers(1, 3),  # server
    st.sampled_from((53, 80)),
    st.binary(max_size=5),
)


def outbound(flow: tuple[int, int, int, int, int, bytes], reply_to: tuple[bytes, int] | None = None) -> bytes:
    """A packet of the flow, or the answer that its server sends to what it has seen."""
    protocol, host, number, far, port, data = flow
    src, dst = bytes((10, 0, 0, host)), bytes((198, 51, 100, far))
    if reply_to is not None:
        addr, seen = reply_to
        if protocol == 1:
            return echo(dst, addr, seen, reply=True)
        if protocol == 6:
            return tcp(dst, port, addr, seen, SYN | ACK, 1, 1001)
        return udp(dst, port, addr, seen, data)
    if protocol == 1:
        return echo(src, dst, number)
    return tcp(src, number, dst, port) if protocol == 6 else udp(src, number, dst, port, data)


@settings(max_examples=40)
@given(st.lists(flows, max_size=30), st.booleans(), st.integers(0, 1 << 30))
def test_any_flows(made: list[tuple[int, int, int, int, int, bytes]], narrow: bool, seed: int) -> None:
    """Each goes out from the outside address, no two share what the server sees, and each answer finds its sender."""
    router = Router(seed)
    wanted = Snat("203.0.113.1", ports=(7000, 7100)) if narrow else Masquerade()
    router.nf.nat["postrouting"].append(Rule([OutInterface("wan")], wanted))
    mapped: dict[tuple[int, int, int, int], tuple[tuple[int, int, int], bytes]] = {}
    for flow in made:
        protocol, host, number, far, port, _ = flow
        seen = router.through(outbound(flow))
        assert checks(seen) and addresses(seen)[0] == WAN4
        outer = int.from_bytes(seen[24:26], "big") if protocol == 1 else ports(seen)[0]
        key = (protocol, outer, far, 0 if protocol == 1 else port)
        inner = (host, number, far)
        known = mapped.setdefault(key, (inner, b""))
        assert known[0] == inner
        answer = router.back(outbound(flow, (WAN4, outer)))
        assert checks(answer) and addresses(answer)[1] == bytes((10, 0, 0, host))
        back = int.from_bytes(answer[24:26], "big") if protocol == 1 else ports(answer)[1]
        assert back == number
    conns = router.nf.conntrack.connections()
    assert len({conn.reply for conn in conns}) == len(conns) == len(mapped)
    assert all(conn.translated in (0, SRC) and invert(invert(conn.reply)) == conn.reply for conn in conns)
    _oracles([outbound(flow) for flow in made[:3]], router)


def _oracles(packets: list[bytes], router: Router) -> None:
    """dpkt and scapy read what leaves as we do, and compute the same checksums."""
    import dpkt
    from scapy.layers.inet import IP

    for packet in packets:
        seen = router.through(packet)
        decoded = dpkt.ip.IP(seen)
        decoded.sum = 0
        if hasattr(decoded.data, "sum"):
            decoded.data.sum = 0
        assert bytes(decoded) == seen
        again = IP(seen)
        del again.chksum, again.payload.chksum
        assert bytes(again) == seen


def test_a_tcp_connection_through_it() -> None:
    router = masquerading()
    router.through(tcp(CLIENT, 4000, SERVER, 80))
    router.back(tcp(SERVER, 80, WAN4, 4000, SYN | ACK, 5000, 1001))
    seen = router.through(tcp(CLIENT, 4000, SERVER, 80, ACK, 1001, 5001, b"GET /"))
    assert checks(seen) and seen.endswith(b"GET /")
    conn = router.nf.conntrack.connections()[0]
    assert (conn.packets, conn.assured) == ([2, 1], True)
