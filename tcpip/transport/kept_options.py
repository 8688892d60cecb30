"""Socket options that are a number which Linux checks and keeps: their defaults, bounds and who may set them.

`SocketOptions.kept` holds the values that were set, by level and name; whoever acts on one reads it with `kept_value`.
What each does, also where it can have no effect here, is in `tcpip/option_table.py`.
Source: net/core/sock.c, net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6
from tcpip.errors import NetError, NetworkError

if TYPE_CHECKING:
    from tcpip.transport.socket_options import SocketOptions

INT_MIN: Final = -(1 << 31)
INT_MAX: Final = (1 << 31) - 1

ANYBODY: Final = 0
ADMIN_TO_RAISE: Final = 1
"""CAP_NET_ADMIN is needed for more than there is already."""

EVERY: Final = 0
STREAM: Final = 1
DATAGRAM: Final = 2
RAW: Final = 3
"""Raw sockets keep it themselves."""


class Kept:
    """One option. A `flag` is 1 for every number but 0. `elsewhere` is what sockets of other kinds than `kind` answer to
    setsockopt (None: they have the option, too), `readable` whether getsockopt has it."""

    __slots__ = ("default", "low", "high", "flag", "privilege", "readable", "settable", "kind", "elsewhere")

    def __init__(
        self,
        default: int = 0,
        low: int = INT_MIN,
        high: int = INT_MAX,
        flag: bool = False,
        privilege: int = ANYBODY,
        readable: bool = True,
        settable: bool = True,
        kind: int = EVERY,
        elsewhere: NetError | None = None,
    ) -> None:
        self.default = default
        self.low = low
        self.high = high
        self.flag = flag
        self.privilege = privilege
        self.readable = readable
        self.settable = settable
        self.kind = kind
        self.elsewhere = elsewhere

    def checked(self, number: int, now: int, privileged: bool) -> int:
        """What is kept of `number` where `now` was. NOT_PERMITTED, INVALID_ARGUMENT, NO_SUCH_OPTION."""
        if not self.settable:
            raise NetworkError(errors.NO_SUCH_OPTION)
        value = int(number != 0) if self.flag else number
        if self.privilege == ADMIN_TO_RAISE and value > now and not privileged:
            raise NetworkError(errors.NOT_PERMITTED)
        if not self.low <= value <= self.high:
            raise NetworkError(errors.INVALID_ARGUMENT)
        return value

    def fits(self, stream: bool) -> bool:
        """Sockets of this kind have it."""
        return self.kind != RAW and (self.kind == EVERY or (self.kind == STREAM) == stream)


_FLAG: Final = Kept(flag=True)

SOCKET: Final[dict[int, Kept]] = {
    so.SO_BSDCOMPAT: Kept(0, flag=False),
    so.SO_RXQ_OVFL: _FLAG,
    so.SO_WIFI_STATUS: _FLAG,
    so.SO_SELECT_ERR_QUEUE: _FLAG,
    so.SO_NOFCS: _FLAG,
    so.SO_BUSY_POLL: Kept(0, 0),
    so.SO_BPF_EXTENSIONS: Kept(64, settable=False),
    so.SO_INCOMING_NAPI_ID: Kept(0, settable=False),
    so.SO_PREFER_BUSY_POLL: Kept(flag=True, privilege=ADMIN_TO_RAISE),
    so.SO_BUSY_POLL_BUDGET: Kept(8, 0, 65535, privilege=ADMIN_TO_RAISE, readable=False),
    so.SO_TXREHASH: Kept(1, -1, 1, kind=STREAM, elsewhere=errors.NOT_SUPPORTED),
    so.SO_RCVMARK: _FLAG,
    so.SO_INCOMING_CPU: Kept(-1),
}

IP: Final[dict[int, Kept]] = {
    so.IP_PASSSEC: _FLAG,
    so.IP_RECVORIGDSTADDR: _FLAG,
    so.IP_CHECKSUM: _FLAG,
    so.IP_NODEFRAG: Kept(kind=RAW, elsewhere=errors.NO_SUCH_OPTION),
    so.IP_ROUTER_ALERT: Kept(kind=RAW, elsewhere=errors.INVALID_ARGUMENT),
    so.IP_RECVERR_RFC4884: Kept(0, 0, 1),
    so.IP_RECVFRAGSIZE: Kept(flag=True, kind=DATAGRAM, elsewhere=errors.INVALID_ARGUMENT),
}

IPV6: Final[dict[int, Kept]] = {
    so.IPV6_2292PKTINFO: _FLAG,
    so.IPV6_2292HOPOPTS: _FLAG,
    so.IPV6_2292DSTOPTS: _FLAG,
    so.IPV6_2292RTHDR: _FLAG,
    so.IPV6_2292HOPLIMIT: _FLAG,
    so.IPV6_FLOWINFO: _FLAG,
    so.IPV6_RECVHOPOPTS: _FLAG,
    so.IPV6_RECVRTHDR: _FLAG,
    so.IPV6_RECVDSTOPTS: _FLAG,
    so.IPV6_DONTFRAG: _FLAG,
    so.IPV6_RECVFRAGSIZE: _FLAG,
    so.IPV6_ROUTER_ALERT: Kept(kind=RAW, elsewhere=errors.NO_SUCH_OPTION),
    so.IPV6_ROUTER_ALERT_ISOLATE: _FLAG,
    so.IPV6_RECVPATHMTU: _FLAG,
    so.IPV6_RECVERR_RFC4884: Kept(0, 0, 1),
    so.IPV6_MINHOPCOUNT: Kept(0, 0, 255),
    so.IPV6_RECVORIGDSTADDR: _FLAG,
}


def find(family: int, level: int, name: int) -> Kept | None:
    """The option that sockets of `family` have, None when it is none of these."""
    if level == so.SOL_SOCKET:
        return SOCKET.get(name)
    if level == so.SOL_IP:
        return IP.get(name)
    return IPV6.get(name) if level == so.SOL_IPV6 and family == AF_INET6 else None


def kept_value(options: SocketOptions, level: int, name: int) -> int:
    """What was set last, or the default (0 of flags)."""
    value = options.kept.get((level, name))
    if value is None:
        rule = find(AF_INET6, level, name)
        return 0 if rule is None else rule.default
    return value


def set_kept(options: SocketOptions, rule: Kept, level: int, name: int, number: int) -> None:
    """setsockopt(2) of what `find` found."""
    if not rule.fits(options.stream) and rule.elsewhere is not None:
        raise NetworkError(rule.elsewhere)
    value = rule.checked(number, kept_value(options, level, name), options.privileged)
    if (level, name) == (so.SOL_SOCKET, so.SO_TXREHASH) and value < 0:
        value = rule.default
    if (level, name) != (so.SOL_SOCKET, so.SO_BSDCOMPAT):  # ... which Linux has forgotten but for its number
        options.kept = {**options.kept, (level, name): value}  # shared with who was accepted: never changed in place


def get_kept(options: SocketOptions, family: int, level: int, name: int) -> int | None:
    """getsockopt(2) of one of these; None when it is none."""
    rule = find(family, level, name)
    if rule is None or not rule.readable:
        return None
    if not rule.fits(options.stream) and level == so.SOL_SOCKET and rule.elsewhere is not None:
        raise NetworkError(rule.elsewhere)
    return kept_value(options, level, name)
