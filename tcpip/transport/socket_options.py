"""The options that all endpoints share: SOL_SOCKET, IPPROTO_IP and IPPROTO_IPV6 values, checked as Linux checks them.

An endpoint owns one `SocketOptions`; `set` and `get` answer False / None for names that the protocol must handle itself.
Source: net/core/sock.c, net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c.
"""

from __future__ import annotations

import operator
import struct
from typing import TYPE_CHECKING, Callable, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6
from tcpip.errors import NetworkError
from tcpip.header.priority import priority_of_tos
from tcpip.transport.buffer_limits import BufferLimits
from tcpip.transport.kept_options import find, get_kept, set_kept
from tcpip.transport.option_values import in_range, int_or_char_value, int_value
from tcpip.transport.reuse_group import ReusePortGroup, set_group_program
from tcpip.transport.sent_headers import STICKY, SentHeaders, SentOptions, compiled_options, set_header
from tcpip.transport.socket_level import get_more, set_more

if TYPE_CHECKING:
    from tcpip.transport.flow_labels import SocketLabels

MIN_RCVBUF: Final = 2304
MIN_SNDBUF: Final = 4608
SELECT_ERROR_QUEUE: Final = (so.SOL_SOCKET, so.SO_SELECT_ERR_QUEUE)
MIN_HOPS: Final = (so.SOL_IPV6, so.IPV6_MINHOPCOUNT)
_LINGER: Final = struct.Struct("=ii")


