"""Packets that are taken off their way for IP_TRANSPARENT sockets, TCP and UDP."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV6_ANY, SockAddr
from tcpip.errors import NetworkError
from tcpip.filter.match import DestinationPort, InInterface
from tcpip.filter.table import Rule
from tcpip.filter.target import Transparent
from tcpip.header.tcp import ACK, SYN
from tcpip.sockopt import IP_TRANSPARENT, SOCK_DGRAM, SOCK_STREAM, SOL_IP
from tcpip.transport.endpoint import Endpoint

from .router import CLIENT, CLIENT6, SERVER, SERVER6, Router, addresses, checks, ports, tcp, udp


def transparent(router: Router, kind: int, family: int = 2) -> Endpoint:
    endpoint = router.stack.new_endpoint(family, kind)
    with pytest.raises(NetworkError) as caught:
        endpoint.set_option(SOL_IP, IP_TRANSPARENT, 1)
    assert caught.value.error is errors.NOT_PERMITTED
    endpoint.settings().privileged = True
    endpoint.set_option(SOL_IP, IP_TRANSPARENT, 1)
    return endpoint


def intercepting(port: int) -> Router:
    router = Router()
    router.nf.mangle["prerouting"].append(Rule([InInterface("lan"), DestinationPort(80)], Transparent(port)))
    return router


@pytest.mark.parametrize(("src", "dst", "anywhere"), [(CLIENT, SERVER, IPV4_ANY), (CLIENT6, SERVER6, IPV6_ANY)])
def test_a_listener_takes_connections_to_anybody(src: bytes, dst: bytes, anywhere: bytes) -> None:
    router = intercepting(8080)
    listener = transparent(router, SOCK_STREAM, 2 if len(src) == 4 else 10)
    listener.bind(SockAddr(anywhere, 8080))
    listener.listen(4)
    lan, wan = router.from_lan(tcp(src, 999, dst, 80, SYN))
    assert wan == [] and addresses(lan[0]) == (dst, src) and ports(lan[0]) == (80, 999) and checks(lan[0])
    at = 24 if len(src) == 4 else 44
    iss = int.from_bytes(lan[0][at : at + 4], "big")
    router.from_lan(tcp(src, 999, dst, 80, ACK, 1001, iss + 1, b"GET /"))
    child = listener.accept()
    assert (child.getsockname(), child.getpeername()) == (SockAddr(dst, 80), SockAddr(src, 999))
    assert child.readable_bytes() == 5 and child.settings().transparent
    child.send(b"hello")
    lan, wan = router.sent()
    assert wan == [] and addresses(lan[-1]) == (dst, src) and lan[-1].endswith(b"hello")


def test_without_such_a_socket_it_is_dropped() -> None:
    router = intercepting(8080)
    plain = router.stack.new_endpoint(2, SOCK_STREAM)
    plain.bind(SockAddr(IPV4_ANY, 8080))
    plain.listen(4)
    assert router.from_lan(tcp(CLIENT, 999, SERVER, 80)) == ([], [])
    assert len(router.from_lan(tcp(CLIENT, 999, SERVER, 81))[1]) == 1


def test_udp_and_answers_from_the_address_that_was_asked() -> None:
    router = intercepting(-1)
    server = transparent(router, SOCK_DGRAM)
    server.bind(SockAddr(SERVER, 80))
    assert router.from_lan(udp(CLIENT, 5, SERVER, 80, b"q")) == ([], [])
    buffer = bytearray(8)
    message = server.recvmsg(memoryview(buffer))
    server.sendmsg(b"a", message.address)
    lan, wan = router.sent()
    assert wan == [] and addresses(lan[0]) == (SERVER, CLIENT) and ports(lan[0]) == (80, 5)
