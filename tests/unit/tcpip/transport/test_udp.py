"""UDP endpoints: binding, connecting, errors, groups, both families."""

import struct

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, IPV6_ANY, SockAddr, multicast_mac, parse
from tcpip.errors import DropReason, NetError, NetworkError
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import AGAIN, Endpoint, Message
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

from ..bench import IP4, IP6, PEER4, PEER6, Host, icmpv4_message, ipv4_packet, udp_datagram

GROUP = parse("239.1.2.3")


def udp(host: Host, family: int = 2) -> Endpoint:
    return host.stack.new_endpoint(family, SOCK_DGRAM)


def receive(endpoint: Endpoint, size: int = 100, flags: int = 0) -> tuple[bytes, Message]:
    buffer = bytearray(size)
    message = endpoint.recvmsg(memoryview(buffer), flags)
    return bytes(buffer[: min(message.length, size)]), message


def fails(error: NetError, call: object, *args: object) -> None:
    with pytest.raises(NetworkError) as caught:
        call(*args)  # type: ignore[operator]
    assert caught.value.error is error


def test_receive_and_reply() -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IPV4_ANY, 7))
    assert server.readiness() == EVENT_OUT
    host.ipv4(udp_datagram(b"hello", 4000, 7), 17)
    assert server.readiness() == EVENT_IN | EVENT_OUT and server.readable_bytes() == 5
    data, message = receive(server)
    assert data == b"hello" and message.address == SockAddr(PEER4, 4000)
    assert message.address is not None
    server.sendmsg(b"world", message.address)
    (packet,) = host.packets()
    assert packet[20:] == udp_datagram(b"world", 7, 4000, IP4, PEER4)
    assert server.recv_into(memoryview(bytearray(1))) == AGAIN


def test_peek_and_truncation() -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IP4, 7))
    host.ipv4(udp_datagram(b"hello", 4000, 7), 17)
    data, message = receive(server, 2, so.MSG_PEEK)
    assert (data, message.length, message.flags) == (b"he", 2, so.MSG_TRUNC)
    data, message = receive(server, 2, so.MSG_TRUNC)
    assert (data, message.length) == (b"he", 5)
    fails(errors.WOULD_BLOCK, receive, server)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda d: d[:7], DropReason.TRUNCATED),
        (lambda d: d[:4] + b"\0\x07" + d[6:], DropReason.BAD_LENGTH),
        (lambda d: d[:4] + b"\0\xff" + d[6:], DropReason.BAD_LENGTH),
        (lambda d: d[:-1] + b"!", DropReason.BAD_CHECKSUM),
    ],
)
def test_damaged_datagrams(damage: object, reason: str) -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IP4, 7))
    host.ipv4(damage(udp_datagram(b"hello", 4000, 7)), 17)  # type: ignore[operator]
    assert host.stack.stats.drops == {reason: 1} and not server.readable_bytes()


def test_checksum_zero_means_none_over_ipv4_only() -> None:
    host = Host()
    four, six = udp(host), udp(host, 10)
    four.bind(SockAddr(IP4, 7))
    six.bind(SockAddr(IP6, 7))
    plain = udp_datagram(b"hello", 4000, 7)[:6] + b"\0\0hello"
    host.ipv4(plain, 17)
    host.ipv6(plain, 17)
    assert four.readable_bytes() == 5 and six.readable_bytes() == 0


def test_closed_port_is_reported_and_refuses_the_connected_sender() -> None:
    host = Host()
    host.ipv4(udp_datagram(b"hello", 4000, 9), 17)
    (answer,) = host.packets()
    assert answer[20:22] == b"\x03\x03"
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    client.send(b"x")
    (sent,) = host.packets()
    host.ipv4(icmpv4_message(3, 3, 0, sent), 1)
    assert client.readiness() & EVENT_ERR
    fails(errors.CONNECTION_REFUSED, client.send, b"y")
    assert client.send(b"y") == 1


def test_error_about_a_packet_never_sent_is_ignored() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    forged = ipv4_packet(udp_datagram(b"", 1, 9), 17, IP4, PEER4)
    host.ipv4(icmpv4_message(3, 3, 0, forged), 1)
    assert client.take_error() is None


