"""The user's terminal goes raw and comes back."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios

from sandbox.boot.terminal import NO_WINDOW, HostTerminal


class Background(HostTerminal):
    """A terminal whose keys go to another job."""

    __slots__ = ()

    def in_foreground(self) -> bool:
        return False


def test_raw_and_restored() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    terminal = HostTerminal(slave)
    assert terminal.is_terminal
    terminal.set_raw()
    raw = termios.tcgetattr(slave)
    assert not raw[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    assert not raw[1] & termios.OPOST
    terminal.set_raw()
    terminal.restore()
    assert termios.tcgetattr(slave) == before
    terminal.restore()
    os.close(master)
    os.close(slave)


def test_in_the_background_it_is_left_alone() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    terminal = Background(slave)
    terminal.set_raw()
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_window() -> None:
    master, slave = pty.openpty()
    size = struct.pack("HHHH", 24, 80, 1, 2)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    assert HostTerminal(slave).window() == size
    os.close(master)
    os.close(slave)


def test_what_is_no_terminal() -> None:
    read, write = os.pipe()
    terminal = HostTerminal(read)
    assert not terminal.is_terminal and terminal.window() == NO_WINDOW
    terminal.set_raw()
    terminal.restore()
    os.close(read)
    os.close(write)
