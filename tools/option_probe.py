"""Asks fresh endpoints of each kind whether they have an option."""

from __future__ import annotations

import struct
from typing import Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.stack.stack import Stack

LEVELS: Final = (so.SOL_SOCKET, so.SOL_IP, so.SOL_IPV6, so.SOL_TCP, so.SOL_UDP)
_VALUES: Final = (struct.pack("=i", 0), struct.pack("=i", 1), bytes(8), bytes(12), bytes(20), bytes(256), bytes(264))
_KINDS: Final = (
    ("TCP", so.SOCK_STREAM, 0),
    ("UDP", so.SOCK_DGRAM, 0),
    ("raw", so.SOCK_RAW, 253),
)


def _there(call: object, *arguments: object) -> bool:
    try:
        call(*arguments)  # type: ignore[operator]
    except NetworkError as error:
        return error.error is not errors.NO_SUCH_OPTION
    return True


def answers(level: int, name: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The kinds of endpoints whose getsockopt, and whose setsockopt, know the option: what they answer is not that there
    is no such option."""
    getting, setting = [], []
    for kind, sock_type, protocol in _KINDS:
        stack = Stack(ManualClock())
        families = (AF_INET6,) if level == so.SOL_IPV6 else (AF_INET,)
        for family in families:
            ep = stack.new_endpoint(family, sock_type, protocol)
            if _there(ep.get_option, level, name):
                getting.append(kind)
            if any(_there(ep.set_option, level, name, value) for value in _VALUES):
                setting.append(kind)
    return tuple(getting), tuple(setting)
