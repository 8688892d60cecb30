"""How long the handling of packets may go on before others have their turn, and what one packet may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.clock import Clock

TOIL_MOST: Final = 4096  # some milliseconds
FLUSH_NS: Final = 4_000_000  # the same for what is not counted
PROGRAMS_MOST: Final = 16384  # instructions of the programs of all the sockets that one packet is for


class Toil:
    """What filters have compared, of packets that are under way, and the time that it took: a batch that takes long is divided.
    Stacks that share one share the bound, too. `used`: there are such filters, or programs at sockets."""

    __slots__ = ("used", "done", "_began", "_until", "_clock", "_met", "_left")

    def __init__(self) -> None:
        self.used = False
        self.done = 0
        self._began = 0
        self._until = 0
        self._clock: Clock | None = None
        self._met: object = None
        self._left = 0

    def begin(self, clock: Clock) -> bool:
        """From now on it counts. False: it does already, for somebody whose packets have come here."""
        if self._clock is not None:
            return False
        self._clock = clock
        self._began = self.done
        self._until = clock.now_ns() + FLUSH_NS
        return True

    def end(self) -> None:
        """Of who began."""
        self._clock = self._met = None

    def meets(self, packet: object, program: bytes) -> bool:
        """A packet, which may be for many sockets, is to pass the program of one more: whether there is time for that."""
        if packet is not self._met:
            self._met, self._left = packet, PROGRAMS_MOST
        elif self._left <= 0:
            return False
        count = len(program) >> 3
        self._left -= count
        self.done += count
        return True

    def enough(self) -> bool:
        """It is time for others."""
        if self.done - self._began > TOIL_MOST:
            return True
        return self._clock is not None and self._clock.now_ns() > self._until
