"""The kernel's log: lines for the operator, and the boot lines that dmesg(1) shows inside."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from tcpip.waiter import EVENT_IN, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.syslog import LogReader

DEBUG: Final = 0
INFO: Final = 1
WARNING: Final = 2
ERROR: Final = 3

LEVEL_NAMES: Final = ("debug", "info", "warning", "error")
RING_LINES: Final = 1000
INFO_PRIORITY: Final = 6


def printable(text: str) -> str:
    """Control characters escaped, so that what comes from a guest cannot forge or hide log lines."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class KernelLog:
    """`sink(level, line)` gets each line of at least `level`; without a sink nothing is written."""

    def __init__(self, sink: Callable[[int, str], None] | None = None, level: int = INFO) -> None:
        self.sink = sink
        self.level = level
        self.dmesg: deque[tuple[int, str, int]] = deque(maxlen=RING_LINES)  # (ns since boot, line, facility and level)
        self.total = 0  # lines that there ever were; the last one's number is one less
        self.queue = WaitQueue()  # of those who wait for more
        self._reader: LogReader | None = None

    def reader(self) -> LogReader:
        """Who reads the ring as a stream: one for all, made when it is first asked for."""
        if self._reader is None:
            from sandbox.kernel.syslog import LogReader

            self._reader = LogReader(self)
        return self._reader

    def write(self, level: int, text: str) -> None:
        """One entry of one line: what ends a line in `text` is escaped like everything else."""
        sink = self.sink
        if sink is not None and level >= self.level:
            sink(level, printable(text))

    def debug(self, text: str) -> None:
        """Detail for developers."""
        self.write(DEBUG, text)

    def info(self, text: str) -> None:
        """Something worth knowing."""
        self.write(INFO, text)

    def warning(self, text: str) -> None:
        """Something that may explain a later failure."""
        self.write(WARNING, text)

    def error(self, text: str) -> None:
        """Something that is wrong in the sandbox itself."""
        self.write(ERROR, text)

    def boot(self, since_boot_ns: int, text: str) -> None:
        """A line that the guest can read through syslog(2)."""
        self.append(since_boot_ns, printable(text), INFO_PRIORITY)

    def append(self, since_boot_ns: int, text: str, priority: int) -> None:
        """The same with a priority, of a `text` that is escaped when it is read."""
        self.dmesg.append((since_boot_ns, text, priority))
        self.total += 1
        self.queue.notify(EVENT_IN)

    def first(self) -> int:
        """The number of the oldest line that is still there."""
        return self.total - len(self.dmesg)
