"""How large the next packet is made, where the link takes super-segments or they are cut up below.

About a millisecond's worth at the pace of the connection, more where the round trip is short, half a window at most; and
when it pays to wait for an ACK that would make it larger.
Source: net/ipv4/tcp_output.c:tcp_tso_autosize, tcp_cwnd_test, tcp_tso_should_defer; tcp_input.c:tcp_update_pacing_rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from tcpip.transport.tcp.config import INITIAL_WINDOW_SEGMENTS
from tcpip.transport.tcp.congestion.base import INFINITE_SSTHRESH

if TYPE_CHECKING:
    from tcpip.transport.tcp.sender import Sender

GSO_MAX: Final = 65536
PACING_SHIFT: Final = 10
"""2**-10 s at the pacing rate: sk_pacing_shift."""
MAX_SHIFT: Final = 31


def pacing_rate(snd: Sender) -> int:
    """Bytes a second, from the window and the round-trip time; 0 until that is known. Sizes packets, and spaces them
    where SO_MAX_PACING_RATE asks for a pace."""
    if snd.cc.pacing_rate:
        return snd.cc.pacing_rate
    srtt = snd.rtt.srtt
    if srtt <= 0:
        return 0
    config = snd.ep.config
    cc = snd.cc
    slow_start = cc.ssthresh >= INFINITE_SSTHRESH or cc.cwnd < cc.ssthresh // 2
    ratio = config.pacing_ss_ratio if slow_start else config.pacing_ca_ratio
    return max(cc.cwnd, snd.nxt - snd.una) * ratio * (NS_PER_S // 100) // srtt


def packet_limit(snd: Sender) -> int:
    """The most text that one packet takes now: whole segments, at least one."""
    mss = snd.mss
    config = snd.ep.config
    limit = snd.gso_max
    if snd.rtt.srtt:
        wanted = pacing_rate(snd) >> PACING_SHIFT
        shift = snd.rtt.min_rtt // NS_PER_US >> config.tso_rtt_log
        if shift <= MAX_SHIFT:
            wanted += GSO_MAX >> shift
        limit = min(limit, max(wanted // mss, config.min_tso_segs) * mss)
    half = snd.cc.cwnd // mss // 2 * mss
    return max(min(limit, half), mss)


def burst_limit(snd: Sender) -> int:
    """How much one batch of acknowledgements may let go at once: an initial window, or what a millisecond carries."""
    return max(INITIAL_WINDOW_SEGMENTS * snd.mss, pacing_rate(snd) >> PACING_SHIFT)


def should_defer(snd: Sender, room: int, cwnd_room: int, limit: int, unsent: int, now: int) -> bool:
    """More ACKs are on their way and will open the window further: send a larger packet then.

    `room` is what both windows allow, `cwnd_room` what the congestion window alone does.
    """
    if now - snd.last_send > NS_PER_MS or snd.nxt == snd.una or not snd.board.segs:
        return False
    if room >= limit or unsent <= room:
        return False
    divisor = snd.ep.config.tso_win_divisor
    if divisor and room >= min(snd.wnd, snd.cc.cwnd) // divisor:
        return False
    if now - snd.board.segs[0].sent < snd.rtt.srtt // 2:
        return False
    if cwnd_room <= room:
        snd.held_by_cwnd = True
    return not snd.fin_queued
