"""A container's terminal for whoever runs it: a pseudo-terminal of the host, whose master goes through the console
socket (runc: docs/terminals.md). The sandbox has a terminal of its own behind the slave."""

from __future__ import annotations

import _socket
import fcntl
import os
import struct
import termios
from typing import Final

from runsc.failure import RuntimeFailure
from sandbox.boot.terminal import HostTerminal
from sandbox.control.wire import rights

SEND_S: Final = 10.0


def open_terminal(console_socket: str, rows: int, columns: int) -> int:
    """The slave, raw; its master has been sent. RuntimeFailure when nobody takes it."""
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise RuntimeFailure(f"cannot allocate a terminal: {os.strerror(error.errno or 0)}") from None
    try:
        os.set_inheritable(slave, False)
        HostTerminal(slave).set_raw()
        if rows and columns:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        send_to("--console-socket", console_socket, master, os.ttyname(slave))
    except BaseException:
        os.close(slave)
        raise
    finally:
        os.close(master)
    return slave


def send_to(flag: str, path: str, fd: int, name: str) -> None:
    """A descriptor, with `name`, to the Unix socket that `flag` names. RuntimeFailure."""
    try:
        directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RuntimeFailure(f"{flag} {path}: {os.strerror(error.errno or 0)}") from None
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        sock.settimeout(SEND_S)
        sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        sock.sendmsg([os.fsencode(name)], rights([fd]))
    except TimeoutError:
        raise RuntimeFailure(f"{flag} {path}: nobody takes the descriptor") from None
    except OSError as error:
        raise RuntimeFailure(f"{flag} {path}: {os.strerror(error.errno or 0)}") from None
    finally:
        sock.close()
        os.close(directory)


def check_console(terminal: bool, console_socket: str, detached: bool) -> None:
    """A terminal that nobody would have, or a socket for none."""
    if terminal and detached and not console_socket:
        raise RuntimeFailure("cannot allocate a terminal: process.terminal is true, so --console-socket is needed")
    if console_socket and not terminal:
        raise RuntimeFailure("--console-socket: process.terminal is false")
    if console_socket and not detached:
        raise RuntimeFailure("--console-socket is for detached processes: this one has the terminal it was started on")
