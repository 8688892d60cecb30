"""SO_TIMESTAMPING of a connection: when the last byte of a write was sent for the first time, and acknowledged.

Source: Documentation/networking/timestamping.rst 1.3.3, 1.4 (byte streams), net/ipv4/tcp.c:tcp_tx_timestamp. What comes over
the error queue has no packet with it: without SOF_TIMESTAMPING_OPT_TSONLY it is said to have been cut off.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip.addr import AF_INET
from tcpip.sockopt import MSG_ERRQUEUE, MSG_TRUNC
from tcpip.transport.endpoint import Control, Message
from tcpip.transport.tcp import state as st
from tcpip.transport.timestamping import (
    ACK,
    KEY,
    OPT_ID,
    OPT_ID_TCP,
    OPT_TSONLY,
    SCHED,
    SND,
    TX_ACK,
    TX_RECORD,
    TX_SCHED,
    TX_SOFTWARE,
    SentStamp,
    flags_of,
    set_flags,
)
from tcpip.waiter import EVENT_ERR

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

MAX_OUTSTANDING: Final = 1024
MAX_QUEUED: Final = 256


class TxStamps:
    """`base` is the byte that counts as the first (SOF_TIMESTAMPING_OPT_ID). Sequence numbers are unwrapped."""

    __slots__ = ("base", "unsent", "unacked", "done")

    def __init__(self) -> None:
        self.base = 0
        self.unsent: deque[tuple[int, int, int]] = deque()  # (where a write ends, its flags, its key)
        self.unacked: deque[tuple[int, int]] = deque()
        self.done: deque[SentStamp] = deque()

    def written(self, end: int, flags: int) -> None:
        """A write up to `end`; too many at a time go without."""
        if len(self.unsent) + len(self.unacked) < MAX_OUTSTANDING:
            key = end - 1 - self.base if flags & OPT_ID else 0
            self.unsent.append((end, flags, key))

    def _tell(self, ep: TcpEndpoint, event: int, key: int) -> None:
        if len(self.done) < MAX_QUEUED:
            self.done.append(SentStamp(event, key, ep.stack.clock.realtime_ns(), b""))
            ep.raise_events(EVENT_ERR)

    def sent(self, ep: TcpEndpoint, nxt: int) -> None:
        """Everything before `nxt` has left."""
        while self.unsent and self.unsent[0][0] <= nxt:
            end, flags, key = self.unsent.popleft()
            if flags & TX_SCHED:
                self._tell(ep, SCHED, key)
            if flags & TX_SOFTWARE:
                self._tell(ep, SND, key)
            if flags & TX_ACK:
                self.unacked.append((end, key))

    def acknowledged(self, ep: TcpEndpoint, una: int) -> None:
        """Everything before `una` is through."""
        while self.unacked and self.unacked[0][0] <= una:
            self._tell(ep, ACK, self.unacked.popleft()[1])

    def receive(self, ep: TcpEndpoint) -> Message:
        """recvmsg(2) with MSG_ERRQUEUE; there is one in `done`."""
        cut = 0 if ep.so.kept.get(KEY, 0) & OPT_TSONLY else MSG_TRUNC  # the packet is not kept
        return Message(0, None, self.done.popleft().messages(ep.so, ep.family == AF_INET), MSG_ERRQUEUE | cut)


def set_timestamping(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    """SO_TIMESTAMPING: bytes are counted from the first that is not acknowledged, or not written yet, on."""
    unconnected = ep.state in (st.CLOSED, st.LISTEN)
    before = set_flags(ep.so, name, value, unconnected)
    flags = flags_of(ep.so, None)
    if ep.tx_stamps is None and flags & (TX_RECORD | OPT_ID):
        ep.tx_stamps = TxStamps()
    if flags & OPT_ID & ~before and ep.tx_stamps is not None:
        ep.tx_stamps.base = ep.snd.buf.end if flags & OPT_ID_TCP else ep.snd.una


def note_write(ep: TcpEndpoint, control: list[Control] | None) -> None:
    """The last byte in the send buffer is the last of a write."""
    flags = flags_of(ep.so, control)
    if flags & TX_RECORD:
        if ep.tx_stamps is None:
            ep.tx_stamps = TxStamps()
        ep.tx_stamps.written(ep.snd.buf.end, flags)
