"""RTA_METRICS and RTA_MULTIPATH of routes (rtnetlink(7), include/uapi/linux/rtnetlink.h, net/ipv4/metrics.c): read and told.

Told only, as on Linux: `rttvar`, `ssthresh` and `cwnd`. Not supported: locks of `cwnd` and of the algorithm, realms of next hops, encapsulations:
EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import has_carrier
from sandbox.sockets.netlink import message as nl
from tcpip.stack.route_metrics import METRIC_CONGESTION, METRIC_CWND, NO_METRICS, RouteMetrics
from tcpip.transport.tcp.congestion import ALGORITHMS

if TYPE_CHECKING:
    from tcpip.stack.route_table import NextHop

RTA_GATEWAY: Final[int] = 5
RTA_METRICS: Final[int] = 8
RTA_MULTIPATH: Final[int] = 9
RTA_NH_ID: Final[int] = 30
RTNH_F_ONLINK: Final = 4
RTNH_F_LINKDOWN: Final = 16
_HOPLIMIT: Final = 10
_MTU, _WINDOW, _ADVMSS, _INITCWND, _FEATURES, _RTO_MIN, _INITRWND, _QUICKACK, _CC, _NO_COOKIE = (
    2,
    3,
    8,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
)
_METRIC_MOST: Final = 17
_LOCK: Final = 1
_PLAIN: Final = (
    (_MTU, "mtu"),
    (_WINDOW, "window"),
    (4, "rtt"),
    (5, "rttvar"),
    (6, "ssthresh"),
    (7, "cwnd"),
    (9, "reordering"),
    (_ADVMSS, "advmss"),
    (_HOPLIMIT, "hop_limit"),
    (_INITCWND, "initcwnd"),
    (_INITRWND, "initrwnd"),
    (_QUICKACK, "quickack"),
    (_NO_COOKIE, "fastopen_no_cookie"),
)
_MOST: Final = {_MTU: 65535 - 15, _ADVMSS: 65535 - 40, _HOPLIMIT: 255}
_ECN: Final = 1
_FEATURES_KNOWN: Final = 0x1F
_MS: Final = 1_000_000
_HOP: Final = struct.Struct("<HBBi")  # struct rtnexthop


def read_metrics(raw: bytes) -> RouteMetrics:
    """ip_metrics_convert. EINVAL, EOPNOTSUPP."""
    found = RouteMetrics()
    fields = dict(_PLAIN)
    asked = nl.attributes_in(raw)
    for kind, value in asked.items():
        if not kind:
            continue
        if kind > _METRIC_MOST:
            raise nl.Refusal(errno.EINVAL, "Invalid metric type")
        if kind == _CC:
            name = value.split(b"\0", 1)[0].decode("latin-1")
            if name not in ALGORITHMS:
                raise nl.Refusal(errno.EINVAL, "Unknown tcp congestion algorithm")
            found.congestion = name
            continue
        if len(value) != 4:
            raise nl.Refusal(errno.EINVAL, "Invalid attribute in metrics")
        number = int.from_bytes(value, "little")
        if kind == _FEATURES:
            if number & ~_FEATURES_KNOWN:
                raise nl.Refusal(errno.EINVAL, "Unknown flag set in feature mask in metrics attribute")
            if number & ~_ECN:
                raise SyscallError(errno.EOPNOTSUPP)
            found.ecn = number
        elif kind == _RTO_MIN:
            found.rto_min_ns = number * _MS
        elif kind == _LOCK:
            if number & (1 << METRIC_CWND | 1 << METRIC_CONGESTION):
                raise SyscallError(errno.EOPNOTSUPP)
            found.locked = number
        elif kind in fields:
            setattr(found, fields[kind], min(number, _MOST.get(kind, number)))
        elif number:
            raise SyscallError(errno.EOPNOTSUPP)
    return found


def metrics_body(metrics: RouteMetrics) -> bytes:
    """RTA_METRICS, when there are any."""
    if metrics is NO_METRICS:
        return b""
    values = {kind: getattr(metrics, name) for kind, name in _PLAIN}
    values[_FEATURES], values[_RTO_MIN] = metrics.ecn, metrics.rto_min_ns // _MS
    values[_LOCK] = metrics.locked
    parts = [nl.u32(kind, value) for kind, value in sorted(values.items()) if value]
    if metrics.congestion:
        parts.append(nl.string(_CC, metrics.congestion))
    return nl.attribute(RTA_METRICS, b"".join(parts)) if parts else b""


class AskedHop:
    """One struct rtnexthop and its attributes."""

    def __init__(self, flags: int, weight: int, number: int, gateway: bytes) -> None:
        self.flags = flags
        self.weight = weight
        self.number = number
        self.gateway = gateway


def read_hops(raw: bytes, size: int) -> list[AskedHop]:
    """RTA_MULTIPATH. EINVAL, EOPNOTSUPP."""
    found: list[AskedHop] = []
    at = 0
    while at + _HOP.size <= len(raw):
        length, flags, hops, number = _HOP.unpack_from(raw, at)
        if length < _HOP.size or at + length > len(raw):
            break
        attributes = nl.attributes_in(raw[at + _HOP.size : at + length])
        gateway = attributes.get(RTA_GATEWAY, b"")
        if set(attributes) - {RTA_GATEWAY} or flags & ~(RTNH_F_ONLINK | RTNH_F_LINKDOWN | 1):
            raise SyscallError(errno.EOPNOTSUPP)
        if gateway and len(gateway) != size:
            raise SyscallError(errno.EINVAL)
        if flags & ~RTNH_F_ONLINK:
            raise nl.Refusal(errno.EINVAL, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN")
        found.append(AskedHop(flags, hops + 1, number, gateway))
        at += (length + 3) & ~3
    if at < len(raw) or not found:
        raise nl.Refusal(errno.EINVAL, "Invalid nexthop configuration - extra data after nexthops")
    return found


def hops_body(hops: list[NextHop]) -> bytes:
    """RTA_MULTIPATH of a row."""
    parts = []
    for hop in hops:
        gateway = nl.attribute(RTA_GATEWAY, hop.gateway) if hop.gateway else b""
        flags = (RTNH_F_ONLINK if hop.onlink else 0) | (0 if has_carrier(hop.nic) else RTNH_F_LINKDOWN)
        parts.append(_HOP.pack(_HOP.size + len(gateway), flags, hop.weight - 1, hop.nic.number) + gateway)
    return nl.attribute(RTA_MULTIPATH, b"".join(parts))