class SocketOptions:
    """Values as Linux keeps them. -1 means "the default" for ttl and hop limits. Buffer sizes are Linux's doubled ones."""

    __slots__ = (
        "reuse_addr",
        "reuse_port",
        "broadcast",
        "keepalive",
        "oob_inline",
        "dont_route",
        "no_check",
        "priority",
        "mark",
        "linger",
        "rcvbuf",
        "sndbuf",
        "rcvbuf_locked",
        "sndbuf_locked",
        "waiting",
        "on_room",
        "rcvlowat",
        "timestamp",
        "timestamp_ns",
        "zerocopy",
        "filter",
        "filter_locked",
        "max_pacing_rate",
        "nic",
        "owner",
        "owner_group",
        "privileged",
        "buffers",
        "ttl",
        "tos",
        "pmtudisc",
        "recverr",
        "pktinfo",
        "recv_ttl",
        "recv_tos",
        "recv_options",
        "return_options",
        "freebind",
        "bind_no_port",
        "transparent",
        "min_ttl",
        "multicast_ttl",
        "multicast_loop",
        "multicast_all",
        "hop_limit",
        "traffic_class",
        "v6only",
        "pmtudisc6",
        "recverr6",
        "pktinfo6",
        "recv_hop_limit",
        "recv_traffic_class",
        "multicast_hops",
        "multicast_loop6",
        "multicast_all6",
        "kept",
        "stream",
        "time_new",
        "peek_off",
        "peeks",
        "unicast_nic",
        "unicast_nic6",
        "port_range",
        "preferences",
        "headers",
        "labels",
        "anycast",
        "ip_options",
        "sticky_nic",
        "group",
        "hashed",
    )

    def __init__(self, buffers: BufferLimits | None = None) -> None:
        self.buffers = buffers if buffers is not None else BufferLimits()
        self.reuse_addr = False
        self.reuse_port = False
        self.broadcast = False
        self.keepalive = False
        self.oob_inline = False
        self.dont_route = False
        self.no_check = False
        self.priority = 0
        self.mark = 0
        self.linger = -1
        self.rcvbuf = self.buffers.rmem_default
        self.sndbuf = self.buffers.wmem_default
        self.rcvbuf_locked = False
        self.sndbuf_locked = False
        self.waiting = 0  # bytes of packets that wait for a neighbour's address
        self.on_room: Callable[[], None] | None = None  # called once there are fewer again than half of sndbuf
        self.rcvlowat = 1
        self.timestamp = False
        self.timestamp_ns = False
        self.zerocopy = False
        self.filter = b""  # SO_ATTACH_FILTER: packed instructions; empty: none
        self.filter_locked = False
        self.max_pacing_rate = -1  # bytes/s; -1: no bound
        self.nic = 0
        self.owner = 0
        self.owner_group = 0
        self.privileged = False
        self.ttl = -1
        self.tos = 0
        self.pmtudisc = so.PMTUDISC_WANT
        self.recverr = False
        self.pktinfo = False
        self.recv_ttl = False
        self.recv_tos = False
        self.recv_options = False
        self.return_options = False
        self.freebind = False
        self.bind_no_port = False
        self.transparent = False
        self.min_ttl = 0
        self.multicast_ttl = 1
        self.multicast_loop = True
        self.multicast_all = True
        self.hop_limit = -1
        self.traffic_class = 0
        self.v6only = False
        self.pmtudisc6 = so.PMTUDISC_WANT
        self.recverr6 = False
        self.pktinfo6 = False
        self.recv_hop_limit = False
        self.recv_traffic_class = False
        self.multicast_hops = 1
        self.multicast_loop6 = True
        self.multicast_all6 = True
        self._init_newer()

    def _init_newer(self) -> None:
        self.kept: dict[tuple[int, int], int] = {}  # of kept_options.py; replaced, never changed
        self.stream = False
        self.time_new = False  # SO_TIMESTAMP_NEW or SO_TIMESTAMPNS_NEW set the flags, so theirs are the messages
        self.peek_off = -1
        self.peeks = False  # SO_PEEK_OFF is there
        self.unicast_nic = 0
        self.unicast_nic6 = 0
        self.port_range = 0  # IP_LOCAL_PORT_RANGE as it is packed
        self.preferences = 0x500  # of source addresses (RFC 5014)

        self.headers: SentHeaders | None = None
        self.labels: SocketLabels | None = None  # flow labels of IPv6
        self.anycast: tuple[tuple[bytes, int], ...] = ()  # IPV6_JOIN_ANYCAST: addresses and interfaces
        self.ip_options: SentOptions | None = None
        self.sticky_nic = 0  # IPV6_PKTINFO
        self.group: ReusePortGroup | None = None  # of who shares its port
        self.hashed = False  # it is where packets find it

    def copy(self) -> SocketOptions:
        """What an accepted connection inherits."""
        other = SocketOptions(self.buffers)
        for name, value, before in zip(_FIELDS, _values(self), _values(other), strict=True):
            if value is not before:
                setattr(other, name, value)
        if self.labels is not None:
            other.labels = self.labels.child()
        return other

    def screens(self) -> bool:
        """Not every packet comes through to who owns these options."""
        return bool(self.filter or self.min_ttl or self.kept.get(MIN_HOPS))

    def min_hops(self, four: bool) -> int:
        """IP_MINTTL, IPV6_MINHOPCOUNT: what has fewer left is not taken (RFC 5082)."""
        return self.min_ttl if four else self.kept.get(MIN_HOPS, 0)

    def set(self, family: int, level: int, name: int, value: int | bytes) -> bool:
        """setsockopt(2); False when the option is not one of these."""
        if level == so.SOL_SOCKET:
            done = self._set_socket(name, value)
        elif level == so.SOL_IP:
            done = self._set_ip(name, value)
        elif level == so.SOL_IPV6 and family == AF_INET6:
            done = self._set_ipv6(name, value)
        else:
            return False
        rule = None if done else find(family, level, name)
        if rule is None:
            return done
        if (
            level == so.SOL_IPV6
            and name in (so.IPV6_DONTFRAG, so.IPV6_RECVFRAGSIZE)
            and isinstance(value, bytes)
            and len(value) < 4
        ):
            value = 0
        set_kept(self, rule, level, name, int_or_char_value(value) if level == so.SOL_IP else int_value(value))
        return True

    def get(self, family: int, level: int, name: int) -> int | bytes | None:
        """getsockopt(2); None when the option is not one of these."""
        kept = get_kept(self, family, level, name)
        if kept is not None:
            return kept
        if level == so.SOL_SOCKET:
            return self._get_socket(name)
        if level == so.SOL_IP:
            if name == so.IP_OPTIONS:
                return self.ip_options.given if self.ip_options is not None else b""
            attribute = _IP_GET.get(name)
        elif level == so.SOL_IPV6 and family == AF_INET6:
            if name in STICKY:
                return self.headers.header(name) if self.headers is not None else b""
            attribute = _IPV6_GET.get(name)
        else:
            return None
        if attribute is None:
            return None
        number = int(getattr(self, attribute))
        return 64 if number == -1 else number

    def _set_socket(self, name: int, value: int | bytes) -> bool:
        attribute = _SOCKET_FLAGS.get(name)
        if attribute is not None:
            setattr(self, attribute, int_value(value) != 0)
        elif name in (so.SO_RCVBUF, so.SO_RCVBUFFORCE):
            limit = self._buffer_limit(name == so.SO_RCVBUFFORCE, self.buffers.rmem_max)
            self.rcvbuf = max(min(int_value(value) & 0xFFFFFFFF, limit) * 2, MIN_RCVBUF)
            self.rcvbuf_locked = True
        elif name in (so.SO_SNDBUF, so.SO_SNDBUFFORCE):
            limit = self._buffer_limit(name == so.SO_SNDBUFFORCE, self.buffers.wmem_max)
            self.sndbuf = max(min(int_value(value) & 0xFFFFFFFF, limit) * 2, MIN_SNDBUF)
            self.sndbuf_locked = True
        elif name == so.SO_LINGER:
            if isinstance(value, int) or len(value) < 8:
                raise NetworkError(errors.INVALID_ARGUMENT)
            on, seconds = _LINGER.unpack_from(value)
            self.linger = max(seconds, 0) if on else -1
        elif name == so.SO_PRIORITY:
            number = int_value(value)
            if not 0 <= number <= 6 and not self.privileged:
                raise NetworkError(errors.NOT_PERMITTED)
            self.priority = number
        elif name == so.SO_MARK:
            number = int_value(value)
            if not self.privileged:
                raise NetworkError(errors.NOT_PERMITTED)
            self.mark = number & 0xFFFFFFFF
        elif name in (so.SO_ATTACH_FILTER, so.SO_DETACH_FILTER):
            from tcpip.transport.socket_filter import set_filter

            set_filter(self, name, value if name == so.SO_ATTACH_FILTER else int_value(value))
        elif name in (so.SO_ATTACH_REUSEPORT_CBPF, so.SO_DETACH_REUSEPORT_BPF):
            set_group_program(self, name, value)
        elif name == so.SO_LOCK_FILTER:
            from tcpip.transport.socket_filter import lock_filter

            lock_filter(self, int_value(value) != 0)
        elif name == so.SO_RCVLOWAT:
            number = int_value(value)
            self.rcvlowat = 0x7FFFFFFF if number < 0 else number or 1
        elif name == so.SO_SNDLOWAT:
            raise NetworkError(errors.NO_SUCH_OPTION)
        else:
            return set_more(self, name, value)
        return True

    def _buffer_limit(self, force: bool, most: int) -> int:
        if not force:
            return most
        if not self.privileged:
            raise NetworkError(errors.NOT_PERMITTED)
        return 1 << 24

    def _get_socket(self, name: int) -> int | bytes | None:
        attribute = _SOCKET_FLAGS.get(name) or _SOCKET_INTS.get(name)
        if attribute is not None:
            return int(getattr(self, attribute))
        if name == so.SO_LINGER:
            return _LINGER.pack(int(self.linger >= 0), max(self.linger, 0))
        if name == so.SO_SNDLOWAT:
            return 1
        if name == so.SO_ATTACH_FILTER:  # SO_GET_FILTER
            return self.filter
        return get_more(self, name)

    def _set_ip(self, name: int, value: int | bytes) -> bool:
        if name == so.IP_OPTIONS:
            data = value.to_bytes(4, "little", signed=True) if isinstance(value, int) else value
            self.ip_options = compiled_options(data, self.privileged)
            return True
        if value == b"" and name in _NEVER_EMPTY:
            raise NetworkError(errors.INVALID_ARGUMENT)
        attribute = _IP_FLAGS.get(name)
        if attribute is not None:
            setattr(self, attribute, int_or_char_value(value) != 0)
            return True
        if name == so.IP_TOS:
            tos = self._without_ecn(int_or_char_value(value) & 0xFF, self.tos)
            if tos != self.tos:
                self.tos, self.priority = tos, priority_of_tos(tos)
        elif name == so.IP_TTL:
            number = int_or_char_value(value)
            if number != -1 and not 1 <= number <= 255:
                raise NetworkError(errors.INVALID_ARGUMENT)
            self.ttl = number
        elif name == so.IP_MULTICAST_TTL:
            number = int_or_char_value(value)
            if not -1 <= number <= 255:
                raise NetworkError(errors.INVALID_ARGUMENT)
            self.multicast_ttl = 1 if number == -1 else number
        elif name == so.IP_MTU_DISCOVER:
            self.pmtudisc = in_range(int_or_char_value(value), 0, 5)
        elif name == so.IP_TRANSPARENT:
            self._set_transparent(int_or_char_value(value))
        elif name == so.IP_MULTICAST_ALL:
            self.multicast_all = in_range(int_or_char_value(value), 0, 1) != 0
        elif name == so.IP_MINTTL:
            self.min_ttl = in_range(int_or_char_value(value), 0, 255)
        else:
            return False
        return True

    def _without_ecn(self, value: int, before: int) -> int:
        """The lowest two bits are a stream's own (RFC 3168)."""
        return value & ~3 | before & 3 if self.stream else value

    def _set_transparent(self, value: int) -> None:
        if value and not self.privileged:
            raise NetworkError(errors.NOT_PERMITTED)
        self.transparent = value != 0

    def _set_ipv6(self, name: int, value: int | bytes) -> bool:
        attribute = _IPV6_FLAGS.get(name)
        if attribute is not None:
            setattr(self, attribute, int_value(value) != 0)
            return True
        if name in STICKY:
            set_header(self, name, value)
        elif name == so.IPV6_TRANSPARENT:
            self._set_transparent(int_value(value))
        elif name == so.IPV6_UNICAST_HOPS:
            self.hop_limit = in_range(int_value(value), -1, 255)
        elif name == so.IPV6_MULTICAST_HOPS:
            number = in_range(int_value(value), -1, 255)
            self.multicast_hops = 1 if number == -1 else number
        elif name == so.IPV6_TCLASS:
            self.traffic_class = self._without_ecn(max(in_range(int_value(value), -1, 255), 0), self.traffic_class)
        elif name == so.IPV6_MTU_DISCOVER:
            self.pmtudisc6 = in_range(int_value(value), 0, 5)
        elif name == so.IPV6_MULTICAST_LOOP:
            self.multicast_loop6 = in_range(int_value(value), 0, 1) != 0
        else:
            return False
        return True


