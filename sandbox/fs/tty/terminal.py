"""Terminal: a pseudo-terminal pair: two queues, modes, window size, session and foreground process group.

drivers/tty/{pty,tty_io,tty_jobctrl}.c. The slave's line discipline runs when the master writes; what does not fit
into it waits in `pending`. The open files of both ends are in pty_master.py and pty_slave.py.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import termios as abi
from sandbox.abi.linux.signal import SI_KERNEL, SIG_IGN, SIGCONT, SIGHUP, SIGTTIN, SIGWINCH, sigmask
from sandbox.abi.linux.termios import STANDARD, Termios
from sandbox.errors import SyscallError
from sandbox.fs.tty.input import Input
from sandbox.fs.tty.output import Output
from sandbox.kernel.control import ERESTARTSYS
from sandbox.kernel.signal_info import SignalInfo
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.sessions import ProcessGroup, Session
    from sandbox.kernel.task import Task
    from tcpip.clock import Clock

PENDING_LIMIT: Final = 8192
NO_WINDOW: Final = bytes(8)


class Terminal:
    """`index` is N of /dev/pts/N. It lives until both ends are closed."""

    def __init__(self, index: int, clock: Clock) -> None:
        self.index = index
        self._clock = clock
        self.output = Output(STANDARD)
        self.input = Input(self.output, STANDARD, self._typed_signal, self._typed_flow, self._typed_flush)
        self.pending = bytearray()  # written by the master, not yet taken by the line discipline
        self.window = NO_WINDOW
        self.session: Session | None = None
        self.foreground: ProcessGroup | None = None
        self.master_queue = WaitQueue()
        self.slave_queue = WaitQueue()
        self.master_open = True
        self.slaves = 0  # open files of the slave
        self.slave_closed = False  # the last slave was closed after one had been open: the master sees a hang-up
        self.generation = 0  # grows with each hang-up: files of an earlier one are dead
        self.locked = True
        self.exclusive = False
        self.packet = False
        self.packet_status = 0
        self.on_wait: Callable[[], None] | None = None  # called when a program first waits for input
        self.last_input = 0  # ns, when the line discipline last got something

    @property
    def termios(self) -> Termios:
        """The slave's modes; the master has none of its own."""
        return self.input.termios

    # --- data ---

    def type(self, data: memoryview) -> int:
        """The master writes: bytes taken."""
        if not self.pending:
            done = self.input.receive(data)
        else:
            done = 0
        room = PENDING_LIMIT - len(self.pending)
        rest = min(room, len(data) - done)
        if rest > 0:
            self.pending += data[done : done + rest]
            done += rest
        self._received()
        return done

    def pump(self) -> None:
        """The line discipline has room again, or can echo again."""
        if self.pending:
            done = self.input.receive(memoryview(bytes(self.pending)))
            if done:
                del self.pending[:done]
                self._received()
                self.master_queue.notify(EVENT_OUT)

    def _received(self) -> None:
        self.last_input = self._clock.now_ns()
        if self.input.available() > 0:
            self.slave_queue.notify(EVENT_IN)
        if self.output.data:
            self.master_queue.notify(EVENT_IN)

    def drained(self) -> None:
        """The master has read: there is room for echo and output."""
        self.output.process_echoes()
        if self.output.room() > 0:
            self.slave_queue.notify(EVENT_OUT)

    def waited_for(self) -> None:
        """A program reads and there is nothing, or asks whether there is."""
        if self.on_wait is not None:
            ask, self.on_wait = self.on_wait, None
            ask()

    # --- what typed characters do ---

    def signal(self, signo: int) -> None:
        """To the foreground process group."""
        if self.foreground is not None:
            self.foreground.send_signal(SignalInfo(signo, SI_KERNEL))

    def _typed_signal(self, signo: int) -> None:
        self.signal(signo)

    def _typed_flush(self) -> None:
        self.flush_output()
        self._status(abi.TIOCPKT_FLUSHREAD, 0)

    def _typed_flow(self, stop: bool) -> None:
        self.set_stopped(stop)

    def set_stopped(self, stop: bool) -> None:
        """stop_tty, start_tty."""
        if self.output.stopped == stop:
            return
        self.output.stopped = stop
        if stop:
            self._status(abi.TIOCPKT_STOP, abi.TIOCPKT_START)
            return
        self._status(abi.TIOCPKT_START, abi.TIOCPKT_STOP)
        self.slave_queue.notify(EVENT_OUT)
        if self.output.data:
            self.master_queue.notify(EVENT_IN)

    def _status(self, add: int, remove: int) -> None:
        if self.packet:
            self.packet_status = self.packet_status & ~remove | add
            self.master_queue.notify(EVENT_IN | EVENT_PRI)

    # --- flushing ---

    def flush_output(self) -> None:
        """Drop what the slave has written and the master's line discipline has not got yet."""
        self.output.flush()
        self._status(abi.TIOCPKT_FLUSHWRITE, 0)
        self.slave_queue.notify(EVENT_OUT)

    def flush_input(self) -> None:
        """Drop what was typed and not read."""
        self.input.reset()
        self._status(abi.TIOCPKT_FLUSHREAD, 0)
        self.pump()

    # --- modes ---

    def set_termios(self, new: Termios) -> None:
        """tty_set_termios with pty_set_termios's rules."""
        new.cflag = new.cflag & ~(abi.CSIZE | abi.PARENB) | abi.CS8 | abi.CREAD
        old = self.termios
        self.input.set_termios(new)
        if self.packet:
            old_flow, new_flow = _flow_by_keys(old), _flow_by_keys(new)
            extproc_changed = (old.lflag ^ new.lflag) & abi.EXTPROC
            if old_flow != new_flow or extproc_changed:
                add = abi.TIOCPKT_DOSTOP if new_flow else abi.TIOCPKT_NOSTOP
                if extproc_changed:
                    add |= abi.TIOCPKT_IOCTL
                self._status(add, abi.TIOCPKT_DOSTOP | abi.TIOCPKT_NOSTOP)
        self.pump()
        if self.input.available() > 0:
            self.slave_queue.notify(EVENT_IN)
        self.slave_queue.notify(EVENT_OUT)
        if self.output.data:
            self.master_queue.notify(EVENT_IN)

    def set_window(self, window: bytes) -> None:
        """TIOCSWINSZ: SIGWINCH when it changes."""
        if window != self.window:
            self.window = window
            self.signal(SIGWINCH)

    # --- job control ---

    def check_change(self, t: Task, signo: int) -> int:
        """__tty_check_change: 0, or what the call returns when `t` is in the background; EIO."""
        group = t.group
        foreground = self.foreground
        if foreground is None or group.tty is not self or group.pgrp is foreground:
            return 0
        bit = sigmask(signo)
        if t.blocked & bit or group.sighand.actions[signo].handler == SIG_IGN:
            if signo == SIGTTIN:
                raise SyscallError(errno.EIO)
            return 0
        if group.pgrp.is_orphaned():
            raise SyscallError(errno.EIO)
        group.pgrp.send_signal(SignalInfo(signo, SI_KERNEL))
        return -ERESTARTSYS

    def become_controlling(self, t: Task) -> None:
        """__proc_set_tty: the session of `t`, its leader, gets it; processes that there are in it do not have it."""
        session = t.group.session
        for pgrp in session.groups.values():
            for member in pgrp.members:
                member.without_tty = member is not t.group
        self.session = session
        self.foreground = t.group.pgrp
        session.tty = self

    def forget_session(self) -> None:
        """Nobody's controlling terminal any more."""
        session = self.session
        if session is not None and session.tty is self:
            session.tty = None
        self.session = None
        self.foreground = None

    def session_leader_exited(self, session: Session) -> None:
        """disassociate_ctty on exit: a pseudo-terminal is not hung up, its foreground group is."""
        self.disassociate(False)

    def disassociate(self, resume: bool) -> None:
        """The session leader gives it up (TIOCNOTTY with `resume`) or exits."""
        foreground = self.foreground
        if foreground is not None:
            foreground.send_signal(SignalInfo(SIGHUP, SI_KERNEL))
            if resume:
                foreground.send_signal(SignalInfo(SIGCONT, SI_KERNEL))
        self.forget_session()

    # --- ends ---

    def hang_up(self) -> None:
        """tty_vhangup: open files of the slave are dead, the session leader gets SIGHUP and SIGCONT."""
        self.generation += 1
        session = self.session
        if session is not None and session.leader is not None:
            session.leader.send_signal(SignalInfo(SIGHUP, SI_KERNEL))
            session.leader.send_signal(SignalInfo(SIGCONT, SI_KERNEL))
        self.forget_session()
        self.input.reset()
        self.output.echoes.clear()
        self.slave_queue.notify(EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP)
        self.input.set_termios(STANDARD)

    def slave_opened(self) -> None:
        """One more open file of the slave."""
        self.slaves += 1
        self.slave_closed = False

    def slave_released(self) -> None:
        """One fewer."""
        self.slaves -= 1
        if self.slaves == 0:
            self.slave_closed = True
            self.packet = False
            self.master_queue.notify(EVENT_IN | EVENT_HUP)


def _flow_by_keys(termios: Termios) -> bool:
    """Ctrl-S and Ctrl-Q stop and start output."""
    cc = termios.cc
    return bool(termios.iflag & abi.IXON) and cc[abi.VSTOP] == 0x13 and cc[abi.VSTART] == 0x11
