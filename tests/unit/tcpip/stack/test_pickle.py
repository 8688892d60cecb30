"""A stack with its endpoints survives pickling and goes on where it was."""

import pickle

import pytest

from tcpip.addr import IPV4_ANY, SockAddr
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM

from ..bench import PEER4, PEER_MAC, Host, udp_datagram

pytestmark = pytest.mark.interpreted  # compiled classes are not pickled


def test_queued_datagrams_neighbours_and_timers() -> None:
    host = Host(resolve=False)
    server = host.stack.new_endpoint(2, SOCK_DGRAM)
    server.bind(SockAddr(IPV4_ANY, 7))
    host.ipv4(udp_datagram(b"hello", 4000, 7), 17)
    server.sendmsg(b"waits for resolution", SockAddr(PEER4, 4000))
    host.frames()
    copy, copied = pickle.loads(pickle.dumps((host, server)))
    buffer = bytearray(10)
    assert copied.recv_into(memoryview(buffer)) == 5 and buffer[:5] == b"hello"
    copy.pass_time(1.5)
    assert len(copy.arps()) == 1
    copy.nic.neighbors.add_permanent(PEER4, PEER_MAC)
    assert copy.packets()[0][28:] == b"waits for resolution"
    assert server.readable_bytes() == 5


def test_connections_on_the_loopback() -> None:
    host = Host()
    listener, client = host.stack.new_endpoint(2, SOCK_STREAM), host.stack.new_endpoint(2, SOCK_STREAM)
    listener.bind(SockAddr(IPV4_ANY, 80))
    listener.listen(1)
    try:
        client.connect(SockAddr(IPV4_ANY, 80))
    except NetworkError:
        pass
    host.stack.flush()
    server = listener.accept()
    client.send(b"before ")
    host.stack.flush()
    copy, one, two = pickle.loads(pickle.dumps((host, client, server)))
    one.send(b"after")
    copy.stack.flush()
    buffer = bytearray(20)
    assert two.recv_into(memoryview(buffer)) == 12 and buffer[:12] == b"before after"
