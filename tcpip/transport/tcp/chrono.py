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
    """Times are ns. `kind` is what holds now, since `since`."""

    __slots__ = ("kind", "since", "spent")

    def __init__(self) -> None:
        self.kind = IDLE
        self.since = 0
        self.spent = [0, 0, 0, 0]

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
