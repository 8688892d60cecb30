"""/proc/sys/net: what root may change of the stack (Documentation/networking/ip-sysctl.rst). New sockets go by it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs import conntrack_sysctl
from sandbox.fs.procfs.number_file import NumbersFile, Values
from sandbox.fs.procfs.qdisc_sysctl import DefaultQdiscFile
from sandbox.fs.procfs.ranges_file import RangesFile
from sandbox.fs.pseudo.nodes import PseudoFile
from tcpip.transport.ports import EPHEMERAL_FIRST, EPHEMERAL_LAST
from tcpip.transport.socket_options import MIN_RCVBUF, MIN_SNDBUF
from tcpip.transport.tcp.congestion import ALGORITHMS

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from tcpip.stack.stack import Stack
    from tcpip.transport.tcp.config import TcpConfig

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
PORT_MAX: Final = 65535
_INT_MAX: Final = (1 << 31) - 1
_UINT_MAX: Final = (1 << 32) - 1
_BYTE_MAX: Final = 255
_SECONDS_MAX: Final = _INT_MAX // 1000  # in jiffies they are still an int
_BUFFER_MAX: Final = 1 << 26  # lower than Linux has it: what is in a buffer is held in the memory of the sentry

# Where Linux takes a time of 0 and probes with every tick, 1 is the least.
# By name below net/: the attribute of TcpConfig, its unit, least and most.
_TCP: Final[tuple[tuple[str, str, int, int, int], ...]] = (
    ("core/somaxconn", "somaxconn", 1, 0, _INT_MAX),
    ("ipv4/tcp_abort_on_overflow", "abort_on_overflow", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_adv_win_scale", "adv_win_scale", 1, -31, 31),
    ("ipv4/tcp_base_mss", "base_mss", 1, 0, _INT_MAX),
    ("ipv4/tcp_challenge_ack_limit", "challenge_ack_limit", 1, 0, _INT_MAX),
    ("ipv4/tcp_dsack", "dsack", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_early_retrans", "early_retrans", 1, 0, 4),
    ("ipv4/tcp_ecn", "ecn", 1, 0, 2),
    ("ipv4/tcp_ecn_fallback", "ecn_fallback", 1, 0, 1),
    ("ipv4/tcp_fack", "fack", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_fastopen", "fastopen", 1, 0, _INT_MAX),
    ("ipv4/tcp_fin_timeout", "fin_timeout_ns", NS_PER_S, 0, _SECONDS_MAX),
    ("ipv4/tcp_frto", "frto", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_invalid_ratelimit", "invalid_ratelimit_ns", NS_PER_MS, 0, _INT_MAX),
    ("ipv4/tcp_keepalive_intvl", "keepalive_intvl_ns", NS_PER_S, 1, _SECONDS_MAX),
    ("ipv4/tcp_keepalive_probes", "keepalive_probes", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_keepalive_time", "keepalive_time_ns", NS_PER_S, 1, _SECONDS_MAX),
    ("ipv4/tcp_max_orphans", "max_orphans", 1, 0, _INT_MAX),
    ("ipv4/tcp_max_reordering", "max_reordering", 1, 1, _INT_MAX),
    ("ipv4/tcp_max_syn_backlog", "max_syn_backlog", 1, 0, _INT_MAX),
    ("ipv4/tcp_max_tw_buckets", "max_tw_buckets", 1, 0, 1 << 18),
    ("ipv4/tcp_min_snd_mss", "min_snd_mss", 1, 0, _INT_MAX),
    ("ipv4/tcp_min_tso_segs", "min_tso_segs", 1, 1, _BYTE_MAX),
    ("ipv4/tcp_moderate_rcvbuf", "moderate_rcvbuf", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_mtu_probe_floor", "mtu_probe_floor", 1, 0, _INT_MAX),
    ("ipv4/tcp_mtu_probing", "mtu_probing", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_notsent_lowat", "notsent_lowat", 1, 0, _UINT_MAX),
    ("ipv4/tcp_orphan_retries", "orphan_retries", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_pacing_ca_ratio", "pacing_ca_ratio", 1, 0, 1000),
    ("ipv4/tcp_pacing_ss_ratio", "pacing_ss_ratio", 1, 0, 1000),
    ("ipv4/tcp_probe_interval", "probe_interval_ns", NS_PER_S, 0, _SECONDS_MAX),
    ("ipv4/tcp_probe_threshold", "probe_threshold", 1, 0, _INT_MAX),
    ("ipv4/tcp_recovery", "recovery", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_reflect_tos", "reflect_tos", 1, 0, 1),
    ("ipv4/tcp_reordering", "reordering", 1, 1, 300),
    ("ipv4/tcp_retries1", "retries1", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_retries2", "retries2", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_rfc1337", "rfc1337", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_sack", "sack", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_shrink_window", "shrink_window", 1, 0, 1),
    ("ipv4/tcp_slow_start_after_idle", "slow_start_after_idle", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_stdurg", "stdurg", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_syn_linear_timeouts", "syn_linear_timeouts", 1, 0, 127),
    ("ipv4/tcp_syn_retries", "syn_retries", 1, 1, 127),
    ("ipv4/tcp_synack_retries", "synack_retries", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_syncookies", "syncookies", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_thin_linear_timeouts", "thin_linear_timeouts", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_timestamps", "timestamps", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_tso_rtt_log", "tso_rtt_log", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_tso_win_divisor", "tso_win_divisor", 1, 0, _BYTE_MAX),
    ("ipv4/tcp_tw_reuse", "tw_reuse", 1, 0, 2),
    ("ipv4/tcp_window_scaling", "window_scaling", 1, 0, _BYTE_MAX),
)


class CongestionFile(PseudoFile):
    """net.ipv4.tcp_congestion_control: of connections that do not choose for themselves."""

    __slots__ = ()

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino, 0o644)

    def content(self, t: Task) -> bytes:
        """Its name."""
        config = _config(t)
        return (config.congestion if config is not None else "cubic").encode() + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """ENOENT when there is none of that name (net/ipv4/tcp_cong.c: tcp_set_default_congestion_control)."""
        name = data.split(b"\0")[0].strip().decode("ascii", "replace")
        if name not in ALGORITHMS:
            raise SyscallError(errno.ENOENT)
        config = _config(t)
        if config is not None:
            config.congestion = name


def _config(t: Task) -> TcpConfig | None:
    stack: Stack | None = t.ns.net.stack
    return stack.tcp.config if stack is not None else None


def _tcp_file(fs: ProcFs, name: str, unit: int, least: int, most: int) -> NumbersFile:
    """A setting of TCP; 0 where there is no network."""

    def get(t: Task) -> Values:
        config = _config(t)
        return (int(getattr(config, name)) // unit if config is not None else 0,)

    def put(t: Task, values: Values) -> None:
        config = _config(t)
        if config is not None:
            setattr(config, name, values[0] * unit)

    return NumbersFile(fs, fs.new_ino(), get, put, least, most)


def _buffer_file(fs: ProcFs, name: str) -> NumbersFile:
    """tcp_rmem, tcp_wmem: least, usual and most bytes of a socket's buffer."""

    def get(t: Task) -> Values:
        config = _config(t)
        return tuple(getattr(config, name)) if config is not None else (0, 0, 0)

    def put(t: Task, values: Values) -> None:
        config = _config(t)
        if config is not None:
            setattr(config, name, values)

    return NumbersFile(fs, fs.new_ino(), get, put, 1, _BUFFER_MAX)


