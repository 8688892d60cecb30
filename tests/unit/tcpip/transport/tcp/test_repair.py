"""A connection moves from one stack to another one, and its peer notices nothing (TCP_REPAIR)."""

import struct
from random import Random

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, SockAddr
from tcpip.clock import NS_PER_MS, NS_PER_S, ManualClock
from tcpip.errors import NetworkError
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.channel import ChannelLink
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint

SERVER, CLIENT = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
RECV, SEND = 1, 2


class Wire:
    """Two addresses with a wire between them; who answers to one of them may change."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.clock = ManualClock(1000 * NS_PER_S)
        self.links: dict[bytes, ChannelLink] = {}
        self.stacks: dict[bytes, Stack] = {}
        self.sent: list[bytes] = []
        for address in (SERVER, CLIENT):
            self.place(address)

    def place(self, address: bytes) -> Stack:
        """A new stack at `address`."""
        stack = Stack(self.clock, Random(self.seed + len(self.links)), ipv6=False)
        link = ChannelLink(1500, b"", CAP_NO_ARP)
        stack.add_nic(link, "eth0").add_address(address, 24)
        self.links[address], self.stacks[address] = link, stack
        return stack

    def run(self, ms: int = 1) -> None:
        """Carry packets to and fro until there are none for `ms` milliseconds."""
        idle = 0
        while idle < ms:
            moved = False
            for address, other in ((SERVER, CLIENT), (CLIENT, SERVER)):
                self.stacks[address].flush()
                for packet in self.links[address].take():
                    self.sent.append(packet)
                    self.links[other].inject(packet)
                    moved = True
            if not moved:
                idle += 1
                self.clock.advance(NS_PER_MS)
                for stack in self.stacks.values():
                    stack.run_timers()


def read(ep: Endpoint, size: int = 10_000) -> bytes:
    buffer = bytearray(size)
    count = ep.recv_into(memoryview(buffer))
    return bytes(buffer[: max(count, 0)])


def number(value: int | bytes) -> int:
    assert isinstance(value, int)
    return value


def take_out(ep: Endpoint) -> dict[str, object]:
    """What a connection is."""
    ep.settings().privileged = True
    ep.set_option(6, so.TCP_REPAIR, 1)
    state: dict[str, object] = {"name": ep.getsockname(), "peer": ep.getpeername()}
    buffer = bytearray(100_000)
    for queue in (RECV, SEND):
        ep.set_option(6, so.TCP_REPAIR_QUEUE, queue)
        count = ep.recv_into(memoryview(buffer), so.MSG_PEEK)
        text = bytes(buffer[: max(count, 0)])
        state[f"text {queue}"] = text
        state[f"seq {queue}"] = (number(ep.get_option(6, so.TCP_QUEUE_SEQ)) - len(text)) & 0xFFFFFFFF
    state["window"] = ep.get_option(6, so.TCP_REPAIR_WINDOW)
    state["mss"] = ep.get_option(6, 2)
    state["stamp"] = ep.get_option(6, so.TCP_TIMESTAMP)
    info = ep.get_option(6, 11)
    assert isinstance(info, bytes)
    state["scales"] = (info[6] & 15) | (info[6] >> 4) << 16
    ep.close()
    return state


def put_in(stack: Stack, state: dict[str, object]) -> Endpoint:
    ep = stack.new_endpoint(AF_INET, SOCK_STREAM)
    ep.settings().privileged = True
    ep.set_option(6, so.TCP_REPAIR, 1)
    for queue in (RECV, SEND):
        ep.set_option(6, so.TCP_REPAIR_QUEUE, queue)
        ep.set_option(6, so.TCP_QUEUE_SEQ, state[f"seq {queue}"])  # type: ignore[arg-type]
    name, peer = state["name"], state["peer"]
    assert isinstance(name, SockAddr) and isinstance(peer, SockAddr)
    ep.bind(name)
    ep.connect(peer)
    pairs = ((2, state["mss"]), (3, state["scales"]), (4, 0), (8, 0))
    ep.set_option(6, so.TCP_REPAIR_OPTIONS, b"".join(struct.pack("=II", *pair) for pair in pairs))
    ep.set_option(6, so.TCP_TIMESTAMP, state["stamp"])  # type: ignore[arg-type]
    for queue in (RECV, SEND):
        ep.set_option(6, so.TCP_REPAIR_QUEUE, queue)
        text = state[f"text {queue}"]
        assert isinstance(text, bytes)
        assert ep.send(text) == len(text)
    ep.set_option(6, so.TCP_REPAIR_WINDOW, state["window"])  # type: ignore[arg-type]
    ep.set_option(6, so.TCP_REPAIR, 0)
    return ep


def connection(wire: Wire) -> tuple[Endpoint, Endpoint]:
    listener = wire.stacks[SERVER].new_endpoint(AF_INET, SOCK_STREAM)
    listener.bind(SockAddr(SERVER, 80))
    listener.listen(5)
    client = wire.stacks[CLIENT].new_endpoint(AF_INET, SOCK_STREAM)
    with pytest.raises(NetworkError):
        client.connect(SockAddr(SERVER, 80))
    wire.run()
    server = listener.accept()
    listener.close()
    return client, server


@pytest.mark.parametrize("seed", range(4))  # time stamps begin in either half of their range
def test_a_connection_goes_on_in_another_stack(seed: int) -> None:
    wire = Wire(seed)
    client, server = connection(wire)
    client.send(b"read" * 1000)
    wire.run(300)
    assert len(read(server)) == 4000
    client.send(b"unread")
    wire.run(300)
    server.send(b"under way" * 500)
    wire.stacks[SERVER].flush()
    wire.links[SERVER].take()  # lost: the connection moves while the text is not acknowledged
    before = len(wire.sent)
    state = take_out(server)
    wire.stacks[SERVER].flush()
    assert not wire.links[SERVER].take(), "the peer was told"
    assert state["text 1"] == b"unread" and state["text 2"] == b"under way" * 500
    server = put_in(wire.place(SERVER), state)
    assert read(server) == b"unread"
    wire.run(3000)
    assert read(client) == b"under way" * 500
    for one, two in ((client, server), (server, client)):
        one.send(b"on it goes" * 400)
        wire.run(300)
        assert read(two) == b"on it goes" * 400
    assert not any(packet[33] & 4 for packet in wire.sent[before:]), "a reset"
    client.close()
    wire.run(300)
    assert read(server) == b"" and server.recv_into(memoryview(bytearray(1))) == 0


def test_only_who_may_administer_the_network() -> None:
    ep = Wire().stacks[SERVER].new_endpoint(AF_INET, SOCK_STREAM)
    with pytest.raises(NetworkError) as caught:
        ep.set_option(6, so.TCP_REPAIR, 1)
    assert caught.value.error is errors.NOT_PERMITTED


def test_what_is_put_into_the_queues_is_bounded() -> None:
    wire = Wire()
    _, server = connection(wire)
    server.settings().privileged = True
    server.set_option(6, so.TCP_REPAIR, 1)
    server.set_option(6, so.TCP_REPAIR_QUEUE, SEND)
    sent = 0
    while (taken := server.send(b"x" * 100_000)) != AGAIN:
        sent += taken
        assert sent < 100_000_000
    server.set_option(6, so.TCP_REPAIR_QUEUE, RECV)
    with pytest.raises(NetworkError) as caught:
        for _ in range(1000):
            server.send(b"x" * 100_000)
    assert caught.value.error is errors.NO_BUFFER_SPACE
