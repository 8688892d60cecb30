"""The hook that is told of each drop: why, and which packet."""

from tcpip.addr import AF_INET, SockAddr, parse
from tcpip.buffer import RxPacket, TxPacket
from tcpip.errors import DropReason
from tcpip.header.ethernet import TYPE_IPV4
from tcpip.sockopt import SOCK_DGRAM

from ..bench import IP4, PEER_MAC, Host, icmpv4_message, ipv4_packet


class Told:
    """A trace hook that remembers."""

    def __init__(self, host: Host) -> None:
        self.drops: list[tuple[str, RxPacket | TxPacket | None]] = []
        host.stack.stats.trace = lambda reason, pkt: self.drops.append((reason, pkt))


def test_what_comes_in_and_goes_no_further_is_told_with_its_packet() -> None:
    host = Host()
    told = Told(host)
    martian = ipv4_packet(icmpv4_message(8, 0, 1), 1, src=parse("127.0.0.1"))
    host.frame(martian)
    host.frame(b"?", 0x1234)
    host.frame(martian, TYPE_IPV4, b"\x02\0\0\0\0\x55")
    assert [reason for reason, _ in told.drops] == [
        DropReason.BAD_SOURCE,
        DropReason.UNKNOWN_ETHERTYPE,
        DropReason.NOT_FOR_US,
    ]
    pkt = told.drops[0][1]
    assert isinstance(pkt, RxPacket) and pkt.frame()[14:] == martian and pkt.frame()[6:12] == PEER_MAC
    assert host.stack.stats.drops == {reason: 1 for reason, _ in told.drops}


def test_what_waits_for_a_neighbour_in_vain_is_told() -> None:
    host = Host(resolve=False)
    told = Told(host)
    endpoint = host.stack.new_endpoint(AF_INET, SOCK_DGRAM)
    endpoint.sendmsg(b"lost", SockAddr(parse("10.0.0.77"), 9))
    host.pass_time(5)
    ((reason, pkt),) = told.drops
    assert reason == DropReason.NEIGHBOR_UNREACHABLE
    assert isinstance(pkt, TxPacket) and IP4 in bytes(pkt.header)


def test_frames_that_a_link_does_not_take_are_told_one_by_one() -> None:
    host = Host(limit=1)
    host.stack.stats.drops.clear()
    told = Told(host)
    endpoint = host.stack.new_endpoint(AF_INET, SOCK_DGRAM)
    for _ in range(3):
        endpoint.sendmsg(b"x", SockAddr(parse("10.0.0.2"), 9))
    host.stack.flush()
    assert told.drops == [(DropReason.LINK_ERROR, None)] * 2
    assert host.stack.stats.drops == {DropReason.LINK_ERROR: 2}
