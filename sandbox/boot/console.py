"""The console: a terminal of the sandbox whose master end is the user's own terminal.

Keys go from the host's terminal (raw: the launcher has seen to that) into the line discipline of the
sandbox; what its programs write goes out. The first process's session has it as its controlling terminal.

A terminal that others may use too (`runsc do ls | less`) is not raw, and its keys are not read, until a program inside
reads from it; up to then Ctrl-C comes as a signal from the launcher.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.fcntl import AT_FDCWD, O_RDWR
from sandbox.boot.terminal import is_ours_alone
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.reactor import READ, WRITE
from sandbox.vfs.open import open_path
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.boot.link import LauncherLink
    from sandbox.fs.tty.pty_master import PtyMaster
    from sandbox.kernel.task import Task
    from sandbox.reactor import Reactor
    from sandbox.vfs.file_description import FileDescription
    from tcpip.timers import Timer

CHUNK: Final = 4096
DRAIN_MS: Final = 2000  # how long the end of a run waits for a terminal that does not take its output


class Console:
    """Moves bytes between host descriptors and a master. `keys` or `screen` is -1 where the host gave no terminal;
    keys are read from `take_keys` on."""

    def __init__(self, reactor: Reactor, master: PtyMaster, keys: int, screen: int) -> None:
        self._reactor = reactor
        self._master = master
        self._keys = -1
        self._later_keys = keys
        self._screen = screen
        self._buffer = memoryview(bytearray(CHUNK))
        self._typed = b""  # not yet taken by the line discipline
        self._shown = b""  # not yet taken by the host
        self._watched: dict[int, int] = {}
        self._finished: Callable[[], None] | None = None
        self._limit: Timer | None = None
        self._closed = False
        self._waiter = master.queue.add(EVENT_IN | EVENT_OUT, self._master_ready)
        self._on_wait: Callable[[], None] | None = None
        self._watch()

    def _master_ready(self, mask: int) -> None:
        if mask & EVENT_IN and not self._shown:
            self._reactor.call_soon(self._show)
        if mask & EVENT_OUT and self._typed:
            self._type()

    @property
    def number(self) -> int:
        """Of the terminal, in /dev/pts."""
        return self._master.terminal.index

    def set_window(self, window: bytes) -> None:
        """A new size, as struct winsize."""
        self._master.terminal.set_window(window)

    def join(self, link: LauncherLink) -> None:
        """The launcher has the user's terminal: its size, its keys once they are wanted, the end."""
        terminal = self._master.terminal
        link.window_changed = terminal.set_window
        link.keys_granted = self.take_keys
        link.before_exit = self.drain
        if self._later_keys >= 0:
            terminal.on_wait = link.want_keys
            link.interrupt = terminal.signal

    # --- a checkpoint ---

    def let_go(self) -> tuple[PtyMaster, bytes]:
        """Until `take_up` nothing of the kernel's refers to it. The master, and what was typed and not yet taken."""
        terminal = self._master.terminal
        self._master.queue.remove(self._waiter)
        self._on_wait, terminal.on_wait = terminal.on_wait, None
        return self._master, self._typed

    def take_up(self) -> None:
        """The opposite."""
        self._waiter = self._master.queue.add(EVENT_IN | EVENT_OUT, self._master_ready)
        self._master.terminal.on_wait = self._on_wait

    # --- keys ---

    def typed_before(self, data: bytes) -> None:
        """In a terminal that comes from an image."""
        self._typed = data
        self._type()
        self._show()

    def take_keys(self) -> None:
        """Those of the terminal are the sandbox's now."""
        if self._later_keys >= 0:
            self._keys, self._later_keys = self._later_keys, -1
            self._watch()

    def _type(self) -> None:
        done = self._master.terminal.type(memoryview(self._typed))
        self._typed = self._typed[done:]
        self._watch()

    def _read_keys(self) -> None:
        try:
            data = os.read(self._keys, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the user's terminal is gone
            gone, self._keys = self._keys, -1
            self._watch()
            if gone != self._screen:
                os.close(gone)
            self._master.terminal.hang_up()
            return
        self._typed += data
        self._type()

    # --- output ---

    def _show(self) -> None:
        """Everything that the host takes now; the rest when it can take more."""
        while self._screen >= 0:
            if not self._shown:
                self._shown = self._take()
                if not self._shown:
                    break
            try:
                done = os.write(self._screen, self._shown)
            except BlockingIOError:
                break
            except OSError:
                self._screen = -1
                break
            self._shown = self._shown[done:]
        if self._screen < 0:
            self._shown = b""
            while self._take():
                pass
        self._watch()

    def _take(self) -> bytes:
        try:
            count = self._master.take(self._buffer)
        except SyscallError:  # EIO: the last program has closed it
            return b""
        return bytes(self._buffer[:count]) if count > 0 else b""

    def drain(self) -> None:
        """Before the end: what programs have written comes out, unless the terminal is stuck."""
        poll = select.poll()
        self._show()
        while self._shown and self._screen >= 0:
            poll.register(self._screen, select.POLLOUT)
            if not poll.poll(DRAIN_MS):
                return
            self._show()

    def finish(self, done: Callable[[], None]) -> None:
        """As `drain` followed by `close`, while the sandbox goes on; then `done()`."""
        self._show()
        if not self._shown or self._screen < 0:
            self.close()
            done()
            return
        self._finished = done
        self._limit = self._reactor.call_at(self._reactor.clock.now_ns() + DRAIN_MS * 1_000_000, self._end)

    def _end(self) -> None:
        done, self._finished = self._finished, None
        if self._limit is not None:
            self._limit.cancel()
        self.close()
        if done is not None:
            done()

    def close(self) -> None:
        """Let go of the host's terminal and hang up."""
        for fd in self._watched:
            self._reactor.unwatch(fd)
        self._watched = {}
        for fd in {self._keys, self._later_keys, self._screen} - {-1}:
            os.close(fd)
        self._keys = self._later_keys = self._screen = -1
        self._shown = self._typed = b""
        if not self._closed:
            self._closed = True
            self._master.release()

    # --- readiness ---

    def _watch(self) -> None:
        wanted: dict[int, int] = {}
        if self._keys >= 0 and not self._typed:
            wanted[self._keys] = READ
        if self._screen >= 0 and self._shown:
            wanted[self._screen] = wanted.get(self._screen, 0) | WRITE
        if wanted == self._watched:
            return
        for fd in self._watched.keys() - wanted.keys():
            self._reactor.unwatch(fd)
        for fd, mask in wanted.items():
            if fd not in self._watched:
                self._reactor.watch(fd, mask, self._host_ready)
            elif self._watched[fd] != mask:
                self._reactor.change(fd, mask)
        self._watched = wanted

    def _host_ready(self, mask: int) -> None:
        if self._keys >= 0 and self._watched.get(self._keys, 0) & READ and mask & ~WRITE:
            self._read_keys()
        if self._shown and mask & WRITE:
            self._show()
            if self._finished is not None and not self._shown:
                self._end()


def open_console(task: Task, stdio: tuple[int, ...], window: bytes) -> tuple[Console, FileDescription]:
    """Make the terminal, join it to the host's, and open its slave as the controlling terminal of the process."""
    table = task.group.view.terminals
    creds = task.creds
    master = table.create(O_RDWR, creds.uid, creds.gid)
    terminal = master.terminal
    terminal.locked = False
    terminal.set_window(window)
    keys, screen = host_descriptors(stdio)
    console = Console(task.kernel.reactor, master, keys, screen)
    if is_ours_alone(stdio):
        console.take_keys()
    name = b"/dev/pts/%d" % terminal.index
    try:
        slave = open_path(task, AT_FDCWD, name, O_RDWR, 0)
    except SyscallError:  # a bundle without devpts
        return console, table.open_slave(task, terminal, O_RDWR)
    assert not isinstance(slave, Block)
    return console, slave


def restore_console(
    reactor: Reactor, master: PtyMaster, typed: bytes, stdio: tuple[int, ...], window: bytes
) -> Console:
    """The user's terminal is joined to one that comes from an image."""
    console = Console(reactor, master, *host_descriptors(stdio))
    if is_ours_alone(stdio):
        console.take_keys()
    console.set_window(window)
    console.typed_before(typed)
    return console


def host_descriptors(stdio: tuple[int, ...]) -> tuple[int, int]:
    """For keys and for output, -1 for none: opened anew where the host allows it, so that they can be non-blocking
    without changing what the user's other programs share. With its input from elsewhere a program may still ask for keys
    (`… | less` does)."""
    terminals = [fd for fd in stdio if os.isatty(fd)]
    if not terminals:
        return -1, -1
    keys = open_again(terminals[0])
    outputs = [fd for fd in stdio[1:] if fd in terminals]
    return keys, open_again(outputs[0]) if outputs else keys


def open_again(fd: int) -> int:
    """The same terminal with a description of our own, non-blocking; `fd`'s where that is not permitted."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return os.dup(fd)
