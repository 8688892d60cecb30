"""Connections inside one stack: both families, dual-stack listeners, names of both ends."""

from __future__ import annotations

from random import Random

import pytest

from tcpip import errors
from tcpip.addr import AF_INET, AF_INET6, IPV4_LOOPBACK, IPV6_ANY, IPV6_LOOPBACK, SockAddr, v4_mapped
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.header.tcp import SYN, TcpHeader
from tcpip.sockopt import (
    IPPROTO_TCP,
    IPV6_V6ONLY,
    SO_KEEPALIVE,
    SO_PRIORITY,
    SO_RCVBUF,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_IPV6,
    SOL_SOCKET,
)
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.waiter import EVENT_IN


@pytest.fixture
def stack() -> Stack:
    return Stack(ManualClock(1_000_000_000), Random(3))


def connect(stack: Stack, family: int, target: SockAddr) -> Endpoint:
    client = stack.new_endpoint(family, SOCK_STREAM)
    with pytest.raises(NetworkError) as caught:
        client.connect(target)
    assert caught.value.error is errors.CONNECT_STARTED
    stack.flush()
    return client


def listener(stack: Stack, family: int, addr: bytes, port: int = 80, v6only: int = 0) -> Endpoint:
    endpoint = stack.new_endpoint(family, SOCK_STREAM)
    if v6only:
        endpoint.set_option(SOL_IPV6, IPV6_V6ONLY, 1)
    endpoint.bind(SockAddr(addr, port))
    endpoint.listen(8)
    return endpoint


@pytest.mark.parametrize(
    ("family", "target"),
    ((AF_INET, IPV4_LOOPBACK), (AF_INET6, IPV6_LOOPBACK), (AF_INET6, v4_mapped(IPV4_LOOPBACK))),
)
def test_dual_stack_listener_takes_all(stack: Stack, family: int, target: bytes) -> None:
    server = listener(stack, AF_INET6, IPV6_ANY)
    client = connect(stack, family, SockAddr(target, 80))
    child = server.accept()
    assert len(child.getpeername().addr) == 16
    assert child.getpeername().port == client.getsockname().port
    assert client.getpeername().addr == target
    data = bytes(range(256)) * 100
    assert client.send(data) == len(data)
    stack.flush()
    buffer = bytearray(len(data))
    assert child.recv_into(memoryview(buffer)) == len(data)
    assert buffer == data


def test_v6only_listener_leaves_ipv4_alone(stack: Stack) -> None:
    listener(stack, AF_INET6, IPV6_ANY, v6only=1)
    client = connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))
    assert client.take_error() is errors.CONNECTION_REFUSED
    listener(stack, AF_INET, b"\0\0\0\0")
    connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))


def test_self_connection(stack: Stack) -> None:
    """Simultaneous open with oneself, as a program that guesses its own port does."""
    endpoint = stack.new_endpoint(AF_INET, SOCK_STREAM)
    endpoint.bind(SockAddr(IPV4_LOOPBACK, 4242))
    with pytest.raises(NetworkError):
        endpoint.connect(SockAddr(IPV4_LOOPBACK, 4242))
    stack.flush()
    endpoint.send(b"me")
    stack.flush()
    buffer = bytearray(2)
    assert endpoint.recv_into(memoryview(buffer)) == 2
    assert buffer == b"me"


def test_every_waiter_is_told_once_per_batch(stack: Stack) -> None:
    server = listener(stack, AF_INET, IPV4_LOOPBACK)
    client = connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))
    child = server.accept()
    told: list[int] = []
    child.queue.add(EVENT_IN, told.append)
    for _ in range(5):
        client.send(b"x" * 65536)
    stack.flush()
    assert told
    assert child.readable_bytes() > 0


def test_no_way_there(stack: Stack) -> None:
    client = stack.new_endpoint(AF_INET, SOCK_STREAM)
    with pytest.raises(NetworkError) as caught:
        client.connect(SockAddr(b"\x0a\x00\x00\x01", 80))
    assert caught.value.error is errors.NETWORK_UNREACHABLE
    client.close()
    assert not stack.ports._held


