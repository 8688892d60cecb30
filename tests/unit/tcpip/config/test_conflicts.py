"""Conflict detection and link-local addresses, as a neighbour on the wire sees them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tcpip.addr import IPV4_ANY, MAC_BROADCAST, parse
from tcpip.config.link_local import FIRST, LAST, LinkLocal
from tcpip.header.arp import REPLY, REQUEST, ArpPacket
from tcpip.network.acd import IN_USE, PROBING, ConflictDetector
from tests.unit.tcpip.bench import MAC, PEER_MAC, Host

WANTED = parse("10.0.0.7")


class Claim:
    """A detector on a host, and what it said."""

    def __init__(self) -> None:
        self.host = Host()
        self.said: list[str] = []
        self.detector = ConflictDetector(
            self.host.nic, WANTED, lambda: self.said.append("ready"), lambda: self.said.append("conflict")
        )
        self.detector.start()

    def claimed(self) -> None:
        self.host.pass_time(9)
        assert self.said == ["ready"]
        self.host.nic.add_address(WANTED, 24)
        self.host.frames()


def test_three_probes_then_ready() -> None:
    claim = Claim()
    times: list[float] = []
    for _ in range(90):
        claim.host.pass_time(0.1)
        for message in claim.host.arps():
            assert message.operation == REQUEST and message.sender_ip == IPV4_ANY and message.target_ip == WANTED
            assert message.sender_mac == MAC
            times.append(claim.host.clock.now_ns() / 1e9)
        if claim.said:
            break
    assert len(times) == 3 and claim.said == ["ready"]
    assert all(0.9 <= b - a <= 2.2 for a, b in pairwise(times))
    assert claim.host.clock.now_ns() / 1e9 - times[-1] >= 1.9


@pytest.mark.parametrize(
    "packet",
    [
        ArpPacket(REPLY, PEER_MAC, WANTED, MAC, IPV4_ANY),
        ArpPacket(REQUEST, PEER_MAC, WANTED, bytes(6), parse("10.0.0.1")),
        ArpPacket(REQUEST, PEER_MAC, IPV4_ANY, bytes(6), WANTED),
    ],
)
def test_an_objection_while_probing(packet: ArpPacket) -> None:
    claim = Claim()
    claim.host.pass_time(1.5)
    assert claim.detector.state == PROBING
    claim.host.arp(packet, MAC_BROADCAST)
    assert claim.said == ["conflict"]
    claim.host.frames()
    claim.host.pass_time(20)
    assert claim.host.arps() == [] and not claim.host.nic.conflict_detectors


@pytest.mark.parametrize(
    "packet",
    [
        ArpPacket(REQUEST, MAC, IPV4_ANY, bytes(6), WANTED),  # our own, come back
        ArpPacket(REQUEST, PEER_MAC, parse("10.0.0.2"), bytes(6), WANTED),  # somebody who looks for it
    ],
)
def test_what_is_no_objection(packet: ArpPacket) -> None:
    claim = Claim()
    claim.host.pass_time(1.5)
    claim.host.arp(packet, MAC_BROADCAST)
    claim.host.pass_time(9)
    assert claim.said == ["ready"]


def test_it_is_announced_twice() -> None:
    host = Host()
    detector = ConflictDetector(host.nic, WANTED, lambda: host.nic.add_address(WANTED, 24), lambda: None)
    detector.start()
    announced: list[int] = []
    for _ in range(200):
        host.pass_time(0.1)
        announced += [host.clock.now_ns() for m in host.arps() if m.sender_ip == m.target_ip == WANTED]
    assert len(announced) == 2 and 1.9e9 <= announced[1] - announced[0] <= 2.1e9


def test_it_is_defended_once_in_ten_seconds() -> None:
    claim = Claim()
    claim.claimed()
    claim.host.pass_time(5)
    claim.host.frames()
    intruder = ArpPacket(REQUEST, PEER_MAC, WANTED, bytes(6), WANTED)
    claim.host.arp(intruder, MAC_BROADCAST)
    (defence,) = claim.host.arps()
    assert defence.sender_ip == defence.target_ip == WANTED and defence.sender_mac == MAC
    claim.host.pass_time(11)
    claim.host.arp(intruder, MAC_BROADCAST)
    assert len(claim.host.arps()) == 1 and claim.detector.state == IN_USE
    claim.host.pass_time(5)
    claim.host.arp(intruder, MAC_BROADCAST)
    assert claim.said == ["ready", "conflict"] and claim.host.arps() == []


def test_a_removed_nic_is_watched_no_more() -> None:
    claim = Claim()
    claim.host.stack.remove_nic(claim.host.nic)
    claim.host.pass_time(20)
    assert claim.said == [] and claim.host.stack.next_deadline() is None


def test_a_link_local_address_is_the_same_again() -> None:
    found = []
    for _ in range(2):
        host = Host()
        local = LinkLocal(host.nic)
        local.start()
        host.pass_time(9)
        found.append(local.addr)
        assert host.nic.addresses[local.addr].prefix_len == 16
    assert found[0] == found[1] and FIRST <= int.from_bytes(found[0], "big") <= LAST


def test_arp_of_a_link_local_address_is_broadcast() -> None:
    host = Host()
    local = LinkLocal(host.nic)
    local.start()
    host.pass_time(12)
    host.frames()
    host.arp(ArpPacket(REQUEST, PEER_MAC, parse("169.254.9.9"), bytes(6), local.addr), MAC_BROADCAST)
    (frame,) = host.frames()
    assert frame[:6] == MAC_BROADCAST and ArpPacket.parse(frame[14:]).operation == REPLY


def test_ten_conflicts_and_it_waits_a_minute() -> None:
    host = Host()
    local = LinkLocal(host.nic)
    local.start()
    tried = []
    for _ in range(10):
        (addr,) = host.nic.conflict_detectors
        tried.append(addr)
        host.arp(ArpPacket(REPLY, PEER_MAC, addr, MAC, IPV4_ANY))
    assert len(set(tried)) == 10 and not host.nic.conflict_detectors
    host.pass_time(59)
    assert not host.nic.conflict_detectors
    host.pass_time(2)
    assert len(host.nic.conflict_detectors) == 1
    host.pass_time(9)
    assert local.addr


def test_a_lost_address_goes_and_another_one_comes() -> None:
    host = Host()
    local = LinkLocal(host.nic)
    changes: list[bytes] = []
    local.on_change = lambda: changes.append(local.addr)
    local.start()
    host.pass_time(20)
    first = local.addr
    for _ in range(2):
        host.arp(ArpPacket(REQUEST, PEER_MAC, first, bytes(6), first), MAC_BROADCAST)
    assert first not in host.nic.addresses
    host.pass_time(9)
    assert changes == [first, b"", local.addr] and local.addr not in (b"", first)
    local.stop()
    assert not any(a.startswith(b"\xa9\xfe") for a in host.nic.addresses)
