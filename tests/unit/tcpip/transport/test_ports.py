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


class Looks(dict[tuple[int, int], list[Reservation]]):
    """Counts how often it is asked for a port."""

    count = 0

    def __contains__(self, key: object) -> bool:
        self.count += 1
        return super().__contains__(key)

    def get(self, *args: object) -> list[Reservation] | None:  # type: ignore[override]
        self.count += 1
        return super().get(*args)  # type: ignore[call-overload, no-any-return]


def test_finding_a_port_where_all_are_held_does_not_ask_for_each() -> None:
    ports = PortManager(Random(1))
    for port in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
        ports.reserve(Reservation(17, port, A))
    looks = ports._held = Looks(ports._held)
    shared = ports.reserve(Reservation(17, 0, B))
    assert EPHEMERAL_FIRST <= shared.port <= EPHEMERAL_LAST and looks.count <= 2
    ports.release(shared)
    with pytest.raises(NetworkError):
        ports.reserve(Reservation(17, shared.port, A))


def test_the_one_port_that_is_free_is_found_without_asking_for_the_others() -> None:
    ports = PortManager(Random(1))
    held = [ports.reserve(Reservation(17, port, A)) for port in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1)]
    ports.release(held[777])
    looks = ports._held = Looks(ports._held)
    assert ports.reserve(Reservation(17, 0, A)).port == EPHEMERAL_FIRST + 777 and looks.count <= 1


def test_reserved_ports_are_for_who_asks_by_number() -> None:
    manager = PortManager(Random(1))
    manager.first, manager.last = 100, 103
    manager.reserved = bytes(port in (100, 102) for port in range(1 << 16))
    assert {manager.reserve(Reservation(17, 0, A)).port for _ in range(2)} == {101, 103}
    with pytest.raises(NetworkError) as full:
        manager.reserve(Reservation(17, 0, A))
    assert full.value.error is errors.ADDRESS_IN_USE
    assert manager.reserve(Reservation(17, 102, A)).port == 102
    assert manager.reserve_for_connect(Reservation(6, 0, A), lambda port: port != 101).port == 103
