"""Programs attached to endpoints. What Linux does with them is compared in tests/guest/c/socket_filter.c."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, IPV4_LOOPBACK, SockAddr, any_of
from tcpip.bpf import opcodes as op
from tcpip.bpf.opcodes import Insn
from tcpip.buffer import CSUM_VALID, GSO_UDP_L4, RxPacket
from tcpip.errors import NetError, NetworkError
from tcpip.sockopt import SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.transport.socket_filter import SOCK_FILTER

from ..bench import (
    IP4,
    IP6,
    MAC,
    PEER4,
    PEER6,
    PEER_MAC,
    Host,
    icmpv4_message,
    icmpv6_message,
    ipv4_packet,
    ipv6_packet,
    udp_datagram,
)

NONE: Insn = (op.BPF_RET | op.BPF_K, 0, 0, 0)


def up_to(size: int) -> Insn:
    return (op.BPF_RET | op.BPF_K, 0, 0, size)


def attach(endpoint: Endpoint, *program: Insn) -> None:
    endpoint.set_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER, b"".join(SOCK_FILTER.pack(*insn) for insn in program))


def receive(endpoint: Endpoint) -> bytes | None:
    buffer = bytearray(2000)
    count = endpoint.recv_into(memoryview(buffer))
    return None if count == AGAIN else bytes(buffer[:count])


def fails(error: NetError, endpoint: Endpoint, name: int, value: int | bytes) -> None:
    with pytest.raises(NetworkError) as caught:
        endpoint.set_option(so.SOL_SOCKET, name, value)
    assert caught.value.error is error


@pytest.mark.parametrize("kind", [SOCK_DGRAM, SOCK_STREAM])
def test_values_and_errors(kind: int) -> None:
    endpoint = Host().stack.new_endpoint(AF_INET, kind)
    fails(errors.NO_SUCH_FILE, endpoint, so.SO_DETACH_FILTER, 0)
    for wrong in (0, b"", b"1234567", bytes(SOCK_FILTER.size * (op.BPF_MAXINSNS + 1)), SOCK_FILTER.pack(0, 0, 0, 0)):
        fails(errors.INVALID_ARGUMENT, endpoint, so.SO_ATTACH_FILTER, wrong)
    attach(endpoint, (op.BPF_LD | op.BPF_LEN, 1, 2, 3), NONE)
    assert endpoint.get_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER) == SOCK_FILTER.pack(
        op.BPF_LD | op.BPF_LEN, 1, 2, 3
    ) + SOCK_FILTER.pack(*NONE)
    endpoint.set_option(so.SOL_SOCKET, so.SO_DETACH_FILTER, 0)
    assert endpoint.get_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER) == b""
    endpoint.set_option(so.SOL_SOCKET, so.SO_LOCK_FILTER, 1)
    fails(errors.NOT_PERMITTED, endpoint, so.SO_ATTACH_FILTER, SOCK_FILTER.pack(*NONE))
    fails(errors.NOT_PERMITTED, endpoint, so.SO_LOCK_FILTER, 0)


def test_raw_and_ping_endpoints_see_what_they_receive() -> None:
    """With the IPv4 header, without the IPv6 one; each endpoint's cut is its own."""
    host = Host()
    ping = icmpv4_message(8, 0, 1, b"abcdef")
    cut, whole, deaf = (host.stack.new_endpoint(AF_INET, SOCK_RAW, 1) for _ in range(3))
    first: Insn = (op.BPF_LD | op.BPF_B | op.BPF_ABS, 0, 0, 0)
    attach(cut, first, (op.BPF_JMP | op.BPF_JEQ | op.BPF_K, 0, 1, 0x45), up_to(23), NONE)
    attach(deaf, NONE)
    host.ipv4(ping, 1)
    assert receive(cut) == ipv4_packet(ping, 1)[:23]
    assert receive(whole) == ipv4_packet(ping, 1)
    assert receive(deaf) is None
    assert len(host.packets()) == 1, "the stack's own answer is whole"
    six = host.stack.new_endpoint(AF_INET6, SOCK_RAW, 58)
    attach(six, first, (op.BPF_JMP | op.BPF_JEQ | op.BPF_K, 0, 1, 129), up_to(9), NONE)
    host.ipv6(icmpv6_message(129, 0, 1, b"abc"), 58)
    assert receive(six) == icmpv6_message(129, 0, 1, b"abc")[:9]


@pytest.mark.parametrize("family", [AF_INET, AF_INET6])
def test_each_datagram_of_a_super_packet_is_filtered(family: int) -> None:
    """The program drops those of 4 bytes and sees whole headers: it takes the lengths from them."""
    host = Host()
    endpoint = host.stack.new_endpoint(family, SOCK_DGRAM)
    endpoint.bind(SockAddr(any_of(family), 9))
    length: Insn = (op.BPF_LD | op.BPF_H | op.BPF_ABS, 0, 0, 4)
    attach(endpoint, length, (op.BPF_JMP | op.BPF_JEQ | op.BPF_K, 0, 1, 12), NONE, (op.BPF_RET | op.BPF_A, 0, 0, 0))
    four = family == AF_INET
    src, dst = (PEER4, IP4) if four else (PEER6, IP6)
    body = udp_datagram(b"abcdefg" + b"hijklmn" + b"last", 7, 9, src, dst)
    inner = ipv4_packet(body, 17) if four else ipv6_packet(body, 17)
    frame = MAC + PEER_MAC + (b"\x08\0" if four else b"\x86\xdd") + inner
    host.nic.deliver([RxPacket(frame, CSUM_VALID, GSO_UDP_L4, 7)])
    assert [receive(endpoint) for _ in range(3)] == [b"abcdefg", b"hijklmn", None]
    stats = host.stack.stats.udp if four else host.stack.stats.udp6
    assert (stats.values["InDatagrams"], stats.values["InErrors"]) == (2, 1)


def test_text_within_one_stack_is_filtered_too() -> None:
    """What the receiver's program cuts off is not acknowledged, and comes again when it may pass."""
    host = Host()
    listener, client = (host.stack.new_endpoint(AF_INET, SOCK_STREAM) for _ in range(2))
    listener.bind(SockAddr(IPV4_LOOPBACK, 80))
    listener.listen(1)
    with pytest.raises(NetworkError):
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    host.stack.flush()
    child = listener.accept()
    attach(child, (op.BPF_LD | op.BPF_LEN, 0, 0, 0), (op.BPF_ALU | op.BPF_SUB | op.BPF_K, 0, 0, 5), (0x16, 0, 0, 0))
    client.send(b"0123456789")
    host.stack.flush()
    assert receive(child) == b"01234"
    child.set_option(so.SOL_SOCKET, so.SO_DETACH_FILTER, 0)
    host.pass_time(5)
    assert receive(child) == b"56789"


def test_a_listener_hears_what_its_filter_lets_through() -> None:
    host = Host()
    listener, client = (host.stack.new_endpoint(AF_INET, SOCK_STREAM) for _ in range(2))
    listener.bind(SockAddr(IPV4_LOOPBACK, 80))
    attach(listener, NONE)
    listener.listen(1)
    with pytest.raises(NetworkError):
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    host.stack.flush()
    assert not listener.readiness()
    attach(listener, up_to(1))
    host.pass_time(5)
    child = listener.accept()
    assert child.get_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER) == SOCK_FILTER.pack(*up_to(1))
