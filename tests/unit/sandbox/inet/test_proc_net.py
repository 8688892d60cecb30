"""/proc/net/udp of many sockets: in portions, so that nobody has to wait for all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.abi.linux.socket import AF_INET, SOCK_DGRAM
from sandbox.sockets.proc_net import inet_sockets
from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError


class EndpointStandIn:
    family = AF_INET

    def __init__(self) -> None:
        self.asked = 0

    def getsockname(self) -> SockAddr:
        return SockAddr(b"\x7f\0\0\1", 53)

    def getpeername(self) -> SockAddr:
        self.asked += 1
        raise NetworkError(errors.NOT_CONNECTED)

    def memory_info(self) -> tuple[int, ...]:
        return (2, 0, 1, 0, 0, 0, 0, 0, 0)


class SocketStandIn:
    family, kind, protocol, uid = AF_INET, SOCK_DGRAM, inet_sockets.IPPROTO_UDP, 5

    def __init__(self, inode: int) -> None:
        self.inode = inode
        self.endpoint = EndpointStandIn()


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_many_sockets_come_in_portions() -> None:
    network: Any = SimpleNamespace(sockets=set())
    sockets = [SocketStandIn(inode) for inode in range(1000)]
    network.sockets.update(sockets)
    text = inet_sockets.table(network, b"  sl\n", "udp")
    assert next(text) == b"  sl\n"
    first = next(text)
    assert first.count(b"\n") == inet_sockets.PORTION
    network.sockets.difference_update(sockets[500:])
    rows = (first + b"".join(text)).splitlines()
    assert [int(row.split()[9]) for row in rows] == list(range(500))


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_a_datagram_sockets_row_asks_for_its_peer_once() -> None:
    socket: Any = SocketStandIn(77)
    network: Any = SimpleNamespace(sockets={socket})
    text = b"".join(inet_sockets.table(network, b"", "udp")).splitlines()
    assert text[0].split()[:5] == [b"0:", b"0100007F:0035", b"00000000:0000", b"07", b"00000001:00000002"]
    assert text[0].split()[7] == b"5"
    assert socket.endpoint.asked == 1