def test_many_connections_leave_nothing_behind(stack: Stack) -> None:
    server = listener(stack, AF_INET, IPV4_LOOPBACK)
    for _ in range(300):
        client = connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))
        child = server.accept()
        client.close()
        stack.flush()
        child.close()
        stack.flush()
    assert len(stack.tcp.time_wait) == 300
    stack.clock.advance(70_000_000_000)  # type: ignore[attr-defined]
    stack.run_timers()
    assert not stack.tcp.demux.connected
    server.close()
    assert not stack.ports._held


def test_disconnect_and_connect_again(stack: Stack) -> None:
    server = listener(stack, AF_INET, IPV4_LOOPBACK)
    client = connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))
    client.connect(SockAddr(IPV4_LOOPBACK, 80))
    server.accept()
    client.connect(None)
    stack.flush()
    with pytest.raises(NetworkError) as caught:
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert caught.value.error is errors.CONNECT_STARTED
    stack.flush()
    client.connect(SockAddr(IPV4_LOOPBACK, 80))
    server.accept()


def test_a_connection_that_fails_leaves_nothing_to_the_next_one(stack: Stack) -> None:
    client = stack.new_endpoint(AF_INET, SOCK_STREAM)
    assert isinstance(client, TcpEndpoint)
    made = client.snd
    with pytest.raises(NetworkError):
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert client.snd is made  # it was not used yet
    stack.flush()
    with pytest.raises(NetworkError) as caught:
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert caught.value.error is errors.CONNECTION_REFUSED
    server = listener(stack, AF_INET, IPV4_LOOPBACK)
    with pytest.raises(NetworkError) as caught:
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert caught.value.error is errors.CONNECT_STARTED
    stack.flush()
    client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert client.snd is not made and client.take_error() is None
    assert client.send(b"text") == 4
    stack.flush()
    buffer = bytearray(4)
    assert server.accept().recv_into(memoryview(buffer)) == 4 and buffer == b"text"


def test_what_is_accepted_has_its_own_copy_of_the_options(stack: Stack) -> None:
    server = listener(stack, AF_INET, IPV4_LOOPBACK)
    for name, value in ((SO_KEEPALIVE, 1), (SO_RCVBUF, 70_000), (SO_PRIORITY, 3)):
        server.set_option(SOL_SOCKET, name, value)
    client = connect(stack, AF_INET, SockAddr(IPV4_LOOPBACK, 80))
    child = server.accept()
    got = [child.get_option(SOL_SOCKET, name) for name in (SO_KEEPALIVE, SO_RCVBUF, SO_PRIORITY)]
    assert got == [server.get_option(SOL_SOCKET, name) for name in (SO_KEEPALIVE, SO_RCVBUF, SO_PRIORITY)]
    server.set_option(SOL_SOCKET, SO_KEEPALIVE, 0)
    assert child.get_option(SOL_SOCKET, SO_KEEPALIVE) == 1 and client.get_option(SOL_SOCKET, SO_KEEPALIVE) == 0


def test_a_syn_from_the_listener_itself_is_not_answered_for_ever(stack: Stack) -> None:
    """The SYN-ACK comes back to the embryonic connection, and so would every answer to what does not fit."""
    listener(stack, AF_INET, IPV4_LOOPBACK)
    raw = stack.new_endpoint(AF_INET, SOCK_RAW, IPPROTO_TCP)
    segment = bytearray(20)
    TcpHeader(80, 80, 1000, 0, SYN, 60000, b"", 0).emit(segment, 0)
    total = partial_sum(segment) + pseudo_sum(IPV4_LOOPBACK, IPV4_LOOPBACK, IPPROTO_TCP, len(segment))
    segment[16:18] = finish(total).to_bytes(2, "big")
    raw.sendmsg(bytes(segment), SockAddr(IPV4_LOOPBACK, 0))
    for _ in range(3):
        stack.flush()
    assert stack.stats.tcp["OutSegs"] == 2
    assert stack.stats.tcp_ext["TCPACKSkippedSynRecv"] == 1
