"""Raw endpoints: copies of what comes in, headers written by the caller, filters."""

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import SockAddr, parse
from tcpip.errors import NetError, NetworkError
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.ipv4 import Ipv4Header
from tcpip.sockopt import SOCK_RAW
from tcpip.transport.endpoint import AGAIN, Endpoint

from ..bench import IP4, IP6, PEER4, PEER6, Host, icmpv4_message, icmpv6_message, ipv4_packet, udp_datagram


def receive(endpoint: Endpoint) -> bytes:
    buffer = bytearray(2000)
    count = endpoint.recv_into(memoryview(buffer))
    return b"" if count == AGAIN else bytes(buffer[:count])


def fails(error: NetError, call: object, *args: object) -> None:
    with pytest.raises(NetworkError) as caught:
        call(*args)  # type: ignore[operator]
    assert caught.value.error is error


def test_icmp_with_its_header_and_the_stack_answers_all_the_same() -> None:
    host = Host()
    raw = host.stack.new_endpoint(2, SOCK_RAW, 1)
    ping = icmpv4_message(8, 0, 1, b"x")
    host.ipv4(ping, 1)
    assert receive(raw) == ipv4_packet(ping, 1)
    assert len(host.packets()) == 1
    raw.sendmsg(ping, SockAddr(PEER4, 0))
    (sent,) = host.packets()
    assert Ipv4Header.parse(sent).protocol == 1 and sent[20:] == ping
    raw.close()
    assert not host.stack.raws.endpoints


def test_filters() -> None:
    host = Host()
    raw = host.stack.new_endpoint(2, SOCK_RAW, 1)
    raw.set_option(so.SOL_RAW, so.ICMP_FILTER, 1 << 8)
    host.ipv4(icmpv4_message(8, 0, 1), 1)
    assert receive(raw) == b""
    host.ipv4(icmpv4_message(0, 0, 1), 1)
    assert receive(raw)[20:21] == b"\0"
    bound = host.stack.new_endpoint(2, SOCK_RAW, 17)
    bound.bind(SockAddr(IP4, 0))
    bound.connect(SockAddr(parse("10.0.0.9"), 0))
    host.ipv4(udp_datagram(b"x", 1, 2), 17)
    assert receive(bound) == b""
    bound.connect(None)
    host.ipv4(udp_datagram(b"x", 1, 2), 17)
    assert receive(bound)[28:] == b"x"


def test_unknown_protocol_is_not_unreachable_when_somebody_listens() -> None:
    host = Host()
    raw = host.stack.new_endpoint(2, SOCK_RAW, 200)
    host.ipv4(b"12345678", 200)
    assert receive(raw)[20:] == b"12345678" and host.packets() == []


def test_own_header() -> None:
    host = Host()
    raw = host.stack.new_endpoint(2, SOCK_RAW, so.IPPROTO_RAW)
    header = bytearray(20)
    Ipv4Header(bytes(4), PEER4, 99, 0, ttl=7).emit(header, 0)
    raw.sendmsg(bytes(header) + b"body", SockAddr(PEER4, 0))
    (sent,) = host.packets()
    parsed = Ipv4Header.parse(sent)
    assert (parsed.src, parsed.ttl, parsed.protocol, parsed.total_len) == (IP4, 7, 99, 24)
    fails(errors.INVALID_ARGUMENT, raw.sendmsg, b"short", SockAddr(PEER4, 0))
    fails(errors.INVALID_ARGUMENT, raw.sendmsg, b"\x4f" + bytes(30), SockAddr(PEER4, 0))
    fails(errors.MESSAGE_TOO_LONG, raw.sendmsg, bytes(header) + bytes(1500), SockAddr(PEER4, 0))
    fails(errors.DESTINATION_REQUIRED, raw.send, bytes(header))


def test_icmpv6_gets_its_checksum() -> None:
    host = Host()
    raw = host.stack.new_endpoint(10, SOCK_RAW, 58)
    raw.sendmsg(b"\x80\0\xff\xff\0\0\0\x01abc", SockAddr(PEER6, 0))
    (sent,) = host.packets(TYPE_IPV6)
    assert sent[40:] == icmpv6_message(128, 0, 1, b"abc", IP6, PEER6)
    raw.set_option(so.SOL_ICMPV6, so.ICMPV6_FILTER, b"\0" * 16 + b"\x02" + b"\0" * 15)
    host.ipv6(icmpv6_message(129, 0, 1, b"abc"), 58)
    assert receive(raw) == b""
    host.ipv6(icmpv6_message(128, 0, 1, b"abc"), 58)
    assert receive(raw) == icmpv6_message(128, 0, 1, b"abc")
    fails(errors.INVALID_ARGUMENT, raw.set_option, so.SOL_IPV6, so.IPV6_CHECKSUM, 4)


def test_protocol_zero_is_refused() -> None:
    fails(errors.PROTOCOL_NOT_SUPPORTED, Host().stack.new_endpoint, 2, SOCK_RAW, 0)


def test_a_device_number_that_is_too_short() -> None:
    raw = Host().stack.new_endpoint(2, SOCK_RAW, 1)
    fails(errors.INVALID_ARGUMENT, raw.set_option, so.SOL_SOCKET, so.SO_BINDTOIFINDEX, b"\1")
