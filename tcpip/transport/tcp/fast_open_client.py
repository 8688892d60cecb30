"""TCP fast open, the client's side: the cookies of servers, and text that leaves with the SYN.

MSG_FASTOPEN connects and sends in one call; with TCP_FASTOPEN_CONNECT connect(2) to a server whose cookie is known waits
for the first write. A SYN that has to be sent again is a plain one.
Implements: RFC 7413 3, 4.1.1, 4.1.3, 4.2 (client). As net/ipv4/tcp_fastopen.c, tcp_output.c:tcp_send_syn_data and
tcp_input.c:tcp_rcv_fastopen_synack.
Deviates: a path that swallows such SYNs is not remembered (tcp_fastopen_blackhole_timeout_sec is 0 on Linux, too).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.header.tcp_options import UnknownOption
from tcpip.transport.tcp import addressing, connecting, handshake
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import DEFAULT_MSS
from tcpip.transport.tcp.fast_open import as_option, offered
from tcpip.transport.tcp.sack import Delivered, SentSegment

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.segment import Segment
    from tcpip.transport.tcp.zero_copy import ZeroCopy

CLIENT: Final = 1
WITHOUT_COOKIE: Final = 4
OPTION_SPACE: Final = 40
IPV6_DEFAULT_MSS: Final = 1220
COOKIE_SIZES: Final = range(4, 17, 2)

UNAVAILABLE: Final = 1
NOT_ACKNOWLEDGED: Final = 2
SYN_RETRANSMITTED: Final = 3
"""tcpi_fastopen_client_fail."""


class FastOpenRequest:
    """One connection's attempt. `option` goes into its first SYN, `size` bytes of text too; `deferred`: the SYN waits for
    the first write."""

    __slots__ = ("option", "asked", "experimental", "allowed", "size", "mss", "deferred", "failure")

    def __init__(self) -> None:
        self.option: UnknownOption | None = None
        self.asked = False
        self.experimental = False
        self.allowed = False
        self.size = 0
        self.mss = 0
        self.deferred = False
        self.failure = 0


def begin(ep: TcpEndpoint, deferrable: bool) -> None:
    """The connection has its route and addresses, and has sent nothing: choose between text, a request, and neither
    (tcp_fastopen_cookie_check)."""
    request = ep.fast_open_request = FastOpenRequest()
    known = ep.tcp.fast_open_cookies.find(ep.local_addr, ep.remote_addr)
    request.mss = known.mss
    free = ep.config.fastopen & WITHOUT_COOKIE or ep.tcp_options.fastopen_no_cookie
    if free or (ep.route is not None and ep.route.metrics.fastopen_no_cookie):
        request.allowed = True
    else:
        request.experimental = known.experimental if known.cookie else known.try_experimental == 1
        request.option = as_option(known.cookie, request.experimental)
        request.asked = True
        request.allowed = bool(known.cookie)
        request.failure = 0 if known.cookie else UNAVAILABLE
    request.deferred = deferrable and request.allowed


def send(ep: TcpEndpoint, data: bytes | memoryview, address: SockAddr | None, zerocopy: ZeroCopy | None = None) -> int:
    """sendmsg(2) with MSG_FASTOPEN: bytes that left with the SYN; CONNECT_STARTED when there are none."""
    if not ep.config.fastopen & CLIENT or ep.tcp_options.md5 is not None:
        raise NetworkError(errors.NOT_SUPPORTED)
    if connecting.is_over(ep):
        return ep.send(data)
    connecting.check_unconnected(ep)
    if address is None:
        raise NetworkError(errors.INVALID_ARGUMENT)
    addressing.connect(ep, address)
    begin(ep, False)
    taken = send_syn(ep, data)
    if zerocopy is not None:
        zerocopy.written(ep.snd.buf.end)
    return taken


def defers(ep: TcpEndpoint) -> bool:
    """connect(2) with TCP_FASTOPEN_CONNECT: True when there is nothing to send yet."""
    if ep.md5_key:
        return False
    begin(ep, True)
    return ep.fast_open_request is not None and ep.fast_open_request.deferred


def send_syn(ep: TcpEndpoint, data: bytes | memoryview) -> int:
    """The first SYN, with as much of `data` as may go; how much that was, or CONNECT_STARTED."""
    request = ep.fast_open_request
    size = 0
    if request is not None:
        request.deferred = False
        size = _room(ep, request, len(data)) if request.allowed else 0
        request.size = size
    now = ep.stack.clock.now_ns()
    if size:
        snd = ep.snd
        snd.buf.append(bytes(data[:size]))
        snd.nxt = snd.iss + 1 + size
        record = SentSegment(snd.iss + 1, snd.nxt, now, False)
        record.push = True
        snd.board.segs.append(record)
        snd.bytes_sent += size
        snd.data_segs_out += 1
    handshake.send_first_syn(ep, now)
    if not size:
        raise NetworkError(errors.CONNECT_STARTED)
    return size


def _room(ep: TcpEndpoint, request: FastOpenRequest, size: int) -> int:
    """What fits beside the options: the server's MSS as it was last time, or what everybody takes."""
    route = ep.route
    if route is None:
        return 0
    clamp = request.mss or (IPV6_DEFAULT_MSS if route.six else DEFAULT_MSS)
    if ep.tcp_options.user_mss:
        clamp = min(clamp, ep.tcp_options.user_mss)
    return max(min(size, clamp - OPTION_SPACE, route.mtu() - route.ip_header_len - 20 - OPTION_SPACE), 0)


def answered(ep: TcpEndpoint, seg: Segment) -> None:
    """The SYN-ACK: keep its cookie; text that it does not acknowledge goes again at once."""
    request = ep.fast_open_request
    if request is None:
        return
    snd = ep.snd
    snd.board.ack_to(seg.ack, Delivered())
    snd.buf.free(seg.ack)
    ep.notify_written(seg.ack)
    snd.bytes_acked += seg.ack - snd.iss - 1
    _keep(ep, request, seg)
    if snd.board.segs:
        request.failure = SYN_RETRANSMITTED if snd.total_retrans else NOT_ACKNOWLEDGED
        ep.stats_ext.inc("TCPFastOpenActiveFail")
        snd.lose_syn_text()
        return
    if request.size:
        ep.syn_data = True
        ep.stats_ext.inc("TCPFastOpenActive")
    if seg.payload_len() and (request.asked or request.size):
        ep.rcv.queue_text(bytes(seg.payload()))
        ep.rcv.last_data = seg.now
        ep.rcv.data_segs_in += 1


def _keep(ep: TcpEndpoint, request: FastOpenRequest, seg: Segment) -> None:
    """tcp_fastopen_cache_set."""
    known = ep.tcp.fast_open_cookies.learn(ep.local_addr, ep.remote_addr)
    known.mss = max(seg.options.mss, 0) or known.mss
    found = offered(seg.options) if request.asked else None
    if found is not None and len(found[0]) in COOKIE_SIZES:
        known.cookie, known.experimental = found
    elif request.asked and not request.size and not ep.snd.total_retrans and not known.cookie:
        # The server knows nothing of the option: next time the old one, then no more of that.
        known.try_experimental = max(known.try_experimental, 2 if request.experimental else 1)


def waits_for_text(ep: TcpEndpoint) -> bool:
    """connect(2) has succeeded without a packet."""
    request = ep.fast_open_request
    return request is not None and request.deferred and ep.state == st.SYN_SENT
