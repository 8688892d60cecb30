"""One tracked connection: its tuples both ways, what has been translated, how long it may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.filter.flow_tuple import ORIGINAL, REPLY, FlowTuple, invert
from tcpip.filter.tracking import EVENT_MARK
from tcpip.timers import Timer

if TYPE_CHECKING:
    from tcpip.filter.conntrack import Conntrack
    from tcpip.filter.tcp_states import TcpTrack
    from tcpip.stack.nic import Nic


class Connection:
    """`tuples[ORIGINAL]` is the first packet's as it came in, `tuples[REPLY]` what an answer to it looks like.

    `translated` and `decided` hold SRC and DST bits: what differs from the plain inversion, and for which of both the
    nat table was asked. `number` tells it from all others of the stack. `assured`: traffic went both ways as it does in earnest, so it is not dropped early.
    `watched`: who watches is told of it, `events` what there is to tell with the next packet; `counted`: its packets and bytes are told.
    `fixed`: it does not live longer when it is used.
    """

    __slots__ = (
        "owner",
        "number",
        "original",
        "reply",
        "confirmed",
        "seen_reply",
        "assured",
        "translated",
        "decided",
        "mark",
        "packets",
        "bytes",
        "tcp",
        "stream_at",
        "masquerade_nic",
        "deadline",
        "timer",
        "watched",
        "events",
        "counted",
        "fixed",
    )

    def __init__(self, owner: Conntrack, flow: FlowTuple) -> None:
        self.owner = owner
        self.number = owner.new_number()
        self.original = flow
        self.reply = invert(flow)
        self.confirmed = False
        self.seen_reply = False
        self.assured = False
        self.translated = 0
        self.decided = 0
        self.mark = 0
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.tcp: TcpTrack | None = None
        self.stream_at = 0
        self.masquerade_nic: Nic | None = None
        self.deadline = 0
        self.timer: Timer | None = None
        self.watched = False
        self.events = 0
        self.counted = False
        self.fixed = False

    @property
    def protocol(self) -> int:
        """IPPROTO_*."""
        return self.original[0]

    def tuple_of(self, direction: int) -> FlowTuple:
        """Of ORIGINAL or REPLY."""
        return self.original if direction == ORIGINAL else self.reply

    def direction_of(self, flow: FlowTuple) -> int:
        """Which of both a packet's tuple is."""
        return ORIGINAL if flow == self.original else REPLY

    def stay(self, until: int) -> None:
        """Live until then, ns; before it is confirmed it has no timer."""
        if self.fixed:
            return
        self.deadline = until
        if self.timer is not None:
            self.timer.arm(until)

    def set_mark(self, mark: int) -> None:
        """Whoever watches is told if it is another one."""
        if mark != self.mark:
            self.mark = mark
            self.events |= EVENT_MARK

    def expired(self) -> None:
        """Its time is up."""
        self.owner.remove(self)
