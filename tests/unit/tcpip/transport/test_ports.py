"""Port reservations conflict exactly when Linux's do."""

from random import Random

import pytest

from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV6_ANY, parse
from tcpip.errors import NetworkError
from tcpip.transport.ports import EPHEMERAL_FIRST, EPHEMERAL_LAST, PortManager, Reservation

A, B = parse("10.0.0.1"), parse("10.0.0.2")


@pytest.mark.parametrize(
    ("one", "two", "conflict"),
    [
        ({"addr": A}, {"addr": A}, True),
        ({"addr": A}, {"addr": B}, False),
        ({"addr": A}, {"addr": IPV4_ANY}, True),
        ({"addr": A, "reuse_addr": True}, {"addr": A}, True),
        ({"addr": A, "reuse_addr": True}, {"addr": A, "reuse_addr": True}, False),
        ({"addr": A, "reuse_port": True}, {"addr": A, "reuse_port": True}, False),
        ({"addr": A, "reuse_port": True}, {"addr": A, "reuse_port": True, "owner": 5}, True),
        ({"addr": A, "nic": 1}, {"addr": A, "nic": 2}, False),
        ({"addr": A, "nic": 1}, {"addr": A}, True),
        ({"addr": IPV6_ANY}, {"addr": A}, True),
        ({"addr": IPV6_ANY, "v6only": True}, {"addr": A}, False),
        ({"addr": parse("::1")}, {"addr": IPV4_ANY}, False),
        ({"addr": A, "by_connect": True}, {"addr": A, "by_connect": True}, False),
        ({"addr": A, "by_connect": True}, {"addr": A}, True),
    ],
)
def test_conflicts(one: dict[str, object], two: dict[str, object], conflict: bool) -> None:
    for first, second in ((one, two), (two, one)):
        ports = PortManager(Random(1))
        ports.reserve(Reservation(6, 80, **first))  # type: ignore[arg-type]
        if conflict:
            with pytest.raises(NetworkError) as caught:
                ports.reserve(Reservation(6, 80, **second))  # type: ignore[arg-type]
            assert caught.value.error is errors.ADDRESS_IN_USE
        else:
            ports.reserve(Reservation(6, 80, **second))  # type: ignore[arg-type]


def test_protocols_and_ports_are_apart_and_release_frees() -> None:
    ports = PortManager(Random(1))
    held = ports.reserve(Reservation(6, 80, A))
    ports.reserve(Reservation(17, 80, A))
    ports.reserve(Reservation(6, 81, A))
    ports.release(held)
    ports.release(held)
    ports.reserve(Reservation(6, 80, A))


def test_listening_ends_sharing_by_reuse_addr() -> None:
    ports = PortManager(Random(1))
    one = ports.reserve(Reservation(6, 80, A, reuse_addr=True))
    two = ports.reserve(Reservation(6, 80, A, reuse_addr=True))
    ports.start_listening(one)
    with pytest.raises(NetworkError):
        ports.start_listening(two)
    with pytest.raises(NetworkError):
        ports.reserve(Reservation(6, 80, A, reuse_addr=True))


def test_every_ephemeral_port_is_found_once() -> None:
    ports = PortManager(Random(1))
    ports.last = ports.first + 99
    got = {ports.reserve(Reservation(6, 0, A)).port for _ in range(100)}
    assert got == set(range(EPHEMERAL_FIRST, EPHEMERAL_FIRST + 100))
    with pytest.raises(NetworkError):
        ports.reserve(Reservation(6, 0, A))
    assert 0 < EPHEMERAL_LAST < 65536


def test_connections_share_ports_until_the_tuple_is_taken() -> None:
    ports = PortManager(Random(1))
    ports.last = ports.first
    port = ports.first
    ports.reserve_for_connect(Reservation(6, 0, A), lambda _: True)
    assert ports.reserve_for_connect(Reservation(6, 0, A), lambda _: True).port == port
    with pytest.raises(NetworkError) as caught:
        ports.reserve_for_connect(Reservation(6, 0, A), lambda _: False)
    assert caught.value.error is errors.ADDRESS_NOT_AVAILABLE
