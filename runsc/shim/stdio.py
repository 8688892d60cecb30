"""A process's streams: the FIFOs that containerd makes go to the process as they are, and a terminal is copied.

The shim keeps the other end of each FIFO open: when containerd ends, a process that prints is not told so and waits until
somebody reads again (fifo(7)).
"""

from __future__ import annotations

import _socket
import array
import errno
import fcntl
import os
import stat
import struct
import termios
from typing import Final
from urllib.parse import unquote, urlsplit

from runsc.shim.loop import READ, WRITE, Loop
from runsc.shim.ttrpc import INVALID_ARGUMENT, CallError

CHUNK: Final = 1 << 16


def open_end(path: str, flags: int) -> int:
    """One end of a FIFO without waiting for the other, or a file, or /dev/null, which may be read and written as with runc.
    CallError, OSError."""
    if not path:
        return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    parts = urlsplit(path)
    if parts.scheme == "file":
        return os.open(unquote(parts.path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    if parts.scheme not in ("", "fifo"):
        raise CallError(INVALID_ARGUMENT, f"{parts.scheme}: no such kind of log; known: file, fifo")
    both = os.open(unquote(parts.path), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.open(unquote(parts.path), flags | os.O_CLOEXEC)
    finally:
        os.close(both)


class Streams:
    """Those of one process. `owner`: whose FIFOs they become, by user and group. `kept` are ends that the shim holds; `console`
    is there once a terminal came."""

    def __init__(
        self,
        loop: Loop,
        stdin: str,
        stdout: str,
        stderr: str,
        terminal: bool,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self.loop = loop
        self._owner = owner
        self.paths = (stdin, stdout, "" if terminal else stderr)
        self.terminal = terminal
        self.console: ConsoleCopy | None = None
        self._stdin_kept = -1
        self._kept: list[int] = []
        self._socket: _socket.socket | None = None
        self._socket_path = ""

    def open(self) -> tuple[int, int, int]:
        """For the process. The caller's to close. CallError, OSError."""
        if self.terminal:
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            return null, os.dup(null), os.dup(null)
        opened: list[int] = []
        try:
            if self.paths[0]:
                self._stdin_kept = os.open(self.paths[0], os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            opened.append(open_end(self.paths[0], os.O_RDONLY))
            for path in self.paths[1:]:
                opened.append(open_end(path, os.O_WRONLY))
                if path and "://" not in path:
                    self._kept.append(open_end(path, os.O_RDONLY | os.O_NONBLOCK))
            if self._owner is not None:
                for fd in opened:
                    if stat.S_ISFIFO(os.fstat(fd).st_mode):
                        os.fchown(fd, *self._owner)
        except BaseException:
            for fd in opened:
                os.close(fd)
            self.close()
            raise
        return opened[0], opened[1], opened[2]

    def listen(self, path: str) -> None:
        """For the terminal's master."""
        sock = self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sock.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")  # sun_path has 108 bytes
        finally:
            os.close(directory)
        sock.listen(1)
        sock.setblocking(False)
        self._socket_path = path
        self.loop.watch(sock.fileno(), READ, lambda mask: self._accept())

    def _accept(self) -> None:
        assert self._socket is not None
        try:
            fd, _ = self._socket._accept()  # type: ignore[attr-defined]  # what socket.accept wraps
        except OSError:
            return
        peer = _socket.socket(fileno=fd)
        peer.settimeout(5)
        try:
            _, ancillary, _, _ = peer.recvmsg(4096, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return
        finally:
            peer.close()
        self._stop_listening()
        for _, _, data in ancillary:
            self.console = ConsoleCopy(self.loop, array.array("i", data[:4])[0], self.paths[0], self.paths[1])

    def _stop_listening(self) -> None:
        if self._socket is not None:
            self.loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
            try:
                os.unlink(self._socket_path)
            except FileNotFoundError:
                pass  # with the bundle

    def close_input(self) -> None:
        """The process reads an end of file when containerd has closed its end; until it runs, containerd may yet open it."""
        if self._stdin_kept >= 0:
            os.close(self._stdin_kept)
            self._stdin_kept = -1

    def close(self) -> None:
        """The process has ended: whoever reads gets the end of file."""
        self._stop_listening()
        self.close_input()
        for fd in self._kept:
            os.close(fd)
        self._kept = []
        if self.console is not None:
            self.console.finish()


class ConsoleCopy:
    """Between a terminal's master and two FIFOs; at most a chunk is under way in each direction."""

    def __init__(self, loop: Loop, master: int, keys: str, screen: str) -> None:
        self.loop = loop
        self._finished = False
        self._fds: list[int] = [master]
        self.master = master
        os.set_blocking(master, False)
        self._keys = self._open(keys, os.O_RDWR)
        self._screen = self._open(screen, os.O_RDWR)
        self._to_screen = b""
        self._to_master = b""
        self._masks: dict[int, int] = {}
        self._pump()

    def _open(self, path: str, flags: int) -> int:
        if not path:
            return -1
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
        self._fds.append(fd)
        return fd

    def resize(self, width: int, height: int) -> None:
        """TIOCSWINSZ; the sandbox hears of it."""
        if self.master >= 0:
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def finish(self) -> None:
        """The process has ended: what it printed last goes out, then all is closed."""
        self._finished = True
        self._pump()

    def _pump(self) -> None:
        if self.master < 0:
            return
        ended = False
        while True:
            if not self._to_screen:
                data = _read(self.master)
                if data == b"":
                    ended = True
                self._to_screen = data or b""
            if not self._to_screen:
                break
            if self._screen < 0:
                self._to_screen = b""
                continue
            left = _write(self._screen, self._to_screen)
            if left == self._to_screen:
                break
            self._to_screen = left
        if self._keys >= 0 and not self._to_master:
            self._to_master = _read(self._keys) or b""
        self._to_master = _write(self.master, self._to_master)
        if (ended or self._finished) and not self._to_screen:
            self._close()
            return
        self._want(self.master, (0 if self._to_screen else READ) | (WRITE if self._to_master else 0))
        self._want(self._screen, WRITE if self._to_screen else 0)
        self._want(self._keys, 0 if self._to_master else READ)

    def _want(self, fd: int, mask: int) -> None:
        """With nothing to wait for it is not watched at all: poll(2) tells of a hang-up always."""
        before = self._masks.get(fd, 0)
        if fd < 0 or mask == before:
            return
        self._masks[fd] = mask
        if not before:
            self.loop.watch(fd, mask, lambda mask: self._pump())
        elif mask:
            self.loop.change(fd, mask)
        else:
            self.loop.unwatch(fd)

    def _close(self) -> None:
        for fd in self._fds:
            self.loop.unwatch(fd)
            os.close(fd)
        self._fds = []
        self.master = self._keys = self._screen = -1


def _read(fd: int) -> bytes | None:
    """None: nothing now; empty: no more."""
    try:
        return os.read(fd, CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:  # the other side of the terminal is closed
            return b""
        raise


def _write(fd: int, data: bytes) -> bytes:
    """What is left."""
    try:
        return data[os.write(fd, data) :] if data else b""
    except BlockingIOError:
        return data
    except OSError:
        return b""
