"""TCP_INFO: a connection in numbers, laid out as struct tcp_info of include/uapi/linux/tcp.h (Linux 6.18: 248 bytes).

Times in it are microseconds or milliseconds, windows in segments, as Linux has them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.congestion.base import INFINITE_SSTHRESH
from tcpip.transport.tcp.sack import LOST, RETRANS, SACKED, Scoreboard
from tcpip.transport.tcp.tso import pacing_rate

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

_LOSS: Final = struct.Struct("=8B9I")
_TIMES: Final = struct.Struct("=15I")
_TOTALS: Final = struct.Struct("=4Q6I4Q2I2Q6I2HI")
_U64: Final = (1 << 64) - 1
OPT_TIMESTAMPS: Final = 1
OPT_SACK: Final = 2
OPT_WSCALE: Final = 4
OPT_ECN: Final = 8
OPT_ECN_SEEN: Final = 16
OPT_SYN_DATA: Final = 32
_U32: Final = 0xFFFFFFFF


def tcp_info(ep: TcpEndpoint) -> bytes:
    """struct tcp_info now. The delivery rate is measured from the first call on, and always
    with BBR: to measure it for everybody would slow everybody down."""
    ep.snd.measured = True
    now = ep.stack.clock.now_ns()
    return _LOSS.pack(*_loss(ep)) + _TIMES.pack(*_times_and_metrics(ep, now)) + _TOTALS.pack(*_totals(ep, now))


def _loss(ep: TcpEndpoint) -> tuple[int, ...]:
    """From tcpi_state to tcpi_fackets."""
    snd = ep.snd
    rcv = ep.rcv
    mss = max(snd.mss, 1)
    flags = (OPT_TIMESTAMPS if ep.timestamps else 0) | (OPT_SACK if ep.sack_ok else 0)
    flags |= OPT_WSCALE if ep.window_scaling else 0
    flags |= (OPT_ECN if ep.ecn.ok else 0) | (OPT_ECN_SEEN if ep.ecn.seen else 0)
    flags |= OPT_SYN_DATA if ep.syn_data else 0
    listening = ep.listener
    unacked, sacked, lost, retrans = _segments(snd.board, mss) if st.synchronized(ep.state) else (0, 0, 0, 0)
    if listening is not None:
        unacked, sacked = len(listening.ready), listening.backlog
    return (
        ep.state,
        snd.ca_state,
        min(snd.retransmits, 255),
        min(snd.probes_out or _unanswered(ep), 255),
        min(snd.rtt.backoff + snd.probe_backoff, 255),
        flags,
        snd.wscale | rcv.wscale << 4,
        (ep.fast_open_request.failure << 1 if ep.fast_open_request is not None else 0)
        | int(snd.rate.best_limited and listening is None),
        snd.rtt.rto // 1000,
        rcv.ato // 1000,
        snd.mss,
        rcv.mss_est,
        unacked,
        sacked,
        lost,
        retrans,
        0,
    )


def _segments(board: Scoreboard, mss: int) -> tuple[int, int, int, int]:
    """How many segments are outstanding, and of these sacked (or known to be by duplicates), lost, sent again."""
    counts = [0, -(-board.reno_sacked // mss), 0, 0]
    for seg in board.segs:
        size = -(-(seg.end - seg.seq - int(seg.fin)) // mss) or 1
        counts[0] += size
        for index, flag in ((1, SACKED), (2, LOST), (3, RETRANS)):
            counts[index] += size if seg.state & flag else 0
    return counts[0], counts[1], counts[2], counts[3]


def _unanswered(ep: TcpEndpoint) -> int:
    """Keep-alive probes since the peer was heard last."""
    heard = ep.stack.clock.now_ns() - ep.rcv.last_rcv < ep.tcp_options.keep_idle_ns
    return 0 if heard else ep.timers.keep_probes


def _times_and_metrics(ep: TcpEndpoint, now: int) -> tuple[int, ...]:
    """From tcpi_last_data_sent to tcpi_total_retrans."""
    snd = ep.snd
    rcv = ep.rcv
    mss = max(snd.mss, 1)
    ssthresh = 0x7FFFFFFF if snd.cc.ssthresh >= INFINITE_SSTHRESH else snd.cc.ssthresh // mss
    return (
        _ms_since(snd.last_send, now),
        0,
        _ms_since(rcv.last_data, now),
        _ms_since(rcv.last_rcv, now),
        snd.mtu,
        min(rcv.space_of.limit, ep.so.rcvbuf),
        snd.rtt.srtt // 1000,
        snd.rtt.rttvar // 1000,
        min(ssthresh, 0x7FFFFFFF),
        max(snd.cc.cwnd // mss, 1),
        ep.advertised_mss() - ep.option_len if ep.route is not None else snd.mss,
        snd.rack.reordering,
        rcv.rtt // 1000,
        max(rcv.space, 0) & _U32,
        snd.total_retrans,
    )


def _totals(ep: TcpEndpoint, now: int) -> tuple[int, ...]:
    """From tcpi_pacing_rate on."""
    snd = ep.snd
    rcv = ep.rcv
    mss = max(snd.mss, 1)
    return (
        snd.pace() or pacing_rate(snd) or _U64,
        ep.so.max_pacing_rate & _U64,
        snd.bytes_acked,
        rcv.bytes_received,
        snd.segs_out & _U32,
        rcv.segs_in & _U32,
        min(snd.unsent(), _U32),
        min(snd.rtt.min_rtt // 1000, _U32) if snd.rtt.min_rtt else _U32,
        rcv.data_segs_in & _U32,
        snd.data_segs_out & _U32,
        snd.rate.best,
        *snd.chrono.times(now),
        -(-snd.bytes_acked // mss) + int(st.synchronized(ep.state)) & _U32,  # our SYN counts, too
        -(-ep.ecn.delivered_ce // mss) & _U32,
        snd.bytes_sent + snd.bytes_retrans,
        snd.bytes_retrans,
        snd.dsack_dups & _U32,
        snd.rack.reorders & _U32,
        rcv.ooo_packets & _U32,
        min(snd.wnd, _U32),
        min(max(rcv.window(), 0), _U32),
        ep.rehashes & _U32,
        min(snd.chrono.total_rto, 0xFFFF),
        min(snd.chrono.rto_recoveries, 0xFFFF),
        snd.chrono.rto_ms(now) & _U32,
    )


def _ms_since(then: int, now: int) -> int:
    return min((now - then) // 1_000_000, _U32)
