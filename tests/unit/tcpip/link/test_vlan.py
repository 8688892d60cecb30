"""802.1Q: tags in and out, several VLANs on one link, offload through them."""

from __future__ import annotations

from random import Random

import dpkt
import pytest

from tcpip.addr import SockAddr, parse
from tcpip.buffer import RxPacket
from tcpip.clock import ManualClock
from tcpip.link.bridge import Bridge
from tcpip.link.channel import ChannelLink
from tcpip.link.pipe import pipe
from tcpip.link.vlan import MAX_ID, TYPE_SERVICE_TAG, VlanTrunk
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint

from ..bench import MAC, PEER_MAC
from .test_links import Collector

A, B = parse("10.0.0.1"), parse("10.0.0.2")
PAYLOAD = b"\x08\x00" + bytes(range(46))


def tagged(tci: int, tag: bytes = b"\x81\x00") -> bytes:
    return MAC + PEER_MAC + tag + tci.to_bytes(2, "big") + PAYLOAD


def test_frames_come_to_the_vlan_they_carry() -> None:
    link = ChannelLink(1500, MAC)
    trunk = VlanTrunk(link)
    ports = {number: trunk.add(number) for number in (1, 100, MAX_ID)} | {0: trunk.untagged()}
    got = {number: Collector() for number in ports}
    for number, port in ports.items():
        port.attach(got[number])
    plain = MAC + PEER_MAC + PAYLOAD
    link.inject(
        tagged(100), tagged(0xE000 | 100), tagged(1), plain, tagged(MAX_ID), tagged(0x6000), tagged(2), tagged(100)[:15]
    )
    assert {n: len(c.packets) for n, c in got.items()} == {1: 1, 100: 2, MAX_ID: 1, 0: 3}
    assert all(p.frame() == plain for n in (1, 100, MAX_ID) for p in got[n].packets)
    assert trunk.dropped == 1
    assert [len(p.frame()) for p in got[0].packets] == [60, 60, 15]


def test_what_is_sent_gets_tag_and_priority() -> None:
    link = ChannelLink(1500, MAC)
    stack = Stack(ManualClock(10**9), Random(1))
    nic = stack.add_nic(VlanTrunk(link).add(100, priority=5), "eth0.100")
    nic.accept_ra = False
    nic.add_address(A, 24)
    stack.flush()
    (frame,) = link.take()
    assert frame[12:16] == b"\x81\x00\xa0\x64"
    arp = dpkt.ethernet.Ethernet(frame)
    assert arp.vlan_tags[0].id == 100 and arp.vlan_tags[0].pri == 5 and isinstance(arp.data, dpkt.arp.ARP)
    assert nic.mtu == 1500


@pytest.mark.parametrize(("number", "priority"), [(0, 0), (4095, 0), (-1, 0), (7, 8)])
def test_numbers_out_of_range(number: int, priority: int) -> None:
    with pytest.raises(ValueError, match="not a VLAN"):
        VlanTrunk(ChannelLink()).add(number, priority)


def test_one_link_per_number_and_the_last_closes() -> None:
    ends = pipe()
    trunk = VlanTrunk(ends[0])
    first, second = trunk.add(1), trunk.add(2)
    with pytest.raises(ValueError, match="there already"):
        trunk.add(1)
    first.close()
    first.close()
    assert ends[1].peer is not None
    trunk.add(1).close()
    second.close()
    assert ends[1].peer is None


def test_service_tags_nest() -> None:
    outer, inner = pipe()
    got = Collector()
    VlanTrunk(VlanTrunk(outer, TYPE_SERVICE_TAG).add(7)).add(9).attach(got)
    raw = MAC + PEER_MAC + b"\x88\xa8\x00\x07" + b"\x81\x00\x00\x09" + PAYLOAD
    assert outer.dispatcher is not None
    outer.dispatcher.deliver([RxPacket(b"vnet" + raw, link=4)])
    assert got.packets[0].frame() == MAC + PEER_MAC + PAYLOAD
    assert inner.peer is outer


def transfer(stacks: list[Stack], data: bytes) -> bytes:
    """Over TCP from the first stack to the second one."""
    listener = stacks[1].new_endpoint(2, SOCK_STREAM)
    listener.bind(SockAddr(B, 80))
    listener.listen(1)
    client = stacks[0].new_endpoint(2, SOCK_STREAM)
    try:
        client.connect(SockAddr(B, 80))
    except Exception:  # started
        pass
    server: Endpoint | None = None
    got, sent, buffer = b"", 0, bytearray(1 << 18)
    for _ in range(400):
        for stack in stacks:
            stack.clock.advance(10**6)  # type: ignore[attr-defined]
            stack.run_timers()
        if sent < len(data) and client.readiness() & 4:
            sent += max(client.send(data[sent : sent + 60000]), 0)
        if server is None and listener.readiness():
            server = listener.accept()
        if server is not None and (count := server.recv_into(memoryview(buffer))) > 0:
            got += bytes(buffer[:count])
    return got


@pytest.mark.parametrize("bridged", [False, True])
def test_super_segments_and_partial_checksums_pass(bridged: bool) -> None:
    clock = ManualClock(10**9)
    stacks = [Stack(clock, Random(n), ipv6=False) for n in (1, 2)]
    left, right = pipe()
    if bridged:
        near, far = pipe(offload=False)
        bridge = Bridge()
        bridge.add_port(right)
        bridge.add_port(near)
        far.mac, right = b"\x02\0\0\0\0\x07", far
    for stack, link, addr in zip(stacks, (left, right), (A, B), strict=True):
        trunk = VlanTrunk(link)
        stack.add_nic(trunk.add(5), "eth0").add_address(addr, 24)
    data = bytes(i * 31 & 255 for i in range(200_000))
    assert transfer(stacks, data) == data
    assert sum(stacks[1].stats.drops.values()) == 0


def test_vlans_do_not_hear_each_other() -> None:
    left, right = pipe()
    clock = ManualClock(10**9)
    a, b = Stack(clock, Random(1), ipv6=False), Stack(clock, Random(2), ipv6=False)
    a.add_nic(VlanTrunk(left).add(5)).add_address(A, 24)
    trunk = VlanTrunk(right)
    nic = b.add_nic(trunk.add(6))
    nic.add_address(B, 24)
    endpoint = a.new_endpoint(2, SOCK_DGRAM)
    endpoint.sendmsg(b"x", SockAddr(B, 9))
    a.flush()
    assert nic.rx_packets == 0 and trunk.dropped >= 1
