"""What control messages choose for one datagram, and what it leaves with.

Source: net/ipv4/ip_sockglue.c: ip_cmsg_send, net/ipv6/datagram.c: ip6_datagram_send_ctl, RFC 3542 6.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6, SockAddr, is_any, unmapped
from tcpip.errors import NetworkError
from tcpip.transport.flow_labels import SocketLabels, chosen_info, with_info
from tcpip.transport.option_values import in_range
from tcpip.transport.sent_headers import (
    MAX_OPTIONS,
    MESSAGES,
    SentHeaders,
    SentOptions,
    compiled_options,
    headers_with,
)

if TYPE_CHECKING:
    from tcpip.transport.datagram import DatagramEndpoint
    from tcpip.transport.endpoint import Control

_INT: Final = struct.Struct("=i")
_PKTINFO: Final = struct.Struct("=i4s4s")
_PKTINFO6: Final = struct.Struct("=16si")
_FLOWINFO: Final = 0x0FFFFFFF


class SendOptions:
    """Per-datagram choices from control messages; -1 and 0 mean the endpoint's own."""

    __slots__ = ("source", "nic", "ttl", "tos", "headers", "ip_options", "flow", "dont_fragment")

    def __init__(self) -> None:
        self.source = b""
        self.nic = 0
        self.ttl = -1
        self.tos = -1
        self.headers: SentHeaders | None = None
        self.ip_options: SentOptions | None = None
        self.flow = 0
        self.dont_fragment = -1  # 0 or 1: IPV6_DONTFRAG


def parse_control(ep: DatagramEndpoint, control: list[Control] | None) -> SendOptions:
    """INVALID_ARGUMENT for a message that is not understood. Those of other levels are not for us."""
    choices = SendOptions()
    if not control:
        return choices
    options = ep.options
    levels = (so.SOL_IP, so.SOL_IPV6) if ep.family == AF_INET6 else (so.SOL_IP,)
    for level, kind, data in control:
        if level not in levels:
            continue
        if level == so.SOL_IP and kind == so.IP_PKTINFO and len(data) == 12:
            choices.nic, choices.source, _ = _PKTINFO.unpack_from(data)
        elif level == so.SOL_IPV6 and kind in (so.IPV6_PKTINFO, so.IPV6_2292PKTINFO) and len(data) >= 20:
            source, choices.nic = _PKTINFO6.unpack_from(data)
            choices.source = unmapped(source)
        elif (level, kind) in _INT_CONTROLS and len(data) == 4:
            value: int = _INT.unpack(data)[0]
            if not _INT_CONTROLS[level, kind] <= value <= 255:
                raise NetworkError(errors.INVALID_ARGUMENT)
            if kind in (so.IP_TTL, so.IPV6_HOPLIMIT, so.IPV6_2292HOPLIMIT):
                choices.ttl = value
            else:
                choices.tos = value
        elif level == so.SOL_IP and kind == so.IP_TOS and len(data) == 1:
            choices.tos = data[0]
        elif level == so.SOL_IP and kind == so.IP_RETOPTS:
            choices.ip_options = compiled_options(data[:MAX_OPTIONS], options.privileged)
        elif level == so.SOL_IPV6 and kind == so.IPV6_FLOWINFO and len(data) >= 4:
            choices.flow = int.from_bytes(data[:4], "big") & _FLOWINFO
        elif level == so.SOL_IPV6 and kind in MESSAGES:
            choices.headers = headers_with(choices.headers, kind, data, options.privileged)
        elif level == so.SOL_IPV6 and kind == so.IPV6_DONTFRAG and len(data) == 4:
            choices.dont_fragment = in_range(_INT.unpack(data)[0], 0, 1)
        else:
            raise NetworkError(errors.INVALID_ARGUMENT)
    if choices.source and is_any(choices.source):
        choices.source = b""
    elif choices.source and not ep.stack.is_local(choices.source):
        raise NetworkError(errors.INVALID_ARGUMENT)
    return choices


def sent_tos(ep: DatagramEndpoint, four: bool, address: SockAddr | None, choices: SendOptions) -> int:
    """The type of service of a datagram; of IPv6 the traffic class with the flow label (flow_labels.py). INVALID_ARGUMENT."""
    options = ep.options
    tos = choices.tos
    if four:
        return tos if tos >= 0 else options.tos
    if tos < 0:
        tos = options.traffic_class
    info = choices.flow
    if info:
        if options.labels is not None:
            ep.stack.flow_labels.check(options.labels, info)
        elif ep.stack.flow_labels.leased:
            ep.stack.flow_labels.check(SocketLabels(), info)
    elif options.labels is not None:
        info = chosen_info(ep.stack, options, address)
    return with_info(ep.stack, options, tos, info)


# The least value of each.
_INT_CONTROLS: Final = {
    (so.SOL_IP, so.IP_TTL): 1,
    (so.SOL_IP, so.IP_TOS): 0,
    (so.SOL_IPV6, so.IPV6_HOPLIMIT): -1,
    (so.SOL_IPV6, so.IPV6_2292HOPLIMIT): -1,
    (so.SOL_IPV6, so.IPV6_TCLASS): -1,
}
