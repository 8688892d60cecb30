"""What a connection's sender was held up by: TCP_INFO's busy time, and how much of it the peer's window or the send buffer
was the limit (net/ipv4/tcp_output.c: tcp_chrono_start, tcp_cwnd_validate)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.transport.tcp.sender import Sender

IDLE: Final = 0
BUSY: Final = 1
WINDOW: Final = 2
BUFFER: Final = 3


class Chrono:
    """Times are ns. `kind` is what holds now, since `since`. Beside it time-outs of retransmission, and the time from the
    first of a row to the next acknowledgement; `rto_since` -1: there is none."""

    __slots__ = ("kind", "since", "spent", "total_rto", "rto_recoveries", "rto_since", "rto_time")

    def __init__(self) -> None:
        self.kind = IDLE
        self.since = 0
        self.spent = [0, 0, 0, 0]
        self.total_rto = 0
        self.rto_recoveries = 0
        self.rto_since = -1
        self.rto_time = 0

    def timed_out(self, first: bool, now: int) -> None:
        """A retransmission timer has fired, for the `first` time in a row or again (tcp_update_rto_stats)."""
        self.total_rto += 1
        if first:
            self.rto_recoveries += 1
            self.rto_since = now

    def acknowledged(self, now: int) -> None:
        """Something new came through."""
        if self.rto_since >= 0:
            self.rto_time += now - self.rto_since
            self.rto_since = -1

    def rto_ms(self, now: int) -> int:
        """How long the connection was in time-outs."""
        return (self.rto_time + (now - self.rto_since if self.rto_since >= 0 else 0)) // 1_000_000

    def look(self, snd: Sender, now: int) -> None:
        """After the sender has done what it could."""
        unsent = snd.buf.end - snd.nxt
        if snd.buf.end <= snd.una:
            kind = IDLE
        elif unsent > 0:
            kind = WINDOW if snd.una + snd.wnd - snd.nxt < min(unsent, snd.mss) else BUSY
        else:
            kind = BUFFER if snd.ep.no_space and not snd.cwnd_limited else BUSY
        if kind != self.kind:
            self.spent[self.kind] += now - self.since
            self.kind = kind
            self.since = now

    def times(self, now: int) -> tuple[int, int, int]:
        """Busy in all, limited by the window, by the buffer: microseconds."""
        spent = list(self.spent)
        spent[self.kind] += now - self.since
        busy, window, buffer = (part // 1000 for part in spent[BUSY:])
        return busy + window + buffer, window, buffer