def _get_range(t: Task) -> Values:
    stack = t.ns.net.stack
    return (stack.ports.first, stack.ports.last) if stack is not None else (EPHEMERAL_FIRST, EPHEMERAL_LAST)


def _put_range(t: Task, values: Values) -> None:
    """EINVAL when it would be of ports that not everybody may bind (net/ipv4/sysctl_net_ipv4.c: ipv4_local_port_range)."""
    first, last = values
    if last < first or first < t.ns.net.unprivileged_port:
        raise SyscallError(errno.EINVAL)
    stack = t.ns.net.stack
    if stack is not None:
        stack.ports.first, stack.ports.last = first, last


def _get_start(t: Task) -> Values:
    return (t.ns.net.unprivileged_port,)


def _put_start(t: Task, values: Values) -> None:
    """EINVAL above the ports that are given out (ipv4_privileged_ports)."""
    if values[0] > _get_range(t)[0]:
        raise SyscallError(errno.EINVAL)
    t.ns.net.unprivileged_port = values[0]


# By name below net/core: the attribute of BufferLimits, and least (net/core/sysctl_net_core.c). They are of all networks.
_BUFFERS: Final = (
    ("rmem_default", MIN_RCVBUF),
    ("rmem_max", MIN_RCVBUF),
    ("wmem_default", MIN_SNDBUF),
    ("wmem_max", MIN_SNDBUF),
)


def _limit_file(fs: ProcFs, name: str, least: int) -> NumbersFile:
    """A bound or the usual size of sockets' buffers."""

    def get(t: Task) -> Values:
        return (int(getattr(t.kernel.settings.buffers, name)),)

    def put(t: Task, values: Values) -> None:
        setattr(t.kernel.settings.buffers, name, values[0])

    return NumbersFile(fs, fs.new_ino(), get, put, least, _BUFFER_MAX)


