"""/proc/net/udp of many sockets: in portions, so that nobody has to wait for all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Iterator

import pytest

from sandbox.abi.linux.socket import AF_INET, SOCK_DGRAM
from sandbox.sockets import proc_net
from sandbox.sockets.netlink import diag
from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_many_sockets_come_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diag, "state_of", lambda socket: 7)
    monkeypatch.setattr(proc_net, "_socket_row", lambda number, socket, protocol: f"{number} {socket.inode}\n")
    network: Any = SimpleNamespace(sockets=set())
    sockets = [SocketStandIn(inode) for inode in range(1000)]
    network.sockets.update(sockets)
    text = proc_net.ProcNet(network).table("udp")
    assert isinstance(text, Iterator)
    assert next(text).startswith(b"  sl")
    first = next(text)
    assert first.count(b"\n") == proc_net.PORTION
    network.sockets.difference_update(sockets[500:])
    rows = (first + b"".join(text)).splitlines()
    assert rows == [b"%d %d" % (n, n) for n in range(500)]


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_a_datagram_sockets_row_asks_for_its_peer_once() -> None:
    asked = []

    class EndpointStandIn:
        def getsockname(self) -> SockAddr:
            return SockAddr(b"\x7f\0\0\1", 53)

        def getpeername(self) -> SockAddr:
            asked.append(self)
            raise NetworkError(errors.NOT_CONNECTED)

        def unsent_bytes(self) -> int:
            return 1

        def readable_bytes(self) -> int:
            return 2

    socket: Any = SocketStandIn(77)
    socket.endpoint, socket.listening = EndpointStandIn(), False
    network: Any = SimpleNamespace(sockets={socket})
    text = b"".join(proc_net.ProcNet(network).table("udp") or ()).splitlines()  # type: ignore[arg-type]
    assert text[1].split()[:5] == [b"0:", b"0100007F:0035", b"00000000:0000", b"07", b"00000001:00000002"]
    assert len(asked) == 1


class SocketStandIn:
    family, kind, protocol = AF_INET, SOCK_DGRAM, proc_net.IPPROTO_UDP

    def __init__(self, inode: int) -> None:
        self.inode = inode
