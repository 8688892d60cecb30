"""sysctls that scripts set, and what they are in the stack's configuration.

Three kinds: those with effect; those that change nothing here whatever their value, with the reason; and those of which
the stack has one value only, where another is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tcpip.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from tcpip.stack.stack import Stack
from tcpip.transport.tcp.congestion import ALGORITHMS
from tools.packetdrill.errors import ScriptError

Convert = Callable[[str], Any]


def _int(text: str) -> int:
    return int(text.strip(), 0)


def _flag(text: str) -> bool:
    return _int(text) != 0


def _seconds(text: str) -> int:
    return _int(text) * NS_PER_S


def _milliseconds(text: str) -> int:
    return _int(text) * NS_PER_MS


def _microseconds(text: str) -> int:
    return _int(text) * NS_PER_US


def _three(text: str) -> tuple[int, int, int]:
    low, default, high = (int(word) for word in text.split())
    return low, default, high


def _algorithm(text: str) -> str:
    name = text.strip()
    if name not in ALGORITHMS:
        raise ScriptError(f"congestion control {name!r} is not known; known: {', '.join(sorted(ALGORITHMS))}")
    return name


def _ecn(text: str) -> int:
    mode = _int(text)
    if not 0 <= mode <= 2:
        raise ScriptError(f"tcp_ecn={mode}: there is no AccECN (RFC 9768)")
    return mode


def _key(text: str) -> bytes:
    """tcp_fastopen_key: four 32-bit words, perhaps two keys with a comma between."""
    words = text.replace(",", "-").strip().split("-")
    return b"".join(int(word, 16).to_bytes(4, "little") for word in words)


TCP_SETTINGS: Final[dict[str, tuple[str, Convert]]] = {
    "tcp_syn_retries": ("syn_retries", _int),
    "tcp_synack_retries": ("synack_retries", _int),
    "tcp_retries1": ("retries1", _int),
    "tcp_mtu_probing": ("mtu_probing", _int),
    "tcp_base_mss": ("base_mss", _int),
    "tcp_mtu_probe_floor": ("mtu_probe_floor", _int),
    "tcp_probe_threshold": ("probe_threshold", _int),
    "tcp_probe_interval": ("probe_interval_ns", _seconds),
    "tcp_retries2": ("retries2", _int),
    "tcp_orphan_retries": ("orphan_retries", _int),
    "tcp_fin_timeout": ("fin_timeout_ns", _seconds),
    "tcp_keepalive_time": ("keepalive_time_ns", _seconds),
    "tcp_keepalive_intvl": ("keepalive_intvl_ns", _seconds),
    "tcp_keepalive_probes": ("keepalive_probes", _int),
    "tcp_rmem": ("rmem", _three),
    "tcp_wmem": ("wmem", _three),
    "tcp_timestamps": ("timestamps", _flag),
    "tcp_sack": ("sack", _flag),
    "tcp_dsack": ("dsack", _flag),
    "tcp_window_scaling": ("window_scaling", _flag),
    "tcp_ecn": ("ecn", _ecn),
    "tcp_ecn_fallback": ("ecn_fallback", _flag),
    "tcp_syncookies": ("syncookies", _int),
    "tcp_max_syn_backlog": ("max_syn_backlog", _int),
    "tcp_tw_reuse": ("tw_reuse", _int),
    "tcp_max_tw_buckets": ("max_tw_buckets", _int),
    "tcp_max_orphans": ("max_orphans", _int),
    "tcp_challenge_ack_limit": ("challenge_ack_limit", _int),
    "tcp_invalid_ratelimit": ("invalid_ratelimit_ns", _milliseconds),
    "tcp_congestion_control": ("congestion", _algorithm),
    "tcp_notsent_lowat": ("notsent_lowat", _int),
    "tcp_abort_on_overflow": ("abort_on_overflow", _flag),
    "tcp_moderate_rcvbuf": ("moderate_rcvbuf", _flag),
    "tcp_slow_start_after_idle": ("slow_start_after_idle", _flag),
    "tcp_frto": ("frto", _int),
    "tcp_reordering": ("reordering", _int),
    "tcp_max_reordering": ("max_reordering", _int),
    "tcp_early_retrans": ("early_retrans", _int),
    "tcp_recovery": ("recovery", _int),
    "tcp_tso_win_divisor": ("tso_win_divisor", _int),
    "tcp_min_tso_segs": ("min_tso_segs", _int),
    "tcp_tso_rtt_log": ("tso_rtt_log", _int),
    "tcp_pacing_ss_ratio": ("pacing_ss_ratio", _int),
    "tcp_pacing_ca_ratio": ("pacing_ca_ratio", _int),
    "tcp_fastopen": ("fastopen", _int),
    "tcp_fastopen_key": ("fastopen_key", _key),
    "tcp_min_snd_mss": ("min_snd_mss", _int),
    "tcp_rfc1337": ("rfc1337", _flag),
    "tcp_stdurg": ("stdurg", _flag),
    "tcp_thin_linear_timeouts": ("thin_linear_timeouts", _flag),
    "tcp_syn_linear_timeouts": ("syn_linear_timeouts", _int),
    "tcp_rto_min_us": ("rto_min_ns", _microseconds),
    "tcp_rto_max_ms": ("rto_max_ns", _milliseconds),
    "tcp_shrink_window": ("shrink_window", _flag),
    "tcp_reflect_tos": ("reflect_tos", _flag),
}
# Of the stack itself, or of a part of it: where the attribute is, and its name.
STACK_SETTINGS: Final[dict[str, tuple[str, str]]] = {
    "net.ipv4.ip_default_ttl": ("", "default_ttl"),
    "net.ipv4.ip_nonlocal_bind": ("", "nonlocal_bind"),
    "net.ipv6.ip_nonlocal_bind": ("", "nonlocal_bind_v6"),
    "net.ipv6.bindv6only": ("", "bindv6only"),
    "net.ipv6.auto_flowlabels": ("flow_labels", "auto"),
    "net.ipv6.flowlabel_consistency": ("flow_labels", "consistency"),
    "net.ipv6.flowlabel_reflect": ("flow_labels", "reflect"),
    "net.ipv6.flowlabel_state_ranges": ("flow_labels", "state_ranges"),
    "net.ipv4.icmp_echo_ignore_all": ("icmpv4", "ignore_echo"),
    "net.ipv4.icmp_echo_ignore_broadcasts": ("icmpv4", "ignore_broadcasts"),
}
WITHOUT_EFFECT: Final[dict[str, str]] = {
    "net.ipv4.tcp_no_metrics_save": "the stack keeps no metrics from one connection to the next",
    "net.ipv4.tcp_autocorking": "packets leave at once, so none is ever waiting for another",
    "net.ipv4.tcp_limit_output_bytes": "packets leave at once, so none is ever waiting below TCP",
    "net.ipv4.tcp_low_latency": "Linux itself ignores it",
    "net.ipv4.tcp_fack": "Linux itself ignores it",
    "net.ipv4.tcp_mem": "memory is bounded per connection",
    "net.ipv4.tcp_migrate_req": "there are no SO_REUSEPORT groups that change",
    "net.ipv4.tcp_available_congestion_control": "",
    "net.ipv4.tcp_comp_sack_nr": "ACKs are never compressed",
    "net.ipv4.tcp_comp_sack_delay_ns": "ACKs are never compressed",
    "net.ipv4.tcp_comp_sack_slack_ns": "ACKs are never compressed",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": "no black hole is remembered from one connection to the next",
    "net.ipv4.tcp_min_rtt_wlen": "scripts do not last that long",
    "net.ipv4.ip_local_port_range": "scripts do not see port numbers",
    "net.ipv4.route.flush": "there is no cache of routes",
    "net.core.default_qdisc": "packets leave at once",
    "net.core.netdev_budget": "packets are taken one by one",
    "net.core.busy_read": "there is nothing to poll",
    "net.core.busy_poll": "there is nothing to poll",
    "net.mptcp.enabled": "there is no MPTCP socket to be had",
    "net.ipv4.conf.all.rp_filter": "every source is routed to the one link",
    "net.ipv4.conf.default.rp_filter": "every source is routed to the one link",
    "net.ipv4.conf.tun0.rp_filter": "every source is routed to the one link",
    "net.ipv6.conf.all.accept_dad": "the address of the script is not probed for",
    "net.ipv6.conf.default.accept_dad": "the address of the script is not probed for",
    "net.ipv4.icmp_ratemask": "replies are not limited below the global rate",
}
ONE_VALUE: Final[dict[str, tuple[int, str]]] = {
    "net.ipv4.tcp_thin_dupack": (0, "Linux no longer has it"),
    "net.ipv4.tcp_workaround_signed_windows": (0, "windows are unsigned"),
    "net.ipv4.tcp_adv_win_scale": (1, "the ratio is measured, as in Linux since 6.6"),
    "net.ipv4.tcp_app_win": (31, "no part of the window is kept for the application"),
    "net.ipv4.tcp_l3mdev_accept": (0, "there are no L3 master devices"),
    "net.ipv4.tcp_early_demux": (1, "sockets are found when TCP gets the packet"),
    "net.ipv4.ip_no_pmtu_disc": (0, "path MTU discovery is per socket (IP_MTU_DISCOVER)"),
    "net.ipv4.ip_forward": (0, "there is one link only"),
    "net.ipv4.fwmark_reflect": (0, "marks do not steer routes"),
    "net.ipv4.tcp_fwmark_accept": (0, "marks do not steer routes"),
}


class Sysctls:
    """Reads and writes by name, `net.ipv4.tcp_sack`, `net/ipv4/tcp_sack` or `/proc/sys/net/ipv4/tcp_sack`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.written: dict[str, str] = {}
        self._before: dict[str, Any] = {}
        self._stack_before: dict[str, int] = {}
        self._buffers_before: dict[str, int] = {}

    def write(self, name: str, text: str) -> None:
        """ScriptError: unknown, or a value that the stack does not have."""
        name = canonical(name)
        try:
            self._write(name, text)
        except ValueError:
            raise ScriptError(f"sysctl: setting key {name!r}: invalid argument {text!r}") from None
        self.written[name] = text

    def _write(self, name: str, text: str) -> None:
        config = self.stack.tcp.config
        tcp = name.removeprefix("net.ipv4.")
        if tcp in TCP_SETTINGS:
            attribute, convert = TCP_SETTINGS[tcp]
            value = convert(text)
            self._before.setdefault(attribute, getattr(config, attribute))
            setattr(config, attribute, value)
        elif name in STACK_SETTINGS:
            self._stack_before.setdefault(name, int(getattr(*self._place(name))))
            setattr(*self._place(name), _int(text))
        elif name == "net.core.somaxconn":
            self._before.setdefault("somaxconn", config.somaxconn)
            config.somaxconn = _int(text)
        elif name in ("net.core.rmem_max", "net.core.wmem_max"):
            attribute = name.removeprefix("net.core.")
            self._buffers_before.setdefault(attribute, int(getattr(self.stack.buffers, attribute)))
            setattr(self.stack.buffers, attribute, max(int(getattr(self.stack.buffers, attribute)), _int(text)))
        elif name in ONE_VALUE:
            only, reason = ONE_VALUE[name]
            if _int(text) != only:
                raise ScriptError(f"sysctl {name} has the value {only} only: {reason}")
        elif name not in WITHOUT_EFFECT:
            raise ScriptError(f"unknown sysctl {name!r}")

    def _place(self, name: str) -> tuple[object, str]:
        part, attribute = STACK_SETTINGS[name]
        return (getattr(self.stack, part) if part else self.stack), attribute

    def read(self, name: str) -> str:
        """ScriptError: unknown, or never written."""
        name = canonical(name)
        if name in self.written:
            return self.written[name]
        if name in STACK_SETTINGS:
            return str(int(getattr(*self._place(name))))
        attribute, _ = TCP_SETTINGS.get(name.removeprefix("net.ipv4."), ("", _int))
        value = getattr(self.stack.tcp.config, attribute) if attribute else None
        if isinstance(value, bool | int) and not attribute.endswith("_ns"):
            return str(int(value))
        raise ScriptError(f"sysctl {name!r} cannot be read")

    def restore(self) -> None:
        """Everything as before the first write."""
        for attribute, value in self._before.items():
            setattr(self.stack.tcp.config, attribute, value)
        self._before.clear()
        for name, number in self._stack_before.items():
            setattr(*self._place(name), number)
        self._stack_before.clear()
        for name, number in self._buffers_before.items():
            setattr(self.stack.buffers, name, number)
        self._buffers_before.clear()
        self.written.clear()


def canonical(name: str) -> str:
    """With dots."""
    return name.removeprefix("/proc/sys/").replace("/", ".")
