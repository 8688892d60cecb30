"""The user's terminal while a sandbox runs: raw, so that every key reaches the sandbox's own line discipline."""

from __future__ import annotations

import fcntl
import os
import termios
from typing import Final

NO_WINDOW: Final = bytes(8)

# Indices of the list that termios.tcgetattr returns.
_IFLAG: Final = 0
_OFLAG: Final = 1
_CFLAG: Final = 2
_LFLAG: Final = 3


def is_ours_alone(stdio: tuple[int, ...]) -> bool:
    """Keys come from the terminal and output goes there. Else there may be a pager or another program of a pipeline
    that uses it too, so that it is left as it is until something inside reads from it."""
    return os.isatty(stdio[0]) and os.isatty(stdio[1])


class HostTerminal:
    """A terminal descriptor of the host. `set_raw` and `restore` do nothing when it is not one, or not ours to change.
    `shared`: others write to it, and need a line feed to return the carriage."""

    __slots__ = ("fd", "is_terminal", "shared", "_saved")

    def __init__(self, fd: int, shared: bool = False) -> None:
        self.fd = fd
        self.is_terminal = os.isatty(fd)
        self.shared = shared
        self._saved: list[object] | None = None

    def in_foreground(self) -> bool:
        """We are the process group that the terminal's keys go to, or it is a terminal that controls no job of ours."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True

    def set_raw(self) -> bool:
        """cfmakeraw(3). False: not in the foreground, or it has just gone away."""
        if not self.is_terminal or not self.in_foreground():
            return False
        try:
            mode = termios.tcgetattr(self.fd)
        except termios.error:
            return False
        if self._saved is None:
            self._saved = list(mode)
        mode[_IFLAG] &= ~(
            termios.IGNBRK
            | termios.BRKINT
            | termios.PARMRK
            | termios.ISTRIP
            | termios.INLCR
            | termios.IGNCR
            | termios.ICRNL
            | termios.IXON
        )
        if not self.shared:
            mode[_OFLAG] &= ~termios.OPOST
        mode[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        mode[_CFLAG] = (mode[_CFLAG] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        mode[6] = [*mode[6]]
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        try:
            termios.tcsetattr(self.fd, termios.TCSANOW, mode)
        except termios.error:
            return False
        return True

    def restore(self) -> None:
        """As it was; what was written comes out first."""
        if self._saved is None:
            return
        try:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self._saved)  # type: ignore[arg-type]
        except (termios.error, OSError):
            pass  # the terminal is gone
        self._saved = None

    def window(self) -> bytes:
        """struct winsize, zeros when there is none."""
        if not self.is_terminal:
            return NO_WINDOW
        try:
            return fcntl.ioctl(self.fd, termios.TIOCGWINSZ, NO_WINDOW)
        except OSError:
            return NO_WINDOW


def own_terminal(fd: int) -> None:
    """Make it the calling session leader's, so that its changes of size come as SIGWINCH."""
    try:
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    except OSError:
        pass  # it is somebody's already: the size is told by RESIZE alone
