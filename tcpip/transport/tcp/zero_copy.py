"""MSG_ZEROCOPY: each write has a number, and the error queue says when the peer has acknowledged it.

The text is copied into the send buffer as ever, which the notifications admit: they say SO_EE_CODE_ZEROCOPY_COPIED, as
Linux's do for a loopback or a tun device. Bounded: the numbers of what is under way are ranges that join where they touch.
Source: net/core/skbuff.c:msg_zerocopy_realloc, __msg_zerocopy_callback; Documentation/networking/msg_zerocopy.rst.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import Control, Message

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

ORIGIN_ZEROCOPY: Final = 5
CODE_COPIED: Final = 1
MAX_OUTSTANDING: Final = 1024
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
_NOBODY_4: Final = bytes(16)
_NOBODY_6: Final = bytes(28)


class ZeroCopy:
    """One connection's writes with MSG_ZEROCOPY. Sequence numbers are unwrapped."""

    __slots__ = ("next_number", "under_way", "done")

    def __init__(self) -> None:
        self.next_number = 0
        self.under_way: deque[tuple[int, int]] = deque()  # (where the write ends, its number)
        self.done: deque[tuple[int, int]] = deque()  # ranges of numbers that the user has not asked for

    def check_room(self) -> None:
        """NO_BUFFER_SPACE: too many writes are not acknowledged, or not asked for."""
        if len(self.under_way) >= MAX_OUTSTANDING:
            raise NetworkError(errors.NO_BUFFER_SPACE)

    def written(self, end: int) -> None:
        """One write, up to sequence number `end`."""
        self.under_way.append((end, self.next_number))
        self.next_number = (self.next_number + 1) & 0xFFFFFFFF

    def acknowledged(self, una: int) -> bool:
        """Everything before `una` is through; True when there is news for the error queue."""
        news = False
        while self.under_way and self.under_way[0][0] <= una:
            _, number = self.under_way.popleft()
            if self.done and self.done[-1][1] == number - 1:
                self.done[-1] = (self.done[-1][0], number)
            else:
                self.done.append((number, number))
            news = True
        return news

    def receive(self, family: int) -> Message:
        """recvmsg(2) with MSG_ERRQUEUE."""
        if not self.done:
            raise NetworkError(errors.WOULD_BLOCK)
        first, last = self.done.popleft()
        data = _EXTENDED_ERROR.pack(0, ORIGIN_ZEROCOPY, 0, CODE_COPIED, 0, first, last)
        if family == AF_INET:
            control: Control = (so.SOL_IP, so.IP_RECVERR, data + _NOBODY_4)
        else:
            control = (so.SOL_IPV6, so.IPV6_RECVERR, data + _NOBODY_6)
        return Message(0, None, [control], so.MSG_ERRQUEUE)


def number_writes(ep: TcpEndpoint) -> ZeroCopy | None:
    """Who numbers a write with MSG_ZEROCOPY, which is ignored unless SO_ZEROCOPY is set."""
    if not ep.so.zerocopy:
        return None
    if ep.zero_copy is None:
        ep.zero_copy = ZeroCopy()
    ep.zero_copy.check_room()
    return ep.zero_copy
