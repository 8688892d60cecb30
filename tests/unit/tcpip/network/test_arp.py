"""ARP and the neighbour state machine, as a peer on the wire sees them."""

import pytest

from tcpip import errors
from tcpip.addr import MAC_BROADCAST, SockAddr, parse
from tcpip.errors import DropReason, NetworkError
from tcpip.header.arp import REPLY, REQUEST, ArpPacket
from tcpip.network.neighbor import DELAY, FAILED, MAX_NEIGHBORS, REACHABLE, STALE
from tcpip.network.unresolved import QUEUE_BYTES
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_OUT

from ..bench import IP4, MAC, PEER4, PEER_MAC, Host


def sender(host: Host) -> Endpoint:
    endpoint = host.stack.new_endpoint(2, SOCK_DGRAM)
    endpoint.connect(SockAddr(PEER4, 9))
    return endpoint


def reply(host: Host) -> None:
    host.arp(ArpPacket(REPLY, PEER_MAC, PEER4, MAC, IP4))


def test_request_for_our_address_is_answered_and_teaches() -> None:
    host = Host(resolve=False)
    host.arp(ArpPacket(REQUEST, PEER_MAC, PEER4, bytes(6), IP4), MAC_BROADCAST)
    (answer,) = host.arps()
    assert (answer.operation, answer.sender_mac, answer.sender_ip) == (REPLY, MAC, IP4)
    assert (answer.target_mac, answer.target_ip) == (PEER_MAC, PEER4)
    entry = host.nic.neighbors.find(PEER4)
    assert entry is not None and entry.state == STALE


def test_request_for_another_address_is_ignored() -> None:
    host = Host(resolve=False)
    host.arp(ArpPacket(REQUEST, PEER_MAC, PEER4, bytes(6), parse("10.0.0.3")), MAC_BROADCAST)
    assert host.arps() == []
    assert host.nic.neighbors.find(PEER4) is None


def test_probe_is_answered_but_teaches_nothing() -> None:
    host = Host(resolve=False)
    host.arp(ArpPacket(REQUEST, PEER_MAC, bytes(4), bytes(6), IP4), MAC_BROADCAST)
    assert len(host.arps()) == 1
    assert not host.nic.neighbors.entries


def test_packets_wait_for_resolution_and_leave_in_order() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    for data in (b"one", b"two", b"three"):
        endpoint.send(data)
    (request,) = host.arps()
    assert (request.operation, request.target_ip, request.sender_ip) == (REQUEST, PEER4, IP4)
    reply(host)
    assert [p[28:] for p in host.packets()] == [b"one", b"two", b"three"]
    entry = host.nic.neighbors.find(PEER4)
    assert entry is not None and entry.state == REACHABLE


def test_waiting_packets_are_bounded() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    endpoint.settings().sndbuf = 2 * QUEUE_BYTES
    most = QUEUE_BYTES // 768
    for number in range(most + 3):
        endpoint.send(b"%03d" % number)
        host.stack.flush()
    reply(host)
    sent = [p[28:] for p in host.packets()]
    assert sent[0] == b"003" and len(sent) == most
    assert host.stack.stats.drops[DropReason.NEIGHBOR_QUEUE_FULL] == 3


def test_who_writes_a_burst_waits_for_the_neighbour() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    taken = 0
    while taken < 1000 and endpoint.send(bytes(1000)) != AGAIN:
        taken += 1
    assert taken == 93 and not endpoint.readiness() & EVENT_OUT  # SO_SNDBUF by skb->truesize, 2304 each
    told: list[int] = []
    endpoint.queue.add(EVENT_OUT, told.append)
    reply(host)
    assert told and endpoint.readiness() & EVENT_OUT
    assert len(host.packets()) == taken and DropReason.NEIGHBOR_QUEUE_FULL not in host.stack.stats.drops
    assert endpoint.send(b"x") == 1


def test_what_waits_for_a_neighbour_that_never_answers_is_not_held_for_ever() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    assert any(endpoint.send(bytes(1000)) == AGAIN for _ in range(1000))
    host.pass_time(4)
    assert endpoint.readiness() & EVENT_OUT and endpoint.settings().waiting == 0


def test_three_requests_then_the_sender_hears_host_unreachable() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    endpoint.set_option(0, 11, 1)
    endpoint.send(b"x")
    requests = len(host.arps())
    for _ in range(4):
        host.pass_time(1)
        requests += len(host.arps())
    assert requests == 3
    with pytest.raises(NetworkError) as caught:
        endpoint.send(b"y")
    assert caught.value.error is errors.HOST_UNREACHABLE
    endpoint.send(b"z")
    assert len(host.arps()) == 1


def test_reachable_grows_stale_and_is_probed_on_use() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    endpoint.send(b"x")
    reply(host)
    host.frames()
    entry = host.nic.neighbors.find(PEER4)
    assert entry is not None
    host.pass_time(31)
    assert entry.state == STALE
    endpoint.send(b"y")
    assert len(host.packets()) == 1 and entry.state == DELAY
    host.pass_time(5)
    frame = host.frames()[0]
    assert frame[:6] == PEER_MAC and frame[12:14] == b"\x08\x06"
    reply(host)
    assert entry.state == REACHABLE
    host.pass_time(31)
    endpoint.send(b"y")
    host.pass_time(9)
    assert entry.state == FAILED


def test_upper_layer_confirmation_keeps_it_reachable() -> None:
    host = Host(resolve=False)
    endpoint = sender(host)
    endpoint.send(b"x")
    reply(host)
    entry = host.nic.neighbors.find(PEER4)
    assert entry is not None
    for _ in range(3):
        host.pass_time(29)
        entry.confirm()
    assert entry.state == REACHABLE
    host.pass_time(61)
    assert entry.state == STALE


@pytest.mark.parametrize(
    "packet",
    [
        ArpPacket(REQUEST, b"\xff" * 6, PEER4, bytes(6), IP4),
        ArpPacket(REQUEST, PEER_MAC, IP4, bytes(6), IP4),
        ArpPacket(9, PEER_MAC, PEER4, bytes(6), IP4),
    ],
)
def test_lies_are_dropped(packet: ArpPacket) -> None:
    host = Host(resolve=False)
    host.arp(packet)
    assert host.arps() == [] and not host.nic.neighbors.entries
    assert sum(host.stack.stats.drops.values()) == 1


def test_the_cache_is_bounded() -> None:
    host = Host(resolve=False)
    host.nic.add_address(parse("10.128.0.1"), 9)
    for number in range(MAX_NEIGHBORS + 50):
        source = (0x0A800100 + number).to_bytes(4, "big")
        host.arp(ArpPacket(REQUEST, PEER_MAC, source, bytes(6), IP4))
    assert len(host.nic.neighbors.entries) == MAX_NEIGHBORS


def test_new_address_is_announced() -> None:
    host = Host()
    host.nic.add_address(parse("10.0.0.77"), 24)
    (announcement,) = host.arps()
    assert announcement.sender_ip == announcement.target_ip == parse("10.0.0.77")
