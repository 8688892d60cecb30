"""/proc/sys/net/netfilter/nf_conntrack_*: what tracking does with connections from now on (Documentation/networking/nf_conntrack-sysctl.rst)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs.number_file import NumbersFile, Values
from tcpip.filter.tracking import TrackingSettings

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode

_INT_MAX: Final = (1 << 31) - 1
_SECONDS_MAX: Final = _INT_MAX // 1000  # in jiffies they are still an int

# By name behind nf_conntrack_: the attribute of TrackingSettings, and most.
_SETTINGS: Final[tuple[tuple[str, str, int], ...]] = (
    ("acct", "acct", 1),
    ("checksum", "checksum", 1),
    ("events", "events", 2),
    ("generic_timeout", "generic", _SECONDS_MAX),
    ("icmp_timeout", "icmp", _SECONDS_MAX),
    ("icmpv6_timeout", "icmpv6", _SECONDS_MAX),
    ("tcp_be_liberal", "liberal", 1),
    ("tcp_loose", "loose", 1),
    ("tcp_timeout_unacknowledged", "unacknowledged", _SECONDS_MAX),
    ("udp_timeout", "udp", _SECONDS_MAX),
    ("udp_timeout_stream", "udp_stream", _SECONDS_MAX),
)
_STATES: Final = ("", "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close")


def _settings(t: Task) -> TrackingSettings | None:
    stack = t.ns.net.stack
    return stack.tracking if stack is not None else None


def _setting(fs: ProcFs, name: str, most: int) -> NumbersFile:
    def get(t: Task) -> Values:
        return (int(getattr(_settings(t) or TrackingSettings(), name)),)

    def put(t: Task, values: Values) -> None:
        settings = _settings(t)
        if settings is None:
            return
        if most == 1:
            setattr(settings, name, values[0] != 0)
        else:
            setattr(settings, name, values[0])

    return NumbersFile(fs, fs.new_ino(), get, put, 0, most)


def _state(fs: ProcFs, state: int) -> NumbersFile:
    def get(t: Task) -> Values:
        return ((_settings(t) or TrackingSettings()).tcp[state],)

    def put(t: Task, values: Values) -> None:
        settings = _settings(t)
        if settings is not None:
            settings.tcp[state] = values[0]

    return NumbersFile(fs, fs.new_ino(), get, put, 0, _SECONDS_MAX)


def _tracked(t: Task) -> Values:
    """nf_conntrack_count."""
    stack = t.ns.net.stack
    netfilter = stack.netfilter if stack is not None else None
    return (len(netfilter.conntrack) if netfilter is not None else 0,)


def _most_tracked(t: Task) -> Values:
    """nf_conntrack_max, which only the first network of a system may change."""
    from tcpip.filter.conntrack import MAX_CONNECTIONS

    stack = t.ns.net.stack
    netfilter = stack.netfilter if stack is not None else None
    return (netfilter.conntrack.max_connections if netfilter is not None else MAX_CONNECTIONS,)


def _fixed(t: Task, values: Values) -> None:
    """Of a file without a way to write."""
    raise SyscallError(errno.EPERM)


def files(fs: ProcFs) -> list[tuple[str, Inode]]:
    """By path below /proc/sys."""
    found: list[tuple[str, Inode]] = []
    for name, get in (("count", _tracked), ("max", _most_tracked)):
        file = NumbersFile(fs, fs.new_ino(), get, _fixed, 0, _INT_MAX, 0o444)
        found.append((f"net/netfilter/nf_conntrack_{name}", file))
    for name, attribute, most in _SETTINGS:
        found.append((f"net/netfilter/nf_conntrack_{name}", _setting(fs, attribute, most)))
    for state, name in enumerate(_STATES):
        if name:
            found.append((f"net/netfilter/nf_conntrack_tcp_timeout_{name}", _state(fs, state)))
    return found
