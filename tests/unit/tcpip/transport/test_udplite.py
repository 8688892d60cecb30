"""UDP-Lite: what is covered by a checksum, and what receivers insist on."""

import struct

import pytest

from tcpip import errors
from tcpip.addr import IPV4_ANY, SockAddr
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_UDPLITE, SOCK_DGRAM
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.udplite import RECEIVE_COVERAGE, SEND_COVERAGE

from ..bench import IP4, PEER4, Host


def lite(host: Host) -> Endpoint:
    return host.stack.new_endpoint(2, SOCK_DGRAM, IPPROTO_UDPLITE)


def datagram(data: bytes, coverage: int, covered: int) -> bytes:
    """To port 7. `coverage`: as the header says; `covered`: bytes that the checksum is of."""
    size = 8 + len(data)
    head = struct.pack("!HHHH", 4000, 7, coverage, 0)
    total = pseudo_sum(PEER4, IP4, IPPROTO_UDPLITE, size) + partial_sum((head + data)[:covered])
    return head[:6] + struct.pack("!H", finish(total) or 0xFFFF) + data


@pytest.mark.parametrize(
    ("coverage", "covered", "wanted", "arrives"),
    [
        (0, 13, -1, True),
        (13, 13, 0, True),
        (9, 9, -1, True),
        (9, 9, 0, False),
        (9, 9, 10, False),
        (10, 10, 10, True),
        (9, 13, -1, False),
        (7, 7, -1, False),
        (14, 13, -1, False),
    ],
)
def test_coverage_of_what_comes(coverage: int, covered: int, wanted: int, arrives: bool) -> None:
    host = Host()
    server = lite(host)
    server.bind(SockAddr(IPV4_ANY, 7))
    if wanted >= 0:
        server.set_option(IPPROTO_UDPLITE, RECEIVE_COVERAGE, wanted)
    host.ipv4(datagram(b"hello", coverage, covered), IPPROTO_UDPLITE)
    assert (server.readable_bytes() == 5) is arrives


@pytest.mark.parametrize(
    ("option", "said", "covered"), [(-1, 13, 13), (0, 0, 13), (3, 8, 8), (10, 10, 10), (99, 13, 13)]
)
def test_coverage_of_what_leaves(option: int, said: int, covered: int) -> None:
    host = Host()
    client = lite(host)
    if option >= 0:
        client.set_option(IPPROTO_UDPLITE, SEND_COVERAGE, option)
    client.sendmsg(b"hello", SockAddr(PEER4, 7))
    packet = host.packets()[-1]
    body = packet[20:]
    assert packet[9] == IPPROTO_UDPLITE and struct.unpack_from("!H", body, 4)[0] == said
    total = pseudo_sum(IP4, PEER4, IPPROTO_UDPLITE, len(body)) + partial_sum(body[:covered])
    assert total % 0xFFFF == 0


def test_options() -> None:
    host = Host()
    one = lite(host)
    assert one.get_option(IPPROTO_UDPLITE, SEND_COVERAGE) == 0
    one.set_option(IPPROTO_UDPLITE, SEND_COVERAGE, 1 << 20)
    assert one.get_option(IPPROTO_UDPLITE, SEND_COVERAGE) == 0xFFFF
    with pytest.raises(NetworkError) as caught:
        one.set_option(IPPROTO_UDPLITE, 77, 1)
    assert caught.value.error is errors.NO_SUCH_OPTION
