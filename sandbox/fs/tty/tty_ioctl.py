"""ioctls of terminals (tty_ioctl(4), ioctl_tty(2); drivers/tty/{tty_io,tty_ioctl,tty_jobctrl,pty}.c).

Most work on the slave whichever end they are given to; those about the session want the caller's controlling
terminal unless they come through the master.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import ioctls as io
from sandbox.abi.linux import termios as abi
from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_TTY_CONFIG
from sandbox.abi.linux.fcntl import AT_FDCWD, O_ACCMODE, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_WRONLY
from sandbox.abi.linux.signal import SIGINT, SIGQUIT, SIGTSTP, SIGTTOU
from sandbox.abi.linux.stat import makedev
from sandbox.abi.linux.termios import Termios
from sandbox.errors import SyscallError
from sandbox.fs.tty.pty_table import PTS_MAJOR
from sandbox.fs.tty.terminal import Terminal

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_master import PtyMaster
    from sandbox.fs.tty.pty_slave import PtySlave
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

_INT: Final = struct.Struct("<i")
TCIFLUSH: Final = 0
TCOFLUSH: Final = 1
TCIOFLUSH: Final = 2

_SETTERS: Final[dict[int, tuple[int, bool]]] = {  # command: (size of the structure, flush input first)
    io.TCSETS: (36, False),
    io.TCSETSW: (36, False),
    io.TCSETSF: (36, True),
    io.TCSETS2: (44, False),
    io.TCSETSW2: (44, False),
    io.TCSETSF2: (44, True),
    io.TCSETA: (18, False),
    io.TCSETAW: (18, False),
    io.TCSETAF: (18, True),
}
_GETTERS: Final[dict[int, Callable[[Termios], bytes]]] = {
    io.TCGETS: Termios.pack,
    io.TCGETS2: Termios.pack2,
    io.TCGETA: Termios.pack_old,
}


def _put(t: Task, arg: int, value: int) -> int:
    t.copy_out(arg, _INT.pack(value))
    return 0


def _get(t: Task, arg: int) -> int:
    value: int = _INT.unpack(t.copy_in(arg, 4))[0]
    return value


def slave_ioctl(file: PtySlave, t: Task, cmd: int, arg: int) -> Result:
    """On the slave."""
    terminal = file.terminal
    ours = t.group.tty is terminal
    if cmd == io.TIOCSCTTY:
        return _take_control(file, terminal, t, arg)
    if cmd == io.TIOCNOTTY:
        if not ours:
            return -errno.ENOTTY
        if t.group.session.leader is t.group:
            terminal.disassociate(True)
        else:
            t.group.without_tty = True
        return 0
    if cmd == io.FIONREAD:
        return _put(t, arg, terminal.input.queued())
    if cmd == io.TCFLSH:
        return terminal.check_change(t, SIGTTOU) or _flush_slave(terminal, arg)
    if cmd == io.TCXONC:
        return terminal.check_change(t, SIGTTOU) or _flow(terminal, arg)
    return _common(file, terminal, t, cmd, arg, ours)


def master_ioctl(file: PtyMaster, t: Task, cmd: int, arg: int) -> Result:
    """On the master."""
    terminal = file.terminal
    if cmd == io.TIOCGPTN:
        return _put(t, arg, terminal.index)
    if cmd == io.TIOCSPTLCK:
        terminal.locked = _get(t, arg) != 0
        return 0
    if cmd == io.TIOCGPTLCK:
        return _put(t, arg, int(terminal.locked))
    if cmd == io.TIOCGPTPEER:
        return _open_peer(file, t, arg)
    if cmd == io.TIOCPKT:
        on = _get(t, arg) != 0
        if on and not terminal.packet:
            terminal.packet_status = 0
        terminal.packet = on
        return 0
    if cmd == io.TIOCGPKT:
        return _put(t, arg, int(terminal.packet))
    if cmd == io.TIOCSIG:
        signo = arg & 0xFFFFFFFF
        if signo not in (SIGINT, SIGQUIT, SIGTSTP):
            return -errno.EINVAL
        terminal.signal(signo)
        return 0
    if cmd == io.FIONREAD:
        return _put(t, arg, min(len(terminal.output.data), 4095))
    if cmd == io.TCFLSH:
        return _flush_master(terminal, arg)
    if cmd == io.TIOCSCTTY:
        return -errno.EPERM
    if cmd == io.TIOCNOTTY:
        return -errno.ENOTTY
    return _common(file, terminal, t, cmd, arg, True)


def _common(file: FileDescription, terminal: Terminal, t: Task, cmd: int, arg: int, ours: bool) -> Result:
    """What is the same on both ends. `ours`: it is the controlling terminal, or the caller has the master."""
    getter = _GETTERS.get(cmd)
    if getter is not None:
        t.copy_out(arg, getter(terminal.termios))
        return 0
    if cmd in _SETTERS:
        return _set_termios(terminal, t, cmd, arg)
    if cmd == io.TIOCGWINSZ:
        t.copy_out(arg, terminal.window)
        return 0
    if cmd == io.TIOCSWINSZ:
        terminal.set_window(t.copy_in(arg, 8))
        return 0
    if cmd == io.TIOCGPGRP:
        if not ours:
            return -errno.ENOTTY
        return _put(t, arg, terminal.foreground.ids.number_in(t.pids) if terminal.foreground is not None else 0)
    if cmd == io.TIOCSPGRP:
        return _set_foreground(terminal, t, arg)
    if cmd == io.TIOCGSID:
        if not ours or terminal.session is None:
            return -errno.ENOTTY
        return _put(t, arg, terminal.session.ids.number_in(t.pids))
    return _rare(file, terminal, t, cmd, arg)


def _rare(file: FileDescription, terminal: Terminal, t: Task, cmd: int, arg: int) -> Result:
    if cmd == io.TIOCOUTQ:
        return _put(t, arg, 0)  # what was written is with the master at once
    if cmd in (io.TCSBRK, io.TCSBRKP):
        return terminal.check_change(t, SIGTTOU)  # no line to send a break on; nothing to drain
    if cmd in (io.TIOCSBRK, io.TIOCCBRK):
        return 0
    if cmd == io.TIOCSTI:
        return -errno.EIO  # dev.tty.legacy_tiocsti = 0
    if cmd == io.TIOCEXCL or cmd == io.TIOCNXCL:
        terminal.exclusive = cmd == io.TIOCEXCL
        return 0
    if cmd == io.TIOCGEXCL:
        return _put(t, arg, int(terminal.exclusive))
    if cmd == io.TIOCGETD:
        return _put(t, arg, 0)
    if cmd == io.TIOCSETD:
        return 0 if _get(t, arg) == 0 else -errno.EINVAL
    if cmd == io.TIOCGDEV:
        return _put(t, arg, makedev(PTS_MAJOR, terminal.index))
    if cmd == io.TIOCGSOFTCAR:
        return _put(t, arg, int(terminal.termios.cflag & abi.CLOCAL != 0))
    if cmd == io.TIOCGLCKTRMIOS:  # no mode is ever locked
        t.copy_out(arg, bytes(36))
        return 0
    if cmd == io.TIOCSLCKTRMIOS:
        return -errno.EPERM  # wants the capability in the host's own user namespace
    if cmd == io.TIOCVHANGUP:
        if not t.creds.has(CAP_SYS_ADMIN):
            return -errno.EPERM
        terminal.hang_up()
        return 0
    if cmd == io.TIOCCONS:
        return -errno.EPERM if not t.creds.has(CAP_SYS_TTY_CONFIG) else -errno.EBUSY
    return -errno.ENOTTY


def _set_termios(terminal: Terminal, t: Task, cmd: int, arg: int) -> Result:
    check = terminal.check_change(t, SIGTTOU)
    if check:
        return check
    size, flush = _SETTERS[cmd]
    data = t.copy_in(arg, size)
    if size == 36:
        new = abi.unpack(data)
    elif size == 44:
        new = abi.unpack2(data)
    else:
        new = abi.unpack_old(data, terminal.termios)
    if flush:
        terminal.flush_input()
    terminal.set_termios(new)
    return 0


def _set_foreground(terminal: Terminal, t: Task, arg: int) -> Result:
    """tiocspgrp."""
    try:
        check = terminal.check_change(t, SIGTTOU)
    except SyscallError:
        return -errno.ENOTTY
    if check:
        return check
    session = t.group.session
    number = _get(t, arg)
    if t.group.tty is not terminal or terminal.session is not session:
        return -errno.ENOTTY
    if number < 0:
        return -errno.EINVAL
    pids = t.pids
    pgrp = pids.process_groups.get(number)
    if pgrp is None:
        known = number in pids.tasks or number in pids.groups
        return -errno.EPERM if known else -errno.ESRCH
    if pgrp.session is not session:
        return -errno.EPERM
    terminal.foreground = pgrp
    return 0


def _take_control(file: PtySlave, terminal: Terminal, t: Task, arg: int) -> Result:
    """tiocsctty."""
    group = t.group
    session = group.session
    leader = session.leader is group
    if leader and terminal.session is session:
        return 0
    if not leader or session.tty is not None:
        return -errno.EPERM
    privileged = t.creds.has(CAP_SYS_ADMIN)
    if terminal.session is not None:
        if arg != 1 or not privileged:
            return -errno.EPERM
        terminal.forget_session()
    if file.flags & O_ACCMODE == O_WRONLY and not privileged:
        return -errno.EPERM
    terminal.become_controlling(t)
    return 0


def _open_peer(file: PtyMaster, t: Task, arg: int) -> Result:
    """TIOCGPTPEER: the slave without a path; `arg` holds open flags."""
    terminal = file.terminal
    flags = arg & (O_ACCMODE | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
    slave = file.table.open_slave(t, terminal, flags & ~O_CLOEXEC)
    path = _path_of(t, terminal)
    if path is not None:
        slave.path = path.pin()
    return t.fds.install(slave, 0, flags & O_CLOEXEC != 0)


def _path_of(t: Task, terminal: Terminal) -> Path | None:
    """Where the slave is in the caller's tree, None when it is not."""
    from sandbox.vfs.walk import lookup

    try:
        path = lookup(t, AT_FDCWD, b"/dev/pts/%d" % terminal.index)
    except SyscallError:
        return None
    return path if path.inode.rdev == makedev(PTS_MAJOR, terminal.index) else None


def _flush_slave(terminal: Terminal, arg: int) -> int:
    if not TCIFLUSH <= arg <= TCIOFLUSH:
        return -errno.EINVAL
    if arg != TCOFLUSH:
        terminal.flush_input()
    if arg != TCIFLUSH:
        terminal.output.settled()
        terminal.flush_output()
    return 0


def _flush_master(terminal: Terminal, arg: int) -> int:
    """The master's input is the slave's output."""
    if not TCIFLUSH <= arg <= TCIOFLUSH:
        return -errno.EINVAL
    if arg != TCOFLUSH:
        terminal.output.data.clear()
        terminal.drained()
    if arg != TCIFLUSH:
        terminal.pending.clear()
    return 0


def _flow(terminal: Terminal, arg: int) -> int:
    """TCXONC: stop and start output; the other two would send START and STOP to the master."""
    if arg == 0 or arg == 1:
        terminal.set_stopped(arg == 0)
        return 0
    if arg == 2 or arg == 3:
        c = terminal.termios.cc[abi.VSTOP if arg == 2 else abi.VSTART]
        if c:
            terminal.output.data.append(c)
            terminal.drained()
        return 0
    return -errno.EINVAL