# By name below net/: the attribute, least and most, usual.
_STACK: Final[tuple[tuple[str, str, str, int, int, int], ...]] = (
    ("ipv4/icmp_echo_ignore_all", "icmpv4", "ignore_echo", 0, 1, 0),
    ("ipv4/icmp_echo_ignore_broadcasts", "icmpv4", "ignore_broadcasts", 0, 1, 1),
    ("ipv4/icmp_msgs_burst", "icmpv4.limiter", "burst", 0, _INT_MAX, 50),
    ("ipv4/icmp_msgs_per_sec", "icmpv4.limiter", "per_second", 0, _INT_MAX, 1000),
    ("ipv4/icmp_ratelimit", "icmpv4", "interval_ms", 0, _INT_MAX, 1000),
    ("ipv4/icmp_ratemask", "icmpv4", "ratemask", ~_INT_MAX, _INT_MAX, 6168),
    ("ipv4/igmp_link_local_mcast_reports", "group_settings", "igmp_link_local_mcast_reports", 0, _BYTE_MAX, 1),
    ("ipv4/igmp_max_memberships", "group_settings", "igmp_max_memberships", 0, _INT_MAX, 20),
    ("ipv4/igmp_max_msf", "group_settings", "igmp_max_msf", 0, _INT_MAX, 10),
    ("ipv4/igmp_qrv", "group_settings", "igmp_qrv", 1, _INT_MAX, 2),
    ("ipv4/ip_default_ttl", "", "default_ttl", 1, 255, 64),
    ("ipv4/ip_nonlocal_bind", "", "nonlocal_bind", 0, 1, 0),
    ("ipv6/auto_flowlabels", "flow_labels", "auto", 0, 3, 1),
    ("ipv6/bindv6only", "", "bindv6only", 0, 1, 0),
    ("ipv6/flowlabel_consistency", "flow_labels", "consistency", 0, 1, 1),
    ("ipv6/flowlabel_reflect", "flow_labels", "reflect", 0, 7, 0),
    ("ipv6/flowlabel_state_ranges", "flow_labels", "state_ranges", 0, 1, 0),
    ("ipv6/icmp/echo_ignore_all", "icmpv6", "ignore_echo", 0, 1, 0),
    ("ipv6/icmp/echo_ignore_multicast", "icmpv6", "ignore_multicast", 0, 1, 0),
    ("ipv6/icmp/ratelimit", "icmpv6", "interval_ms", 0, _INT_MAX, 100),
    ("ipv6/mld_max_msf", "group_settings", "mld_max_msf", 0, _INT_MAX, 64),
    ("ipv6/mld_qrv", "group_settings", "mld_qrv", 1, _INT_MAX, 2),
    ("ipv6/ip_nonlocal_bind", "", "nonlocal_bind_v6", 0, 1, 0),
)


def _part_of_stack(t: Task, part: str) -> object | None:
    """The caller's stack, or one of its parts by the names of attributes; None without a network."""
    found: object | None = t.ns.net.stack
    for step in part.split(".") if part and found is not None else ():
        found = getattr(found, step)
    return found


def _marks_file(fs: ProcFs, part: str, name: str, most: int) -> RangesFile:
    """A setting of the same kind that is a set of numbers."""

    def get(t: Task) -> bytes:
        return bytes(getattr(_part_of_stack(t, part), name, b""))

    def put(t: Task, marks: bytes) -> None:
        whose = _part_of_stack(t, part)
        if whose is not None:
            setattr(whose, name, marks)

    return RangesFile(fs, fs.new_ino(), most, get, put)


def _stack_file(fs: ProcFs, part: str, name: str, least: int, most: int, usual: int) -> NumbersFile:
    """A setting of a stack, or of one of its parts."""

    def get(t: Task) -> Values:
        whose = _part_of_stack(t, part)
        return (int(getattr(whose, name)) if whose is not None else usual,)

    def put(t: Task, values: Values) -> None:
        whose = _part_of_stack(t, part)
        if whose is not None:
            setattr(whose, name, values[0])

    return NumbersFile(fs, fs.new_ino(), get, put, least, most)


def files(fs: ProcFs) -> list[tuple[str, Inode]]:
    """By path below /proc/sys."""
    found: list[tuple[str, Inode]] = [
        (f"net/{path}", _tcp_file(fs, name, unit, least, most)) for path, name, unit, least, most in _TCP
    ]
    found += [
        (f"net/{path}", _stack_file(fs, part, name, least, most, usual))
        for path, part, name, least, most, usual in _STACK
    ]
    found += [(f"net/ipv4/tcp_{name}", _buffer_file(fs, name)) for name in ("rmem", "wmem")]
    found += [(f"net/core/{name}", _limit_file(fs, name, least)) for name, least in _BUFFERS]
    ports = NumbersFile(fs, fs.new_ino(), _get_range, _put_range, 1, PORT_MAX)
    found.append(("net/ipv4/ip_local_port_range", ports))
    start = NumbersFile(fs, fs.new_ino(), _get_start, _put_start, 0, PORT_MAX)
    found.append(("net/ipv4/ip_unprivileged_port_start", start))
    found += conntrack_sysctl.files(fs)
    found.append(("net/core/default_qdisc", DefaultQdiscFile(fs, fs.new_ino(), 0o644)))
    found.append(("net/ipv4/tcp_congestion_control", CongestionFile(fs, fs.new_ino())))
    found.append(("net/ipv4/ip_local_reserved_ports", _marks_file(fs, "ports", "reserved", PORT_MAX)))
    found.append(("net/ipv6/icmp/ratemask", _marks_file(fs, "icmpv6", "ratemask", _BYTE_MAX)))
    return found
