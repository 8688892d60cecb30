"""Socket options of level IPPROTO_TCP, by Linux's numbers, and those of SOL_SOCKET that mean something special here.

What is in none of these modules answers NO_SUCH_OPTION: it is not implemented, and a program must see that.
Source: tcp(7), include/uapi/linux/tcp.h, net/ipv4/tcp.c:do_tcp_setsockopt, do_tcp_getsockopt.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6
from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.errors import NetworkError
from tcpip.transport.address_form import ADDRESS_FORM, get_address_form, set_address_form
from tcpip.transport.ip_options import get_ip, mtu_of, set_ip
from tcpip.transport.option_values import in_range, int_value
from tcpip.transport.sent_headers import STICKY
from tcpip.transport.tcp import repair
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.addressing import headers_changed
from tcpip.transport.tcp.config import DELACK_MAX_NS, RTO_INITIAL_NS, RTO_MAX_NS, TcpConfig
from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.info import tcp_info
from tcpip.transport.tcp.md5 import Md5Keys, set_key
from tcpip.transport.tcp.more_options import get_more, set_more
from tcpip.transport.tcp.packet_options import IP_OPTIONS_OF_PACKETS, packet_options
from tcpip.transport.tcp.tx_stamps import set_timestamping
from tcpip.transport.timestamping import NAMES, get_flags

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

_SOCKADDR_IN: Final = struct.Struct("=H2s4s8x")
_SOCKADDR_IN6: Final = struct.Struct("=H2sI16sI")
TCP_NODELAY: Final = 1
TCP_MAXSEG: Final = 2
TCP_CORK: Final = 3
TCP_KEEPIDLE: Final = 4
TCP_KEEPINTVL: Final = 5
TCP_KEEPCNT: Final = 6
TCP_SYNCNT: Final = 7
TCP_LINGER2: Final = 8
TCP_DEFER_ACCEPT: Final = 9
TCP_WINDOW_CLAMP: Final = 10
TCP_INFO: Final = 11
TCP_QUICKACK: Final = 12
TCP_CONGESTION: Final = 13
TCP_USER_TIMEOUT: Final = 18
TCP_NOTSENT_LOWAT: Final = 25
TCP_INQ: Final = 36
TCP_FASTOPEN: Final = 23
TCP_FASTOPEN_CONNECT: Final = 30
TCP_FASTOPEN_KEY: Final = 33
TCP_FASTOPEN_NO_COOKIE: Final = 34

MAX_KEEPIDLE: Final = 32767
MAX_KEEPINTVL: Final = 32767
MAX_KEEPCNT: Final = 127
MAX_SYNCNT: Final = 127
MAX_LINGER2_NS: Final = 120 * NS_PER_S
MAX_WINDOW: Final = 32767
MIN_MSS: Final = 88
NAME_MAX: Final = 16


class TcpSocketOptions:
    """Values of one endpoint; inherited by accepted connections."""

    __slots__ = (
        "nodelay",
        "cork",
        "user_mss",
        "keep_idle_ns",
        "keep_intvl_ns",
        "keep_count",
        "syn_retries",
        "linger2_ns",
        "defer_accept",
        "window_clamp",
        "congestion",
        "user_timeout_ns",
        "notsent_lowat",
        "notsent_lowat_set",
        "inq",
        "fastopen_queue",
        "fastopen_key",
        "fastopen_no_cookie",
        "fastopen_connect",
        "thin_linear",
        "save_syn",
        "saved_syn",
        "tx_delay",
        "rto_max_ns",
        "rto_min_ns",
        "delack_max_ns",
        "md5",
    )

    def __init__(self, config: TcpConfig) -> None:
        self.nodelay = False
        self.cork = False
        self.user_mss = 0
        self.keep_idle_ns = config.keepalive_time_ns
        self.keep_intvl_ns = config.keepalive_intvl_ns
        self.keep_count = config.keepalive_probes
        self.syn_retries = config.syn_retries
        self.linger2_ns = config.fin_timeout_ns
        self.defer_accept = 0
        self.window_clamp = 0
        self.congestion = config.congestion
        self.user_timeout_ns = 0
        self.notsent_lowat = config.notsent_lowat
        self.notsent_lowat_set = 0
        self.inq = False
        self.fastopen_queue = 0
        self.fastopen_key = b""
        self.fastopen_no_cookie = False
        self.fastopen_connect = False
        self.thin_linear = False
        self.save_syn = 0
        self.saved_syn = b""
        self.rto_max_ns, self.rto_min_ns, self.delack_max_ns = config.rto_max_ns, config.rto_min_ns, DELACK_MAX_NS
        self.md5: Md5Keys | None = None
        self.tx_delay = 0  # microseconds; only queueing disciplines that there are none of hold packets back for it

    def copy(self, config: TcpConfig) -> TcpSocketOptions:
        """What an accepted connection inherits."""
        other = TcpSocketOptions(config)
        for name in _FIELDS:
            setattr(other, name, getattr(self, name))
        return other


_FIELDS: Final = tuple(
    (
        "nodelay cork user_mss keep_idle_ns keep_intvl_ns keep_count syn_retries linger2_ns defer_accept window_clamp "
        "congestion user_timeout_ns notsent_lowat inq thin_linear save_syn tx_delay "
        "rto_max_ns rto_min_ns delack_max_ns"
    ).split()
)


def set_option(ep: TcpEndpoint, level: int, name: int, value: int | bytes) -> None:
    """setsockopt(2)."""
    if level == so.SOL_TCP:
        _set_tcp(ep, name, value)
        return
    if level == so.SOL_SOCKET and name in (so.SO_BINDTODEVICE, so.SO_BINDTOIFINDEX):
        ep.bind_to_device(name, value)
        return
    if (level, name) == (so.SOL_SOCKET, so.SO_CNX_ADVICE):
        if int_value(value) == 1 and ep.remote_addr:
            ep.stack.path_mtus.forget(ep.remote_addr)
        return
    if level == so.SOL_SOCKET and name in NAMES:
        set_timestamping(ep, name, value)
        return
    if level == so.SOL_SOCKET and name == so.SO_ZEROCOPY:
        ep.so.zerocopy = in_range(int_value(value), 0, 1) != 0
        return
    if (ep.family, level, name) == ADDRESS_FORM:
        set_address_form(ep, value, ep.state == st.ESTABLISHED, ep.remote_addr)
        return
    if set_ip(ep.stack, ep.family, ep.so, level, name, value):
        return
    if (ep.family, level, name) == (AF_INET6, so.SOL_IPV6, so.IPV6_V6ONLY) and ep.hold is not None:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if not ep.so.set(ep.family, level, name, value):
        raise NetworkError(errors.NO_SUCH_OPTION)
    ep.options_changed()
    if level == so.SOL_IP and name == so.IP_OPTIONS or level == so.SOL_IPV6 and name in STICKY:
        headers_changed(ep)
    if level == so.SOL_SOCKET and name in (so.SO_RCVBUF, so.SO_RCVBUFFORCE):
        ep.rcv.space_of.resized(ep.so.rcvbuf)
    if level == so.SOL_SOCKET and name == so.SO_RCVLOWAT:
        _limit_rcvlowat(ep)
    if level == so.SOL_SOCKET and name == so.SO_KEEPALIVE:
        ep.timers.arm_keepalive(ep.stack.clock.now_ns())


def _limit_rcvlowat(ep: TcpEndpoint) -> None:
    """What is waited for must fit in the window (net/ipv4/tcp.c:tcp_set_rcvlowat)."""
    shared = ep.so
    limit = (shared.rcvbuf if shared.rcvbuf_locked else ep.config.rmem[2]) // 2
    shared.rcvlowat = min(shared.rcvlowat, limit)
    if not shared.rcvbuf_locked and shared.rcvlowat * 2 > shared.rcvbuf:
        shared.rcvbuf = shared.rcvlowat * 2
        ep.rcv.space_of.resized(shared.rcvbuf)
    if ep.rcv.queue.size:
        ep.text_ready()


def _set_tcp(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    options = ep.tcp_options
    if name == TCP_CONGESTION:
        _set_congestion(ep, value)
        return
    if name in (so.TCP_MD5SIG, so.TCP_MD5SIG_EXT):
        set_key(ep, name, value)
        return
    if name in repair.OPTIONS:
        repair.set_option(ep, name, value)
        return
    if set_more(ep, name, value):
        return
    if name in (TCP_FASTOPEN, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE, TCP_FASTOPEN_CONNECT):
        _set_fast_open(ep, name, value)
        return
    number = int_value(value)
    if name == TCP_NODELAY:
        options.nodelay = number != 0
        if options.nodelay:
            ep.push_now()
    elif name == TCP_CORK:
        options.cork = number != 0
        if not options.cork:
            ep.push_now()
    elif name == TCP_MAXSEG:
        if number and not MIN_MSS <= number <= MAX_WINDOW:
            raise NetworkError(errors.INVALID_ARGUMENT)
        options.user_mss = number
    elif name == TCP_QUICKACK:
        _set_quickack(ep, number)
    elif name == TCP_INQ:
        if not 0 <= number <= 1:
            raise NetworkError(errors.INVALID_ARGUMENT)
        options.inq = number != 0
    elif name == TCP_LINGER2:
        options.linger2_ns = -1 if number < 0 else min(number * NS_PER_S or ep.config.fin_timeout_ns, MAX_LINGER2_NS)
    elif name == TCP_DEFER_ACCEPT:
        options.defer_accept = _retries_in(max(number, 0))
    elif name == TCP_WINDOW_CLAMP:
        if number == 0 and ep.state != st.CLOSED:
            raise NetworkError(errors.INVALID_ARGUMENT)
        options.window_clamp = max(number, 2304 // 2) if number else 0
    elif name == TCP_USER_TIMEOUT:
        options.user_timeout_ns = not_negative(number) * NS_PER_MS
    elif name == TCP_NOTSENT_LOWAT:
        options.notsent_lowat = number & 0xFFFFFFFF or ep.config.notsent_lowat
        options.notsent_lowat_set = number
        ep.write_space()
    else:
        _set_limits(ep, name, number)


def _set_limits(ep: TcpEndpoint, name: int, number: int) -> None:
    """Options that are a number between 1 and a maximum."""
    options = ep.tcp_options
    if name == TCP_KEEPIDLE:
        options.keep_idle_ns = checked(number, MAX_KEEPIDLE) * NS_PER_S
        if ep.so.keepalive:
            ep.timers.arm_keepalive(ep.stack.clock.now_ns())
    elif name == TCP_KEEPINTVL:
        options.keep_intvl_ns = checked(number, MAX_KEEPINTVL) * NS_PER_S
    elif name == TCP_KEEPCNT:
        options.keep_count = checked(number, MAX_KEEPCNT)
    elif name == TCP_SYNCNT:
        options.syn_retries = checked(number, MAX_SYNCNT)
    else:
        raise NetworkError(errors.NO_SUCH_OPTION)


def checked(number: int, maximum: int) -> int:
    """`number` in 1..maximum, or INVALID_ARGUMENT."""
    if not 1 <= number <= maximum:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return number


def not_negative(number: int) -> int:
    """`number`, or INVALID_ARGUMENT."""
    if number < 0:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return number


def _retries_in(seconds: int) -> int:
    """TCP_DEFER_ACCEPT is kept as the number of SYN-ACKs that so much time has room for (secs_to_retrans)."""
    retries = 0
    while _retries_last(retries) < seconds and retries < 255:
        retries += 1
    return retries


def _retries_last(retries: int) -> int:
    """Seconds (retrans_to_secs)."""
    first, most = RTO_INITIAL_NS // NS_PER_S, RTO_MAX_NS // NS_PER_S
    return sum([min(first << number, most) for number in range(retries)])


def _set_fast_open(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    """Of a listener, or what will be one (RFC 7413); keys are one or two of 16 bytes."""
    options = ep.tcp_options
    if name == TCP_FASTOPEN_KEY:
        if isinstance(value, int) or len(value) not in (16, 32):
            raise NetworkError(errors.INVALID_ARGUMENT)
        options.fastopen_key = bytes(value)
        return
    number = int_value(value)
    if name == TCP_FASTOPEN_CONNECT:
        _set_fast_open_connect(ep, number)
        return
    if ep.state not in (st.CLOSED, st.LISTEN) or number < 0:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if name == TCP_FASTOPEN:
        options.fastopen_queue = min(number, ep.config.somaxconn)
    elif number > 1:
        raise NetworkError(errors.INVALID_ARGUMENT)
    else:
        options.fastopen_no_cookie = number != 0


def _set_fast_open_connect(ep: TcpEndpoint, number: int) -> None:
    """Of a client, before it connects."""
    if not 0 <= number <= 1:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if not ep.config.fastopen & 1:
        raise NetworkError(errors.NOT_SUPPORTED)
    if ep.state != st.CLOSED:
        raise NetworkError(errors.INVALID_ARGUMENT)
    ep.tcp_options.fastopen_connect = number != 0


def _set_quickack(ep: TcpEndpoint, number: int) -> None:
    rcv = ep.rcv
    if number == 0:
        rcv.pingpong = True
        return
    rcv.pingpong = False
    rcv.quick_acks = max(rcv.quick_acks, 1)
    if ep.timers.delack.deadline is not None and (not rcv.queue.size or rcv.nxt - rcv.wup > rcv.mss_est):
        ep.send_ack(ep.stack.clock.now_ns())


def _set_congestion(ep: TcpEndpoint, value: int | bytes) -> None:
    if isinstance(value, int) or not value:
        raise NetworkError(errors.INVALID_ARGUMENT)
    name = bytes(value).split(b"\0", 1)[0][: NAME_MAX - 1].decode("ascii", "replace")
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise NetworkError(errors.NO_SUCH_FILE)
    ep.tcp_options.congestion = name
    old = ep.snd.cc
    if old.name != name:
        ep.snd.use(algorithm(old.mss))
        ep.snd.cc.cwnd = old.cwnd
        ep.snd.cc.ssthresh = old.ssthresh
        if ep.snd.rtt.srtt:
            ep.snd.cc.on_established(ep.snd.rtt.srtt)


def get_option(ep: TcpEndpoint, level: int, name: int) -> int | bytes:
    """getsockopt(2)."""
    if level == so.SOL_TCP:
        return _get_tcp(ep, name)
    if level == so.SOL_SOCKET:
        if name in NAMES:
            return get_flags(ep.so, name)
        if name == so.SO_ZEROCOPY:
            return int(ep.so.zerocopy)
        if name == so.SO_TYPE:
            return ep.type
        if name == so.SO_PROTOCOL:
            return ep.protocol
        if name == so.SO_DOMAIN:
            return ep.family
        if name == so.SO_ACCEPTCONN:
            return int(ep.state == st.LISTEN)
        if name == so.SO_BINDTODEVICE:
            nic = ep.stack.nics.get(ep.so.nic)
            return nic.name.encode() + b"\0" if nic is not None else b""
    if (level, name) == IP_OPTIONS_OF_PACKETS:
        return packet_options(ep)
    if (ep.family, level, name) == ADDRESS_FORM:
        return get_address_form(ep, ep.state == st.ESTABLISHED)
    if level in (so.SOL_IP, so.SOL_IPV6):
        special = get_ip(ep.stack, ep.family, ep.so, level, name, ep.local_port)
        if special is None:
            special = mtu_of(ep.family, level, name, ep.route)
        if special is None and (level, name) == (so.SOL_IP, so.IP_MULTICAST_IF):
            special = bytes(4)
        if special is None and (level, name) == (so.SOL_IPV6, so.IPV6_MULTICAST_IF):
            special = 0
        if special is not None:
            return special
    if name == so.SO_ORIGINAL_DST and level == (so.SOL_IP if len(ep.local_addr) == 4 else so.SOL_IPV6):
        return _original_destination(ep)
    value = ep.so.get(ep.family, level, name)
    if value is None:
        raise NetworkError(errors.NO_SUCH_OPTION)
    return value


def _original_destination(ep: TcpEndpoint) -> bytes:
    """SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST: where the peer wanted to go before it was translated, as struct sockaddr_in or
    sockaddr_in6 (net/netfilter/nf_conntrack_proto.c: getorigdst). NO_SUCH_FILE when nothing tracks the connection."""
    netfilter = ep.stack.netfilter
    if netfilter is None:
        raise NetworkError(errors.NO_SUCH_OPTION)
    flow = (so.IPPROTO_TCP, ep.local_addr, ep.remote_addr, ep.local_port, ep.remote_port)
    connection = netfilter.conntrack.table.get(flow)
    if connection is None:
        raise NetworkError(errors.NO_SUCH_FILE)
    _, _, addr, _, port = connection.original
    if len(addr) == 4:
        return _SOCKADDR_IN.pack(AF_INET, port.to_bytes(2, "big"), addr)
    return _SOCKADDR_IN6.pack(AF_INET6, port.to_bytes(2, "big"), 0, addr, ep.scope_id)


def _get_tcp(ep: TcpEndpoint, name: int) -> int | bytes:
    options = ep.tcp_options
    if name in repair.OPTIONS:
        return repair.get_option(ep, name)
    more = get_more(ep, name)
    if more is not None:
        return more
    if name == TCP_INFO:
        return tcp_info(ep)
    if name == TCP_CONGESTION:
        return options.congestion.encode().ljust(NAME_MAX, b"\0")
    if name == TCP_MAXSEG:
        return ep.segment_size()
    if name == TCP_FASTOPEN_KEY:
        return options.fastopen_key or ep.config.fastopen_key
    if name == TCP_LINGER2:
        return -1 if options.linger2_ns < 0 else options.linger2_ns // NS_PER_S
    if name == TCP_QUICKACK:
        return int(not ep.rcv.pingpong)
    numbers = {
        TCP_NODELAY: int(options.nodelay),
        TCP_CORK: int(options.cork),
        TCP_KEEPIDLE: options.keep_idle_ns // NS_PER_S,
        TCP_KEEPINTVL: options.keep_intvl_ns // NS_PER_S,
        TCP_KEEPCNT: options.keep_count,
        TCP_SYNCNT: options.syn_retries,
        TCP_DEFER_ACCEPT: _retries_last(options.defer_accept),
        TCP_WINDOW_CLAMP: ep.rcv.space_of.told_clamp(options.window_clamp),
        TCP_USER_TIMEOUT: options.user_timeout_ns // NS_PER_MS,
        TCP_NOTSENT_LOWAT: options.notsent_lowat_set,
        TCP_INQ: int(options.inq),
        TCP_FASTOPEN: options.fastopen_queue,
        TCP_FASTOPEN_NO_COOKIE: int(options.fastopen_no_cookie),
        TCP_FASTOPEN_CONNECT: int(options.fastopen_connect),
    }
    number = numbers.get(name)
    if number is None:
        raise NetworkError(errors.NO_SUCH_OPTION)
    return number
