"""Flow labels of what is sent: automatic, chosen, reflected, changed by time-outs; type of service of SYN-ACKs."""

import struct

from tcpip import sockopt as so
from tcpip.addr import AF_INET6, SockAddr
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.transport.endpoint import Endpoint

from ..bench import IP6, PEER6, Host, ipv6_packet


def label(packet: bytes) -> int:
    return int.from_bytes(packet[:4], "big") & 0xFFFFF


def sent(host: Host, ep: Endpoint, port: int = 9, flow: int = 0) -> int:
    ep.sendmsg(b"x", SockAddr(PEER6, port, 0, int.from_bytes(flow.to_bytes(4, "big"), "little")))
    (packet,) = host.packets(TYPE_IPV6)
    return label(packet)


def test_automatic_labels_are_of_flows() -> None:
    host = Host()
    one, two = (host.stack.new_endpoint(AF_INET6, SOCK_DGRAM) for _ in range(2))
    first = sent(host, one)
    assert first and sent(host, one) == first
    assert len({first, sent(host, one, 10), sent(host, two)}) == 3
    one.set_option(so.SOL_IPV6, so.IPV6_AUTOFLOWLABEL, 0)
    assert sent(host, one) == 0
    host.stack.flow_labels.auto = 3
    assert sent(host, one) == first
    host.stack.flow_labels.auto, host.stack.flow_labels.state_ranges = 2, 1
    assert sent(host, two) == 0 and two.get_option(so.SOL_IPV6, so.IPV6_AUTOFLOWLABEL) == 0
    two.set_option(so.SOL_IPV6, so.IPV6_AUTOFLOWLABEL, 1)
    assert sent(host, two) & 0x80000


def test_chosen_labels() -> None:
    host = Host()
    ep = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    assert sent(host, ep, flow=0x12345) != 0x12345
    ep.set_option(so.SOL_IPV6, so.IPV6_FLOWINFO_SEND, 1)
    assert sent(host, ep, flow=0x12345) == 0x12345


def test_leases_end_with_their_sockets_and_their_time() -> None:
    host = Host()
    ep = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    ep.set_option(so.SOL_IPV6, so.IPV6_FLOWLABEL_MGR, struct.pack("=16sIBBHHHI", PEER6, 0, 0, 1, 1, 0, 10, 0))
    table = host.stack.flow_labels
    assert [one.users for one in table.leased.values()] == [1]
    other = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    other.set_option(so.SOL_IPV6, so.IPV6_FLOWINFO_SEND, 1)
    try:
        sent(host, other, flow=0x12345)
        raise AssertionError
    except NetworkError:
        pass
    ep.close()
    host.pass_time(9)
    table.prune()
    assert len(table.leased) == 1
    host.pass_time(2)
    table.prune()
    assert not table.leased and sent(host, other, flow=0x12345) == 0x12345


def syn(host: Host, to: int, word: int = 6 << 28) -> bytes:
    segment = bytearray(struct.pack("!HHIIHHHH", 4000, to, 1, 0, 0x5002, 65535, 0, 0))
    from tcpip.checksum import partial_sum

    total = partial_sum(PEER6) + partial_sum(IP6) + 6 + 20 + partial_sum(segment)
    segment[16:18] = (0xFFFF - (total % 0xFFFF or 0xFFFF)).to_bytes(2, "big")
    host.frame(word.to_bytes(4, "big") + ipv6_packet(bytes(segment), 6)[4:], TYPE_IPV6)
    (answer,) = host.packets(TYPE_IPV6)
    return answer


def test_streams_keep_their_label_until_a_time_out() -> None:
    host = Host()
    host.stack.tcp.config.syn_retries = 2
    listener, client = (host.stack.new_endpoint(AF_INET6, SOCK_STREAM) for _ in range(2))
    listener.bind(SockAddr(IP6, 80))
    listener.listen(1)
    answer = syn(host, 80)
    assert label(answer)
    host.pass_time(1.1)
    assert {label(packet) for packet in host.packets(TYPE_IPV6)} == {label(answer)}
    host.stack.flow_labels.reflect = 3
    assert label(syn(host, 81, 6 << 28 | 0x54321)) == 0x54321  # a reset
    client.set_option(so.SOL_IPV6, so.IPV6_AUTOFLOWLABEL, 0)
    try:
        client.connect(SockAddr(PEER6, 90))
    except NetworkError:
        pass
    assert label(host.packets(TYPE_IPV6)[-1]) == 0


def test_syn_acks_have_the_listeners_class_and_hop_limit() -> None:
    host = Host()
    listener = host.stack.new_endpoint(AF_INET6, SOCK_STREAM)
    listener.bind(SockAddr(IP6, 80))
    listener.set_option(so.SOL_IPV6, so.IPV6_TCLASS, 0x28)
    listener.set_option(so.SOL_IPV6, so.IPV6_UNICAST_HOPS, 9)
    listener.listen(1)
    answer = syn(host, 80)
    assert int.from_bytes(answer[:4], "big") >> 20 & 0xFF == 0x28 and answer[7] == 9


def test_syn_acks_reflect_the_class_where_that_is_set() -> None:
    host = Host()
    host.stack.tcp.config.reflect_tos = True
    listener = host.stack.new_endpoint(AF_INET6, SOCK_STREAM)
    listener.bind(SockAddr(IP6, 80))
    listener.listen(1)
    assert int.from_bytes(syn(host, 80, 6 << 28 | 0x49 << 20)[:4], "big") >> 20 & 0xFF == 0x48
