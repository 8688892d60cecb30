"""Flows to any address: accepted, refused, put off, given up."""

from __future__ import annotations

import pytest

from tcpip.header.tcp import ACK, RST, SYN
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.forwarder import FlowRequest

from ..filter.router import CLIENT, CLIENT6, LAN4, SERVER, SERVER6, Router, addresses, checks, ports, tcp, udp


def gateway() -> tuple[Router, list[FlowRequest]]:
    router = Router(netfilter=False)
    router.stack.forwarding = router.stack.forwarding_v6 = False
    router.lan.promiscuous = True
    asked: list[FlowRequest] = []
    flows = router.stack.forward_flows()
    flows.tcp = flows.udp = asked.append
    return router, asked


@pytest.mark.parametrize(("src", "dst"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_tcp_accepted_later(src: bytes, dst: bytes) -> None:
    router, asked = gateway()
    assert router.from_lan(tcp(src, 999, dst, 80)) == ([], [])
    assert router.from_lan(tcp(src, 999, dst, 80)) == ([], [])
    request = asked.pop()
    assert not asked
    assert (request.src, request.src_port, request.dst, request.dst_port) == (src, 999, dst, 80)
    got: list[Endpoint] = []
    request.accept(got.append)
    lan, _ = router.sent()
    at = 20 if len(src) == 4 else 40
    assert addresses(lan[0]) == (dst, src) and lan[0][at + 13] & 0x3F == SYN | ACK and checks(lan[0])
    iss = int.from_bytes(lan[0][at + 4 : at + 8], "big")
    router.from_lan(tcp(src, 999, dst, 80, ACK, 1001, iss + 1, b"text"))
    assert got[0].readable_bytes() == 4 and got[0].getsockname().port == 80 and got[0].getsockname().addr == dst
    got[0].send(b"answer")
    assert router.sent()[0][-1].endswith(b"answer")
    assert router.stack.flows is not None and not router.stack.flows.waiting and not router.stack.flows.pending


def test_refused_unreachable_and_dropped() -> None:
    router, asked = gateway()
    router.from_lan(tcp(CLIENT, 999, SERVER, 80))
    asked[0].refuse()
    assert router.sent()[0][0][33] == RST | ACK
    router.from_lan(tcp(CLIENT, 999, SERVER, 80))
    asked[1].unreachable(13)
    assert router.sent()[0][0][20:22] == b"\x03\x0d"
    router.from_lan(tcp(CLIENT, 999, SERVER, 80))
    asked[2].drop()
    assert router.sent() == ([], [])
    assert router.from_lan(tcp(CLIENT, 999, SERVER, 80, ACK, 5, 6))[0][0][33] == RST
    router.from_lan(udp(CLIENT6, 5, SERVER6, 53))
    asked[3].refuse()
    assert router.sent()[0][0][40:42] == b"\x01\x04" and len(asked) == 4


def test_udp() -> None:
    router, asked = gateway()
    router.from_lan(udp(CLIENT, 5, SERVER, 53, b"q1"))
    got: list[Endpoint] = []
    asked[0].accept(got.append)
    router.from_lan(udp(CLIENT, 5, SERVER, 53, b"q22"))
    router.from_lan(udp(CLIENT, 6, SERVER, 53))
    assert len(asked) == 2
    buffer = memoryview(bytearray(9))
    assert [got[0].recv_into(buffer) for _ in range(2)] == [2, 3]
    got[0].send(b"a")
    lan, wan = router.sent()
    assert wan == [] and addresses(lan[0]) == (SERVER, CLIENT) and ports(lan[0]) == (53, 5) and checks(lan[0])


def test_own_listeners_come_first_and_handshakes_that_never_end_are_given_up() -> None:
    router, asked = gateway()
    listener = router.stack.new_endpoint(2, 1)
    from tcpip.addr import SockAddr

    listener.bind(SockAddr(LAN4, 80))
    listener.listen(1)
    router.from_lan(tcp(CLIENT, 999, LAN4, 80))
    assert not asked
    router.from_lan(tcp(CLIENT, 999, SERVER, 80))
    gone: list[str] = []
    asked[0].accept(lambda endpoint: gone.append("ready"), lambda: gone.append("gone"))
    router.pass_time(29)
    assert gone == []
    router.pass_time(2)
    assert gone == ["gone"]
    router.pass_time(200)
    flows = router.stack.flows
    assert flows is not None and not flows.waiting
    flows.close()
    assert router.from_lan(tcp(CLIENT, 998, SERVER, 80))[0][-1][33] == RST | ACK


def test_many_requests_are_bounded() -> None:
    router, asked = gateway()
    resets = sum(len(router.from_lan(tcp(CLIENT, port, SERVER, 80))[0]) for port in range(1, 1101))
    assert len(asked) == 1024 and resets == 76