_NEVER_EMPTY: Final = (
    so.IP_MULTICAST_LOOP,
    so.IP_FREEBIND,
    so.IP_TRANSPARENT,
    so.IP_TTL,
    so.IP_MULTICAST_TTL,
    so.IP_MULTICAST_ALL,
    so.IP_MINTTL,
)
_FIELD_NAMES: Final = (
    "reuse_addr reuse_port broadcast keepalive oob_inline dont_route no_check priority mark linger rcvbuf sndbuf "
    "rcvbuf_locked sndbuf_locked rcvlowat timestamp timestamp_ns zerocopy filter filter_locked max_pacing_rate nic owner owner_group privileged ttl tos pmtudisc "
    "recverr pktinfo recv_ttl recv_tos recv_options return_options freebind bind_no_port transparent min_ttl multicast_ttl multicast_loop multicast_all "
    "hop_limit traffic_class v6only pmtudisc6 recverr6 pktinfo6 recv_hop_limit recv_traffic_class multicast_hops "
    "multicast_loop6 multicast_all6 kept stream time_new peek_off peeks "
    "unicast_nic unicast_nic6 port_range preferences headers ip_options sticky_nic"
)
_FIELDS: Final = tuple(_FIELD_NAMES.split())
_values: Final = operator.attrgetter(*_FIELDS)
_SOCKET_FLAGS: Final[dict[int, str]] = {
    so.SO_REUSEADDR: "reuse_addr",
    so.SO_REUSEPORT: "reuse_port",
    so.SO_BROADCAST: "broadcast",
    so.SO_KEEPALIVE: "keepalive",
    so.SO_OOBINLINE: "oob_inline",
    so.SO_DONTROUTE: "dont_route",
    so.SO_NO_CHECK: "no_check",
}
_SOCKET_INTS: Final[dict[int, str]] = {
    so.SO_RCVBUF: "rcvbuf",
    so.SO_SNDBUF: "sndbuf",
    so.SO_PRIORITY: "priority",
    so.SO_MARK: "mark",
    so.SO_RCVLOWAT: "rcvlowat",
    so.SO_BINDTOIFINDEX: "nic",
    so.SO_LOCK_FILTER: "filter_locked",
}
_IP_FLAGS: Final[dict[int, str]] = {
    so.IP_RECVERR: "recverr",
    so.IP_PKTINFO: "pktinfo",
    so.IP_RECVTTL: "recv_ttl",
    so.IP_RECVTOS: "recv_tos",
    so.IP_RECVOPTS: "recv_options",
    so.IP_RETOPTS: "return_options",
    so.IP_FREEBIND: "freebind",
    so.IP_BIND_ADDRESS_NO_PORT: "bind_no_port",
    so.IP_MULTICAST_LOOP: "multicast_loop",
}
_IP_GET: Final[dict[int, str]] = {
    **_IP_FLAGS,
    so.IP_TOS: "tos",
    so.IP_TTL: "ttl",
    so.IP_MULTICAST_TTL: "multicast_ttl",
    so.IP_MTU_DISCOVER: "pmtudisc",
    so.IP_MULTICAST_ALL: "multicast_all",
    so.IP_MINTTL: "min_ttl",
    so.IP_TRANSPARENT: "transparent",
}
_IPV6_FLAGS: Final[dict[int, str]] = {
    so.IPV6_V6ONLY: "v6only",
    so.IPV6_MULTICAST_ALL: "multicast_all6",
    so.IPV6_FREEBIND: "freebind",
    so.IPV6_RECVERR: "recverr6",
    so.IPV6_RECVPKTINFO: "pktinfo6",
    so.IPV6_RECVHOPLIMIT: "recv_hop_limit",
    so.IPV6_RECVTCLASS: "recv_traffic_class",
}
_IPV6_GET: Final[dict[int, str]] = {
    **_IPV6_FLAGS,
    so.IPV6_UNICAST_HOPS: "hop_limit",
    so.IPV6_MULTICAST_HOPS: "multicast_hops",
    so.IPV6_MULTICAST_LOOP: "multicast_loop6",
    so.IPV6_TCLASS: "traffic_class",
    so.IPV6_MTU_DISCOVER: "pmtudisc6",
    so.IPV6_TRANSPARENT: "transparent",
}
