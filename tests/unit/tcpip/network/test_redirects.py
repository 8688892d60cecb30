"""Redirects: what a host believes, what a router says; ICMP timestamps."""

import pytest

from tcpip.addr import SockAddr, parse
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM

from ..bench import (
    IP4,
    IP6,
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

ROUTER = parse("10.0.0.254")
BETTER = parse("10.0.0.253")
FAR = parse("192.0.2.9")
ROUTER6 = parse("fe80::fe")
BETTER6 = parse("fe80::fd")
FAR6 = parse("2001:db8:9::9")
MACS = {hop: bytes((2, 0, 0, 0, 1, at)) for at, hop in enumerate((ROUTER, BETTER, ROUTER6, BETTER6, FAR6))}


def host_with_router() -> Host:
    host = Host()
    for hop, mac in MACS.items():
        host.nic.neighbors.add_permanent(hop, mac)
    host.stack.add_route(bytes(4), 0, ROUTER, host.nic)
    host.stack.add_route(bytes(16), 0, ROUTER6, host.nic)
    return host


def send(host: Host, family: int, to: bytes) -> bytes:
    """The frame that a datagram to `to` leaves in."""
    endpoint = host.stack.new_endpoint(family, SOCK_DGRAM)
    endpoint.connect(SockAddr(to, 7))
    endpoint.send(b"x")
    (frame,) = host.frames()
    host.kept = [*getattr(host, "kept", []), endpoint]  # type: ignore[attr-defined]
    return frame


def redirect(host: Host, quoted: bytes, sender: bytes = ROUTER, gateway: bytes = BETTER) -> None:
    host.ipv4(icmpv4_message(5, 1, int.from_bytes(gateway, "big"), quoted), 1, src=sender)


def test_a_host_uses_the_better_router_for_five_minutes() -> None:
    host = host_with_router()
    frame = send(host, 2, FAR)
    assert frame[:6] == MACS[ROUTER]
    redirect(host, frame[14:])
    assert send(host, 2, FAR)[:6] == MACS[BETTER]
    assert send(host, 2, parse("192.0.2.10"))[:6] == MACS[ROUTER]
    host.pass_time(301)
    assert send(host, 2, FAR)[:6] == MACS[ROUTER]


@pytest.mark.parametrize(
    ("sender", "gateway"),
    [
        (PEER4, BETTER),  # not the router in use
        (ROUTER, parse("192.0.2.1")),  # not on the link
        (ROUTER, parse("224.0.0.1")),
        (ROUTER, parse("10.0.0.255")),
        (ROUTER, IP4),
        (ROUTER, ROUTER),
    ],
)
def test_what_is_not_believed(sender: bytes, gateway: bytes) -> None:
    host = host_with_router()
    redirect(host, send(host, 2, FAR)[14:], sender, gateway)
    assert send(host, 2, FAR)[:6] == MACS[ROUTER]


def test_about_what_nobody_has_sent_and_where_the_setting_is_off() -> None:
    host = host_with_router()
    strange = ipv4_packet(udp_datagram(b"x", 1234, 7, IP4, FAR), 17, IP4, FAR)
    redirect(host, strange)
    host.nic.accept_redirects = False
    redirect(host, send(host, 2, FAR)[14:])
    host.nic.accept_redirects, host.stack.forwarding = True, True
    redirect(host, send(host, 2, FAR)[14:])
    assert send(host, 2, FAR)[:6] == MACS[ROUTER]
    assert host.stack.stats.icmp["InRedirects"] == 3


def test_a_better_router_that_does_not_answer_is_forgotten() -> None:
    host = host_with_router()
    host.nic.neighbors.remove(BETTER)
    redirect(host, send(host, 2, FAR)[14:])
    send(host, 2, FAR)
    host.pass_time(5)
    host.frames()
    assert send(host, 2, FAR)[:6] == MACS[ROUTER]


def redirect6(host: Host, target: bytes, options: bytes = b"", sender: bytes = ROUTER6, hops: int = 255) -> None:
    message = icmpv6_message(137, 0, 0, target + FAR6 + options, sender, IP6)
    host.ipv6(message, 58, src=sender, hop_limit=hops)


def test_ipv6_to_another_router_and_to_the_destination_itself() -> None:
    host = host_with_router()
    frame = send(host, 10, FAR6)
    assert frame[:6] == MACS[ROUTER6]
    quoted = frame[14:] + bytes(-len(frame[14:]) % 8)
    redirect6(host, BETTER6, bytes((4, 1 + len(quoted) // 8)) + bytes(6) + quoted)
    assert send(host, 10, FAR6)[:6] == MACS[BETTER6]
    redirect6(host, FAR6, sender=BETTER6)
    assert send(host, 10, FAR6)[:6] == MACS[FAR6]


@pytest.mark.parametrize(
    ("target", "sender", "hops"),
    [(BETTER6, PEER6, 255), (BETTER6, ROUTER6, 254), (PEER6, ROUTER6, 255), (BETTER6, parse("fe80::1234"), 255)],
)
def test_ipv6_what_is_not_believed(target: bytes, sender: bytes, hops: int) -> None:
    host = host_with_router()
    redirect6(host, target, sender=sender, hops=hops)
    assert send(host, 10, FAR6)[:6] == MACS[ROUTER6]


def test_ipv6_learns_the_link_address() -> None:
    host = host_with_router()
    host.nic.neighbors.remove(BETTER6)
    redirect6(host, BETTER6, b"\x02\x01" + PEER_MAC)
    assert send(host, 10, FAR6)[:6] == PEER_MAC
    entry = host.nic.neighbors.find(BETTER6)
    assert entry is not None and entry.is_router


def test_a_router_tells_hosts_of_its_link_and_gives_up_on_those_that_do_not_heed() -> None:
    host = host_with_router()
    host.stack.forwarding = True
    told = []
    for _ in range(12):
        host.ipv4(udp_datagram(b"x", 1, 2, PEER4, FAR), 17, dst=FAR)
        redirects = [p for p in host.packets() if p[9] == 1]
        told.append(len(redirects))
        if redirects:
            assert redirects[0][20:22] == b"\x05\x01" and redirects[0][24:28] == ROUTER and redirects[0][16:20] == PEER4
        host.pass_time(11)
    assert told == [1] * 9 + [0] * 3
    host.nic.send_redirects = False
    host.pass_time(60)
    host.ipv4(udp_datagram(b"x", 1, 2, PEER4, FAR), 17, dst=FAR)
    assert len(host.packets()) == 1


def test_an_ipv6_router_tells_too() -> None:
    host = host_with_router()
    host.stack.forwarding_v6 = True
    packet = ipv6_packet(udp_datagram(b"x", 1, 2, PEER6, FAR6), 17, PEER6, FAR6)
    host.frame(packet, TYPE_IPV6)
    (told,) = [p for p in host.packets(TYPE_IPV6) if p[6] == 58]
    assert told[7] == 255 and told[40] == 137 and told[48:80] == ROUTER6 + FAR6
    assert told[80:88] == b"\x02\x01" + MACS[ROUTER6] and told[88] == 4 and told[96:136] == packet[:40]


def test_timestamps_are_answered() -> None:
    host = Host()
    host.ipv4(icmpv4_message(13, 0, 0x12340001, b"\0\0\0\x09" + bytes(8)), 1)
    (answer,) = host.packets()
    assert answer[20:22] == b"\x0e\0" and answer[24:32] == b"\x12\x34\0\x01\0\0\0\x09"
    host.ipv4(icmpv4_message(13, 0, 0x12340001, b"\0\0"), 1)
    assert host.packets() == []
