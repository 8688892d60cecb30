"""The decoders notice what is wrong."""

import pytest

from tcpip.addr import SockAddr
from tcpip.sockopt import SOCK_DGRAM
from tests.oracles import Seen, watching
from tests.unit.tcpip.bench import IP4, PEER4, Host

pytestmark = pytest.mark.interpreted


def sent() -> Seen:
    """One datagram."""
    with watching() as seen:
        host = Host()
        endpoint = host.stack.new_endpoint(2, SOCK_DGRAM)
        endpoint.bind(SockAddr(IP4, 9))
        endpoint.sendmsg(b"some text", SockAddr(PEER4, 7))
        host.frames()
    return seen


def test_good_packets_pass() -> None:
    seen = sent()
    assert seen.frames[-1][1].endswith(b"some text")
    seen.check()


@pytest.mark.parametrize("at", [14 + 8, 14 + 20 + 9])
def test_a_damaged_byte_does_not(at: int) -> None:
    """In the IP header, in the text."""
    seen = sent()
    ethernet, frame = seen.frames[-1]
    seen.frames[-1] = ethernet, frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]
    with pytest.raises(AssertionError, match="checksum"):
        seen.check()