def test_error_queue() -> None:
    host = Host()
    client = udp(host)
    client.set_option(so.SOL_IP, so.IP_RECVERR, 1)
    client.sendmsg(b"data", SockAddr(PEER4, 9))
    (sent,) = host.packets()
    host.ipv4(icmpv4_message(3, 1, 0, sent), 1)
    assert client.readiness() & EVENT_ERR
    data, message = receive(client, 100, so.MSG_ERRQUEUE)
    assert data == b"data" and message.address == SockAddr(PEER4, 9)
    ((level, kind, control),) = message.control
    number, origin, icmp_type, code = struct.unpack_from("=IBBB", control)
    assert (level, kind, number, origin, icmp_type, code) == (0, 11, 113, 2, 3, 1)
    assert client.take_error() is None


def test_connected_endpoint_hears_its_peer_only() -> None:
    host = Host()
    client = udp(host)
    client.bind(SockAddr(IP4, 5000))
    client.connect(SockAddr(PEER4, 9))
    host.ipv4(udp_datagram(b"no", 8, 5000), 17)
    host.ipv4(udp_datagram(b"yes", 9, 5000), 17)
    assert receive(client)[0] == b"yes"
    fails(errors.WOULD_BLOCK, receive, client)
    assert client.getpeername() == SockAddr(PEER4, 9)
    client.connect(None)
    fails(errors.NOT_CONNECTED, client.getpeername)
    host.ipv4(udp_datagram(b"any", 8, 5000), 17)
    assert receive(client)[0] == b"any"


def test_connect_chooses_and_returns_the_address() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    assert client.getsockname().addr == IP4
    port = client.getsockname().port
    assert 32768 <= port <= 60999
    client.connect(None)
    assert client.getsockname() == SockAddr(IPV4_ANY, port)


def test_errors_of_calls() -> None:
    host = Host()
    one = udp(host)
    fails(errors.DESTINATION_REQUIRED, one.send, b"x")
    fails(errors.ADDRESS_NOT_AVAILABLE, one.bind, SockAddr(PEER4, 7))
    fails(errors.ADDRESS_FAMILY_NOT_SUPPORTED, one.bind, SockAddr(IP6, 7))
    fails(errors.NETWORK_UNREACHABLE, one.connect, SockAddr(parse("8.8.8.8"), 53))
    fails(errors.BROADCAST_NOT_ALLOWED, one.sendmsg, b"x", SockAddr(IPV4_BROADCAST, 9))
    fails(errors.BROADCAST_NOT_ALLOWED, one.sendmsg, b"x", SockAddr(parse("10.0.0.255"), 9))
    fails(errors.MESSAGE_TOO_LONG, one.sendmsg, bytes(65508), SockAddr(PEER4, 9))
    fails(errors.NOT_CONNECTED, one.getpeername)
    fails(errors.NOT_CONNECTED, one.shutdown, so.SHUT_RDWR)
    fails(errors.NO_SUCH_OPTION, one.set_option, so.SOL_SOCKET, 9999, 1)
    fails(errors.NOT_SUPPORTED, one.listen, 1)
    two = udp(host)
    two.bind(SockAddr(IP4, 7))
    fails(errors.INVALID_ARGUMENT, two.bind, SockAddr(IP4, 8))
    fails(errors.ADDRESS_IN_USE, udp(host).bind, SockAddr(IPV4_ANY, 7))
    udp(host).bind(SockAddr(parse("127.0.0.1"), 7))
    six = udp(host, 10)
    fails(errors.ADDRESS_IN_USE, six.bind, SockAddr(IPV6_ANY, 7))
    six.set_option(so.SOL_IPV6, so.IPV6_V6ONLY, 1)
    six.bind(SockAddr(IPV6_ANY, 7))
    two.close()
    udp(host).bind(SockAddr(IP4, 7))


def test_shutdown() -> None:
    host = Host()
    one = udp(host)
    one.connect(SockAddr(PEER4, 9))
    one.shutdown(so.SHUT_RDWR)
    fails(errors.BROKEN_PIPE, one.send, b"x")
    assert receive(one)[1].length == 0


