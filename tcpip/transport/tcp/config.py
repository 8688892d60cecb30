"""The net.ipv4.tcp_* sysctls of one stack, with Linux's defaults (Documentation/networking/ip-sysctl.rst)."""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_MS, NS_PER_S

RTO_MIN_NS: Final = 200 * NS_PER_MS
RTO_MAX_NS: Final = 120 * NS_PER_S
RTO_INITIAL_NS: Final = NS_PER_S
"""RFC 6298 (2.1)."""
DELACK_MIN_NS: Final = 40 * NS_PER_MS
DELACK_MAX_NS: Final = 200 * NS_PER_MS
TIME_WAIT_NS: Final = 60 * NS_PER_S
RESOURCE_PROBE_NS: Final = 500 * NS_PER_MS
MIN_SEND_MSS: Final = 48
DEFAULT_MSS: Final = 536
"""RFC 9293 3.7.1: what a peer without an MSS option takes."""
INITIAL_WINDOW_SEGMENTS: Final = 10
"""RFC 6928."""
MAX_SYN_QUEUE: Final = 4096


class TcpConfig:
    """Values may be changed while the stack runs; new connections see them."""

    __slots__ = (
        "syn_rto_ns",
        "syn_retries",
        "synack_retries",
        "retries1",
        "retries2",
        "orphan_retries",
        "fin_timeout_ns",
        "keepalive_time_ns",
        "keepalive_intvl_ns",
        "keepalive_probes",
        "rmem",
        "wmem",
        "timestamps",
        "sack",
        "window_scaling",
        "ecn",
        "syncookies",
        "somaxconn",
        "max_syn_backlog",
        "tw_reuse",
        "max_tw_buckets",
        "max_orphans",
        "challenge_ack_limit",
        "invalid_ratelimit_ns",
        "congestion",
        "notsent_lowat",
        "abort_on_overflow",
        "adv_win_scale",
        "fack",
        "moderate_rcvbuf",
        "slow_start_after_idle",
        "local_shortcut",
        "dsack",
        "frto",
        "reordering",
        "max_reordering",
        "paced",
        "early_retrans",
        "recovery",
        "tso_win_divisor",
        "min_tso_segs",
        "tso_rtt_log",
        "pacing_ss_ratio",
        "pacing_ca_ratio",
        "fastopen",
        "fastopen_key",
        "ecn_fallback",
        "min_snd_mss",
        "rfc1337",
        "stdurg",
        "thin_linear_timeouts",
        "syn_linear_timeouts",
        "rto_min_ns",
        "rto_max_ns",
        "mtu_probing",
        "base_mss",
        "mtu_probe_floor",
        "probe_threshold",
        "probe_interval_ns",
        "reflect_tos",
        "shrink_window",
        "spread_bursts",
    )

    def __init__(self) -> None:
        self.syn_rto_ns = RTO_INITIAL_NS  # of a SYN (RFC 6298, 2.1); less where every peer is known to be near
        self.syn_retries, self.synack_retries = 6, 5
        self.retries1, self.retries2 = 3, 15
        self.orphan_retries = 0
        self.fin_timeout_ns = 60 * NS_PER_S
        self.keepalive_time_ns = 7200 * NS_PER_S
        self.keepalive_intvl_ns = 75 * NS_PER_S
        self.keepalive_probes = 9
        self.rmem = (4096, 131072, 6291456)
        self.wmem = (4096, 16384, 4194304)
        self.timestamps: int = True
        self.sack: int = True
        self.window_scaling: int = True
        self.ecn = 2
        self.syncookies = 1  # 2: for every SYN
        self.somaxconn = 4096
        self.max_syn_backlog = 1024
        self.tw_reuse = 2
        self.max_tw_buckets = 32768
        self.max_orphans = 16384
        self.challenge_ack_limit = 1000
        self.invalid_ratelimit_ns = 500 * NS_PER_MS
        self.congestion = "cubic"
        self.notsent_lowat = 0xFFFFFFFF
        self.abort_on_overflow: int = False
        self.adv_win_scale = 1  # as on Linux since 6.6: kept, and nothing goes by it
        self.fack = 0  # the same since 4.15
        self.moderate_rcvbuf: int = True
        self.slow_start_after_idle: int = True
        self.local_shortcut = True  # text between two ends of this stack makes no packets (same_stack.py)
        self.dsack: int = True
        self.frto = 2
        self.reordering = 3
        self.max_reordering = 300
        self.paced = False  # every connection is, as below Linux's qdisc fq
        self.early_retrans = 3  # 0: no tail loss probes
        self.recovery = 1  # RACK's bits: 1 detection by time, 2 a constant reordering window, 4 no DUP_THRESH
        self.tso_win_divisor = 3
        self.min_tso_segs = 2
        self.tso_rtt_log = 9
        self.pacing_ss_ratio = 200
        self.pacing_ca_ratio = 120
        self.fastopen = 1  # 1 client, 2 server, 4 client without cookie, 0x200 server without, 0x400 all listeners
        self.fastopen_key = b""  # 16 bytes, or 32: a second key, for cookies given out before; empty: a secret one
        self.ecn_fallback: int = True
        self.min_snd_mss = MIN_SEND_MSS
        self.rfc1337: int = False
        self.stdurg: int = False
        self.thin_linear_timeouts: int = False
        self.syn_linear_timeouts = 4
        self.rto_min_ns = RTO_MIN_NS
        self.rto_max_ns = RTO_MAX_NS
        self.mtu_probing = 0  # 1: after a black hole, 2: always (mtu_probe.py)
        self.base_mss, self.mtu_probe_floor = 1024, 48
        self.probe_threshold = 8  # bytes of IP packet: closer is found
        self.probe_interval_ns = 600 * NS_PER_S
        self.reflect_tos: int = False  # SYN-ACKs, and connections, have the TOS of the SYN
        self.shrink_window: int = False
        self.spread_bursts: int = True  # what an ACK of many lets go leaves at the pace of the connection, not at once
