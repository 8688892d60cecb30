"""/proc/net/udp of many sockets: in portions, so that nobody has to wait for all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Iterator

import pytest

from sandbox.abi.linux.socket import AF_INET, SOCK_DGRAM
from sandbox.sockets import proc_net
from sandbox.sockets.netlink import diag


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


class SocketStandIn:
    family, kind, protocol = AF_INET, SOCK_DGRAM, proc_net.IPPROTO_UDP

    def __init__(self, inode: int) -> None:
        self.inode = inode