def test_broadcast_with_permission_goes_to_everyone() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    for endpoint in (one, two):
        endpoint.set_option(so.SOL_SOCKET, so.SO_REUSEADDR, 1)
        endpoint.bind(SockAddr(IPV4_ANY, 7))
    one.set_option(so.SOL_SOCKET, so.SO_BROADCAST, 1)
    one.sendmsg(b"all", SockAddr(parse("10.0.0.255"), 7))
    (frame,) = host.frames()
    assert frame[:6] == b"\xff" * 6
    assert receive(one)[0] == receive(two)[0] == b"all"
    host.ipv4(udp_datagram(b"in", 1, 7, PEER4, IPV4_BROADCAST), 17, b"\xff" * 6, dst=IPV4_BROADCAST)
    assert receive(one)[0] == receive(two)[0] == b"in"


def test_unicast_goes_to_the_most_specific() -> None:
    host = Host()
    wide, exact = udp(host), udp(host)
    for endpoint, addr in ((exact, IP4), (wide, IPV4_ANY)):
        endpoint.set_option(so.SOL_SOCKET, so.SO_REUSEADDR, 1)
        endpoint.bind(SockAddr(addr, 7))
    host.ipv4(udp_datagram(b"x", 1, 7), 17)
    assert exact.readable_bytes() and not wide.readable_bytes()


def test_reuse_port_spreads_flows() -> None:
    host = Host()
    group = [udp(host) for _ in range(4)]
    for endpoint in group:
        endpoint.set_option(so.SOL_SOCKET, so.SO_REUSEPORT, 1)
        endpoint.bind(SockAddr(IP4, 7))
    for port in range(1, 200):
        host.ipv4(udp_datagram(b"x", port, 7), 17)
    counts = []
    for endpoint in group:
        count = 0
        while endpoint.recv_into(memoryview(bytearray(8))) != AGAIN:
            count += 1
        counts.append(count)
    assert sum(counts) == 199 and min(counts) > 20


def test_receive_queue_is_bounded() -> None:
    host = Host()
    server = udp(host)
    server.set_option(so.SOL_SOCKET, so.SO_RCVBUF, 5000)
    assert server.get_option(so.SOL_SOCKET, so.SO_RCVBUF) == 10000
    server.bind(SockAddr(IP4, 7))
    for _ in range(100):
        host.ipv4(udp_datagram(bytes(1000), 1, 7), 17)
    assert 5 <= host.stack.stats.udp["InDatagrams"] <= 10
    assert host.stack.stats.udp["RcvbufErrors"] == 100 - host.stack.stats.udp["InDatagrams"]


def test_multicast() -> None:
    host = Host()
    member, other = udp(host), udp(host)
    for endpoint in (member, other):
        endpoint.set_option(so.SOL_SOCKET, so.SO_REUSEADDR, 1)
        endpoint.set_option(so.SOL_IP, so.IP_MULTICAST_ALL, 0)
        endpoint.bind(SockAddr(IPV4_ANY, 7))
    mreq = GROUP + IP4
    member.set_option(so.SOL_IP, so.IP_ADD_MEMBERSHIP, mreq)
    fails(errors.ADDRESS_IN_USE, member.set_option, so.SOL_IP, so.IP_ADD_MEMBERSHIP, mreq)
    host.pass_time(0.01)
    (report,) = host.packets()
    assert report[9] == 2 and report[24] == 0x22
    host.ipv4(udp_datagram(b"m", 1, 7, PEER4, GROUP), 17, multicast_mac(GROUP), dst=GROUP)
    assert receive(member)[0] == b"m" and not other.readable_bytes()
    member.sendmsg(b"loop", SockAddr(GROUP, 7))
    (frame,) = host.frames()
    assert frame[:6] == multicast_mac(GROUP) and frame[22] == 1
    assert receive(member)[0] == b"loop"
    member.set_option(so.SOL_IP, so.IP_MULTICAST_LOOP, 0)
    member.sendmsg(b"silent", SockAddr(GROUP, 7))
    host.frames()
    assert not member.readable_bytes()
    member.close()
    host.pass_time(0.01)
    (leave,) = host.packets()
    assert leave[9] == 2 and leave[24] == 0x22
    assert GROUP not in host.nic.groups


