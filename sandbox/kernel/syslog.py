"""Who reads the kernel's log as a stream, /proc/kmsg and syslog(2), and what has been cleared (kernel/printk/printk.c).

There is one reader in all, whoever it is: what one has taken nobody else gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.kernel.log import printable

if TYPE_CHECKING:
    from sandbox.kernel.log import KernelLog

CONSOLE_LEVELS: Final = (
    4,
    4,
    1,
    7,
)  # console, messages without a level, the least of the console's, the console's first
NS: Final = 1_000_000_000


class LogReader:
    """`next`: the number of the record that is read next, of which `taken` bytes have been. `cleared`: records before that are
    not shown by who reads all. `console`: the level below which a console would show records."""

    __slots__ = ("log", "next", "taken", "cleared", "console", "_saved")

    def __init__(self, log: KernelLog) -> None:
        self.log = log
        self.next = self.taken = self.cleared = 0
        self.console = CONSOLE_LEVELS[0]
        self._saved: int | None = None

    def _record(self, number: int) -> bytes:
        at, line, priority = self.log.dmesg[number - self.log.first()]
        return b"<%d>[%5d.%06d] %s\n" % (priority, at // NS, at % NS // 1000, printable(line).encode())

    def _catch_up(self) -> None:
        first = self.log.first()
        if self.next < first:
            self.next, self.taken = first, 0

    def waits(self) -> bool:
        """There is something to read (SYSLOG_ACTION_SIZE_UNREAD of /proc/kmsg)."""
        return self.next < self.log.total

    def unread(self) -> int:
        """In bytes."""
        self._catch_up()
        return sum([len(self._record(number)) for number in range(self.next, self.log.total)]) - self.taken

    def take(self, size: int) -> bytes:
        """Whole records, or a part of one when nothing else is there (syslog_print)."""
        self._catch_up()
        out = b""
        while self.next < self.log.total:
            rest = self._record(self.next)[self.taken :]
            room = size - len(out)
            if len(rest) > room:
                if not out:
                    self.taken += room
                    out = rest[:room]
                break
            out += rest
            self.next, self.taken = self.next + 1, 0
        return out

    def last(self, size: int) -> bytes:
        """As many of the last records as fit; none that were cleared (syslog_print_all)."""
        parts: list[bytes] = []
        for number in range(self.log.total - 1, max(self.log.first(), self.cleared) - 1, -1):
            record = self._record(number)
            size -= len(record)
            if size < 0:
                break
            parts.append(record)
        return b"".join(reversed(parts))

    def clear(self) -> None:
        """Who reads all sees what comes from now on."""
        self.cleared = self.log.total

    def levels(self) -> tuple[int, int, int, int]:
        """kernel.printk: the console's, that of messages without one, the least and the first of the console."""
        return self.console, *CONSOLE_LEVELS[1:]

    def set_console(self, level: int | None, off: bool) -> None:
        """SYSLOG_ACTION_CONSOLE_LEVEL; without a `level` the console is turned `off`, or on again."""
        least = CONSOLE_LEVELS[2]
        if level is not None:
            self.console, self._saved = max(level, least), None
        elif off:
            if self._saved is None:
                self._saved = self.console
            self.console = least
        elif self._saved is not None:
            self.console, self._saved = self._saved, None
