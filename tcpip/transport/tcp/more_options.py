"""Options of level IPPROTO_TCP that are kept for later or only tell something (net/ipv4/tcp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from tcpip.errors import NetworkError
from tcpip.transport.option_values import in_range, int_value
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import DELACK_MAX_NS, RTO_MAX_NS, RTO_MIN_NS

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.segment import Segment

TCP_IS_MPTCP: Final = 43
WITH_LINK_HEADER: Final = 2
_TIMES: Final[dict[int, tuple[int, int, int]]] = {
    so.TCP_RTO_MAX_MS: (NS_PER_MS, NS_PER_S, RTO_MAX_NS),
    so.TCP_RTO_MIN_US: (NS_PER_US, 2 * NS_PER_MS, RTO_MIN_NS),
    so.TCP_DELACK_MAX_US: (NS_PER_US, 2 * NS_PER_MS, DELACK_MAX_NS),
}
"""Unit, least and most, ns."""


def set_more(ep: TcpEndpoint, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    options = ep.tcp_options
    if name == so.TCP_ULP:
        if isinstance(value, int) or not value:
            raise NetworkError(errors.INVALID_ARGUMENT)
        raise NetworkError(errors.NO_SUCH_FILE)  # as where no module brings one
    if name == so.TCP_THIN_LINEAR_TIMEOUTS:
        options.thin_linear = in_range(int_value(value), 0, 1) != 0
    elif name == so.TCP_THIN_DUPACK:
        in_range(int_value(value), 0, 1)  # early retransmission for thin streams is always on: RACK brings it
    elif name == so.TCP_SAVE_SYN:
        options.save_syn = in_range(int_value(value), 0, WITH_LINK_HEADER)
    elif name == so.TCP_TX_DELAY:
        options.tx_delay = in_range(int_value(value), 0, 0x7FFFFFFF)
    elif name in _TIMES:
        _set_time(ep, name, int_value(value))
    else:
        return False
    return True


def _set_time(ep: TcpEndpoint, name: int, number: int) -> None:
    """TCP_RTO_MAX_MS, TCP_RTO_MIN_US, TCP_DELACK_MAX_US: bounds of timers, of this socket (since Linux 6.15 and 6.16)."""
    options = ep.tcp_options
    unit, least, most = _TIMES[name]
    time = number * unit
    if not least <= time <= most:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if name == so.TCP_RTO_MAX_MS:
        options.rto_max_ns = ep.snd.rtt.most = time
    elif name == so.TCP_RTO_MIN_US:
        options.rto_min_ns = ep.snd.rtt.least = time
    else:
        options.delack_max_ns = time


def get_more(ep: TcpEndpoint, name: int) -> int | bytes | None:
    """getsockopt(2); None when the option is none of these."""
    options = ep.tcp_options
    if name == so.TCP_ULP:
        return b""
    if name == so.TCP_THIN_LINEAR_TIMEOUTS:
        return int(options.thin_linear)
    if name in (so.TCP_THIN_DUPACK, TCP_IS_MPTCP):
        return 0
    if name == so.TCP_SAVE_SYN:
        return options.save_syn
    if name in _TIMES:
        times = (options.rto_max_ns, options.rto_min_ns, options.delack_max_ns)
        return times[name - so.TCP_RTO_MAX_MS] // _TIMES[name][0]
    if name == so.TCP_SAVED_SYN:
        saved, options.saved_syn = options.saved_syn, b""
        return saved
    if name == so.TCP_TX_DELAY:
        return options.tx_delay
    if name == so.TCP_CC_INFO:
        info = ep.snd.cc.info()
        return bytes(len(info)) if ep.state in (st.CLOSED, st.LISTEN) else info
    if name == so.TCP_ZEROCOPY_RECEIVE:  # sockets cannot be mapped, so no address is one's mapping
        raise NetworkError(errors.INVALID_ARGUMENT)
    return None


def saved_syn(save: int, seg: Segment) -> bytes:
    """TCP_SAVED_SYN: the headers of a SYN, from the network's on, or from the link's (tcp_reqsk_record_syn)."""
    if not save:
        return b""
    pkt = seg.pkt
    return pkt.data[pkt.link if save == WITH_LINK_HEADER else pkt.network : seg.start]