def test_dual_stack_shows_mapped_addresses() -> None:
    host = Host()
    six = udp(host, 10)
    six.bind(SockAddr(IPV6_ANY, 7))
    host.ipv4(udp_datagram(b"four", 1, 7), 17)
    assert receive(six)[1].address == SockAddr(parse("::ffff:10.0.0.2"), 1)
    host.ipv6(udp_datagram(b"six", 1, 7, PEER6, IP6), 17)
    assert receive(six)[1].address == SockAddr(PEER6, 1)
    six.sendmsg(b"x", SockAddr(parse("::ffff:10.0.0.2"), 9))
    assert host.packets()[0][16:20] == PEER4


def test_ancillary_data() -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IPV4_ANY, 7))
    for name in (so.IP_PKTINFO, so.IP_RECVTTL, so.IP_RECVTOS):
        server.set_option(so.SOL_IP, name, 1)
    host.ipv4(udp_datagram(b"x", 1, 7), 17, ttl=33, tos=0x10)
    control = receive(server)[1].control
    assert control == [
        (0, so.IP_PKTINFO, struct.pack("=i", host.nic.number) + IP4 + IP4),
        (0, so.IP_TTL, struct.pack("=i", 33)),
        (0, so.IP_TOS, b"\x10"),
    ]
    server.sendmsg(b"y", SockAddr(PEER4, 1), 0, [(0, so.IP_TTL, struct.pack("=i", 9))])
    assert host.packets()[0][8] == 9


def test_options_of_a_packet_are_shown_and_made_ready_to_return() -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IPV4_ANY, 7))
    for name in (so.IP_RECVOPTS, so.IP_RETOPTS):
        server.set_option(so.SOL_IP, name, 1)
    recorded = b"\x07\x07\x08" + PEER4
    options = b"\x94\x04\0\0\x01" + recorded  # a router alert, which is nobody's to return, and a recorded route
    host.ipv4(udp_datagram(b"x", 1, 7), 17, options=options)
    control = receive(server)[1].control
    assert control == [(0, so.IP_RECVOPTS, options), (0, so.IP_RETOPTS, recorded + b"\0")]
    host.ipv4(udp_datagram(b"x", 1, 7), 17)
    assert receive(server)[1].control == []


def test_path_mtu_discovery_choices() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    client.set_option(so.SOL_IP, so.IP_MTU_DISCOVER, so.PMTUDISC_DO)
    assert client.get_option(so.SOL_IP, so.IP_MTU) == 1500
    client.send(bytes(1472))
    fails(errors.MESSAGE_TOO_LONG, client.send, bytes(1473))
    (sent,) = host.packets()
    assert sent[6] & 0x40
    host.ipv4(icmpv4_message(3, 4, 1000, sent[:548]), 1)
    fails(errors.MESSAGE_TOO_LONG, client.send, b"x")
    assert client.get_option(so.SOL_IP, so.IP_MTU) == 1000
    client.set_option(so.SOL_IP, so.IP_MTU_DISCOVER, so.PMTUDISC_WANT)
    client.send(bytes(1472))
    assert len(host.packets()) == 2


def test_corked_pieces_are_one_datagram() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    client.send(b"one ", so.MSG_MORE)
    assert host.packets() == []
    client.send(b"two")
    assert host.packets()[0][28:] == b"one two"


def test_ping_endpoint() -> None:
    host = Host()
    ping = host.stack.new_endpoint(2, SOCK_DGRAM, 1)
    fails(errors.INVALID_ARGUMENT, ping.sendmsg, b"\0" * 8, SockAddr(PEER4, 0))
    ping.sendmsg(b"\x08\0\0\0\0\0\0\x05data", SockAddr(PEER4, 0))
    (request,) = host.packets()
    identifier = ping.getsockname().port
    assert request[20:] == icmpv4_message(8, 0, identifier << 16 | 5, b"data")
    host.ipv4(icmpv4_message(0, 0, (identifier ^ 1) << 16 | 5, b"data"), 1)
    assert not ping.readable_bytes()
    host.ipv4(icmpv4_message(0, 0, identifier << 16 | 5, b"data"), 1)
    assert receive(ping)[0] == icmpv4_message(0, 0, identifier << 16 | 5, b"data")
    host.ipv4(icmpv4_message(11, 0, 0, request), 1)
    assert ping.take_error() is None
