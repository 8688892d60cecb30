"""Who reads the kernel's log as a stream, and what has been cleared."""

from __future__ import annotations

from sandbox.kernel.log import RING_LINES, KernelLog

LINE = b"<6>[    0.000001] %d\n"


def filled(count: int) -> KernelLog:
    log = KernelLog()
    for number in range(count):
        log.boot(1000, str(number))
    return log


def test_whole_records_are_taken_once_and_a_long_one_in_parts() -> None:
    reader = filled(3).reader()
    assert reader.unread() == 3 * len(LINE % 0)
    assert reader.take(2 * len(LINE % 0) + 5) == LINE % 0 + LINE % 1
    assert reader.take(4) == (LINE % 2)[:4]
    assert reader.unread() == len(LINE % 2) - 4
    assert reader.take(100) == (LINE % 2)[4:]
    assert not reader.waits() and reader.take(100) == b"" and reader.unread() == 0
    reader.log.boot(1000, "3")
    assert reader.waits() and reader.take(100) == LINE % 3


def test_what_was_overwritten_is_not_read() -> None:
    log = filled(1)
    reader = log.reader()
    assert reader.take(4) == b"<6>["
    for number in range(RING_LINES):
        log.boot(1000, str(number))
    assert reader.take(len(LINE % 0)) == LINE % 0


def test_all_are_the_last_that_fit_and_were_not_cleared() -> None:
    reader = filled(4).reader()
    assert reader.last(1000) == b"".join([LINE % n for n in range(4)])
    assert reader.last(2 * len(LINE % 0) + 3) == LINE % 2 + LINE % 3
    reader.clear()
    assert reader.last(1000) == b""
    reader.log.boot(1000, "4")
    assert reader.last(1000) == LINE % 4
    assert reader.unread() == 5 * len(LINE % 0)  # who reads the stream is not concerned


def test_the_console_is_turned_off_and_on_as_it_was() -> None:
    reader = filled(0).reader()
    reader.set_console(7, False)
    reader.set_console(None, True)
    reader.set_console(None, True)
    assert reader.console == 1
    reader.set_console(None, False)
    assert reader.console == 7
    reader.set_console(0, False)
    assert reader.console == 1  # no less is shown
