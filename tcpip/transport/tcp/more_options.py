"""Options of level IPPROTO_TCP that are kept for later or only tell something (net/ipv4/tcp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.transport.option_values import in_range, int_value
from tcpip.transport.tcp import state as st

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.segment import Segment

TCP_IS_MPTCP: Final = 43
WITH_LINK_HEADER: Final = 2


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
    else:
        return False
    return True


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
