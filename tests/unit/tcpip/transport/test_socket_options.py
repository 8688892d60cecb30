"""Option values are checked and kept as Linux's are."""

import struct

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.transport import socket_options
from tcpip.transport.socket_options import SocketOptions
from tests.unit.attributes import attributes


@pytest.mark.interpreted
def test_copy_takes_every_field() -> None:
    options = SocketOptions()
    of_its_own = {"waiting", "on_room", "group", "hashed"}  # of packets on their way and of a place, not options
    of_its_own |= {"labels", "anycast"}  # which end with who has them
    of_its_own |= {"buffers"}  # the stack's
    assert set(socket_options._FIELDS) == set(attributes(SocketOptions)) - of_its_own
    for name in set(attributes(SocketOptions)) - {"labels", "buffers"}:
        setattr(options, name, 12345)
    other = options.copy()
    assert other.buffers is options.buffers
    assert all((getattr(other, name) == 12345) == (name not in of_its_own) for name in attributes(SocketOptions))


@pytest.mark.parametrize(
    ("level", "name", "value", "kept"),
    [
        (so.SOL_SOCKET, so.SO_RCVBUF, 1, 2304),
        (so.SOL_SOCKET, so.SO_RCVBUF, -1, 425_984),
        (so.SOL_SOCKET, so.SO_SNDBUF, 10_000, 20_000),
        (so.SOL_SOCKET, so.SO_SNDBUF, 1 << 30, 425_984),
        (so.SOL_SOCKET, so.SO_REUSEADDR, 7, 1),
        (so.SOL_SOCKET, so.SO_KEEPALIVE, struct.pack("=i", 1), 1),
        (so.SOL_SOCKET, so.SO_LINGER, struct.pack("=ii", 1, 5), struct.pack("=ii", 1, 5)),
        (so.SOL_SOCKET, so.SO_RCVLOWAT, 0, 1),
        (so.SOL_IP, so.IP_TTL, b"\x05", 5),
        (so.SOL_IP, so.IP_TTL, -1, 64),
        (so.SOL_IP, so.IP_TOS, 0x1FF, 0xFF),
        (so.SOL_IP, so.IP_MULTICAST_TTL, -1, 1),
        (so.SOL_IPV6, so.IPV6_UNICAST_HOPS, -1, 64),
        (so.SOL_IPV6, so.IPV6_TCLASS, 0x20, 0x20),
    ],
)
def test_values(level: int, name: int, value: int | bytes, kept: int | bytes) -> None:
    options = SocketOptions()
    assert options.set(10, level, name, value)
    assert options.get(10, level, name) == kept


@pytest.mark.parametrize(
    ("level", "name", "value", "error"),
    [
        (so.SOL_SOCKET, so.SO_REUSEADDR, b"\0\0\0", errors.INVALID_ARGUMENT),
        (so.SOL_SOCKET, so.SO_LINGER, b"\0\0\0\0", errors.INVALID_ARGUMENT),
        (so.SOL_SOCKET, so.SO_PRIORITY, 7, errors.NOT_PERMITTED),
        (so.SOL_SOCKET, so.SO_MARK, 1, errors.NOT_PERMITTED),
        (so.SOL_SOCKET, so.SO_RCVBUFFORCE, 1, errors.NOT_PERMITTED),
        (so.SOL_SOCKET, so.SO_SNDLOWAT, 1, errors.NO_SUCH_OPTION),
        (so.SOL_IP, so.IP_TTL, 0, errors.INVALID_ARGUMENT),
        (so.SOL_IP, so.IP_TTL, 256, errors.INVALID_ARGUMENT),
        (so.SOL_IP, so.IP_MTU_DISCOVER, 6, errors.INVALID_ARGUMENT),
        (so.SOL_IPV6, so.IPV6_UNICAST_HOPS, 256, errors.INVALID_ARGUMENT),
        (so.SOL_IPV6, so.IPV6_MULTICAST_LOOP, 2, errors.INVALID_ARGUMENT),
    ],
)
def test_refusals(level: int, name: int, value: int | bytes, error: errors.NetError) -> None:
    with pytest.raises(NetworkError) as caught:
        SocketOptions().set(10, level, name, value)
    assert caught.value.error is error


def test_others_are_not_ours() -> None:
    options = SocketOptions()
    assert not options.set(2, so.SOL_IPV6, so.IPV6_V6ONLY, 1)
    assert not options.set(2, so.SOL_TCP, 1, 1)
    assert options.get(2, so.SOL_SOCKET, 9999) is None
    assert options.get(2, so.SOL_IP, 9999) is None
