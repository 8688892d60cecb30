"""TCP fast open, the server's side: cookies, and connections that begin with the text of their SYN.

A connection whose SYN brings a valid cookie waits in the accept queue at once, in SYN_RECEIVED, and may send; its own
timer repeats the SYN-ACK.
Implements: RFC 7413 3, 4.1.2, 4.2 (server). As net/ipv4/tcp_fastopen.c. The client's side is fast_open_client.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.header.tcp_options import FAST_OPEN, TcpOptions, UnknownOption
from tcpip.transport.tcp.emit import emit_syn

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.listener import Listener, Request
    from tcpip.transport.tcp.segment import Segment

SERVER: Final = 2
WITHOUT_COOKIE: Final = 0x200
EVERY_LISTENER: Final = 0x400
EXPERIMENTAL: Final = 254
MAGIC: Final = b"\xf9\x89"
KEY_SIZE: Final = 16
_WORD: Final = (1 << 64) - 1


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _WORD


def siphash(key: bytes, data: bytes) -> int:
    """SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    a, b, c, d = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in [*words, -1]:
        if word < 0:
            c ^= 0xFF
        else:
            d ^= word
        for _ in range(4 if word < 0 else 2):
            a = (a + b) & _WORD
            b = _rotate(b, 13) ^ a
            a = _rotate(a, 32)
            c = (c + d) & _WORD
            d = _rotate(d, 16) ^ c
            a = (a + d) & _WORD
            d = _rotate(d, 21) ^ a
            c = (c + b) & _WORD
            b = _rotate(b, 17) ^ c
            c = _rotate(c, 32)
        if word >= 0:
            a ^= word
    return a ^ b ^ c ^ d


def cookie_for(key: bytes, client: bytes, server: bytes) -> bytes:
    """What a client at one address may show to a server at another."""
    return siphash(key, client + server).to_bytes(8, "little")


def offered(options: TcpOptions) -> tuple[bytes, bool] | None:
    """(cookie, it came as the experimental option); an empty cookie asks for one. None: no such option."""
    for option in options.unknown:
        if option.kind == FAST_OPEN:
            return option.data, False
        if option.kind == EXPERIMENTAL and option.data[:2] == MAGIC:
            return option.data[2:], True
    return None


def as_option(cookie: bytes, experimental: bool) -> UnknownOption:
    """A cookie for a SYN-ACK."""
    return UnknownOption(EXPERIMENTAL, MAGIC + cookie) if experimental else UnknownOption(FAST_OPEN, cookie)


def enabled(listener: Listener) -> bool:
    """This listener takes fast opens, and has room for one more that is not acknowledged."""
    ep = listener.ep
    mode = ep.config.fastopen
    limit = ep.tcp_options.fastopen_queue or (listener.backlog if mode & EVERY_LISTENER else 0)
    if not mode & SERVER or listener.fast_opens < limit:
        return mode & SERVER != 0
    if limit:
        ep.stats_ext.inc("TCPFastOpenListenOverflow")
    return False


def keys_of(ep: TcpEndpoint) -> bytes:
    """TCP_FASTOPEN_KEY, tcp_fastopen_key, or a secret of the stack: one key, or two, of which the second is going out of use."""
    return ep.tcp_options.fastopen_key or ep.config.fastopen_key or ep.tcp.fast_open_secret


def syn_arrives(listener: Listener, request: Request, seg: Segment) -> bool:
    """A SYN to a listener: True when a connection was made of it; else the SYN-ACK may be given a cookie."""
    found = offered(seg.options)
    if (found is None and not seg.payload_len()) or not enabled(listener) or request.md5_key:
        return False
    ep = listener.ep
    cookie, experimental = found if found is not None else (b"", False)
    free = ep.config.fastopen & WITHOUT_COOKIE or ep.tcp_options.fastopen_no_cookie
    free = free or request.route.metrics.fastopen_no_cookie
    if not free and found is None:
        return False
    keys = keys_of(ep)
    good = cookie_for(keys[:KEY_SIZE], seg.pkt.src, seg.pkt.dst)
    if not free and cookie != good:
        old = cookie_for(keys[KEY_SIZE:], seg.pkt.src, seg.pkt.dst) if len(keys) > KEY_SIZE else b""
        request.cookie = as_option(good, experimental)
        if not cookie or cookie != old:
            ep.stats_ext.inc("TCPFastOpenCookieReqd" if not cookie else "TCPFastOpenPassiveFail")
            return False
        ep.stats_ext.inc("TCPFastOpenPassiveAltKey")
    ep.stats_ext.inc("TCPFastOpenPassive")
    _begin(listener, request, seg)
    return True


def _begin(listener: Listener, request: Request, seg: Segment) -> None:
    """The connection exists now, with what the SYN has brought."""
    child = listener.ep.new_child(request, seg)
    child.fast_open = listener
    listener.fast_opens += 1
    rcv, snd = child.rcv, child.snd
    snd.last_send = seg.now
    snd.retransmits = 0
    if seg.payload_len():
        rcv.queue_text(bytes(seg.payload()))
        rcv.last_data = seg.now
        rcv.data_segs_in += 1
        child.syn_data = True
    emit_syn(child, SYN | ACK, seg.now, request.cookie)
    child.timers.arm_retransmit(seg.now)
    listener.ready.append(child)
    listener.ep.connection_ready()


def syn_again(ep: TcpEndpoint, seg: Segment) -> bool:
    """The SYN that began this connection has come once more: our answer is repeated, though not too often (tcp_check_req)."""
    if seg.flags & (SYN | ACK | RST | FIN) != SYN or seg.seq != ep.rcv.irs:
        return False
    if seg.now - ep.last_challenge < ep.config.invalid_ratelimit_ns:
        ep.stats_ext.inc("TCPACKSkippedSynRecv")
        return True
    ep.last_challenge = seg.now
    emit_syn(ep, SYN | ACK, seg.now)
    return True


def finished(ep: TcpEndpoint) -> None:
    """The handshake is over, or the connection is: its place in the listener's quota is free."""
    if ep.fast_open is not None:
        ep.fast_open.fast_opens -= 1
        ep.fast_open = None
