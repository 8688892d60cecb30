"""User notification (seccomp_unotify(2)): calls that wait until a supervisor says what becomes of them."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC, O_RDWR
from sandbox.errors import SyscallError
from sandbox.kernel import task_block
from sandbox.kernel.control import ERESTARTSYS, Block, Intercepted, Result
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_PENDING
from sandbox.ptrace.gate import serve
from sandbox.seccomp.filter import seccomp_data
from sandbox.vfs.file_description import FileDescription
from tcpip.waiter import EVENT_HUP, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

RECV: Final = 0xC0502100
SEND: Final = 0xC0182101
ID_VALID: Final = 0x40082102
ID_VALID_WRONG_DIR: Final = 0x80082102
ADDFD: Final = 0x40182103
SET_FLAGS: Final = 0x40082104
FLAG_CONTINUE: Final = 1
ADDFD_SETFD: Final = 1
ADDFD_SEND: Final = 2
_NOTIF: Final = struct.Struct("<QII16I")  # id, pid, flags, struct seccomp_data
_RESP: Final = struct.Struct("<QqiI")  # id, val, error, flags
_ADDFD: Final = struct.Struct("<QIIII")  # id, flags, srcfd, newfd, newfd_flags
_INIT, _SENT, _REPLIED = range(3)


class Notice(Intercepted):
    """One call that waits."""

    __slots__ = ("listener", "ident", "task", "data", "state", "result", "goes_on")

    def __init__(self, listener: Listener, ident: int, t: Task, data: list[int]) -> None:
        self.listener = listener
        self.ident = ident
        self.task = t
        self.data = data
        self.state = _INIT
        self.result = 0
        self.goes_on = False

    def again(self, t: Task, a: SyscallArgs) -> Result:
        """Answered, or woken by a signal."""
        if self.state != _REPLIED:
            return Block((), on_interrupt=_interrupted)
        a.state = None
        return serve(t, a) if self.goes_on else self.result

    def reply(self, result: int, goes_on: bool = False) -> None:
        """What becomes of it."""
        self.state = _REPLIED
        self.result = result
        self.goes_on = goes_on
        self.listener.notices.pop(self.ident, None)
        t = self.task
        if t.parked == PARK_PENDING:
            t.kernel.reactor.call_soon(self._go_on)
        else:
            t.woken(0)

    def _go_on(self) -> None:
        """What holds it has been answered; by now its task may have been killed, or be in a core that is written."""
        t = self.task
        if t.parked == PARK_PENDING:
            task_block.complete(t, t.kernel.run_handler(t))

    def hold(self) -> None:
        """It has been fetched, and from now on only what ends its task ends it (wait_for_completion_killable)."""
        t = self.task
        if t.parked == PARK_BLOCK:
            task_block.unpark(t)
            t.parked = PARK_PENDING


def _interrupted(t: Task, a: SyscallArgs) -> int:
    """A signal, or the task's end: nobody has to answer any more."""
    notice = a.state
    assert isinstance(notice, Notice)
    notice.listener.notices.pop(notice.ident, None)
    return -ERESTARTSYS


class Listener(FileDescription):
    """The supervisor's descriptor. `dead`: no task has the filter any more."""

    def __init__(self, first: int) -> None:
        super().__init__(O_RDWR)
        self.notices: dict[int, Notice] = {}
        self.dead = False
        self.closed = False
        self.killable = False  # SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
        self._next = first

    def wait_for(self, t: Task, a: SyscallArgs) -> Result:
        """The call waits; ENOSYS when nobody listens."""
        if self.closed:
            return -errno.ENOSYS
        self._next = (self._next + 1) & 0xFFFF_FFFF_FFFF_FFFF
        notice = Notice(self, self._next, t, seccomp_data(t, t.nr, a.raw))
        self.notices[notice.ident] = notice
        a.state = notice
        self.queue.notify(EVENT_IN)
        return Block((), on_interrupt=_interrupted)

    def release(self) -> None:
        """Nobody listens: whoever waits gets ENOSYS."""
        self.closed = True
        for notice in list(self.notices.values()):
            notice.reply(-errno.ENOSYS)

    def end(self) -> None:
        """The last task with the filter is gone."""
        self.dead = True
        self.queue.notify(EVENT_HUP)

    def poll(self, t: Task | None) -> int:
        """EVENT_IN: a call waits to be fetched; EVENT_OUT: one to be answered."""
        self._forget_dead()
        mask = EVENT_HUP if self.dead else 0
        for notice in self.notices.values():
            mask |= EVENT_IN if notice.state == _INIT else EVENT_OUT
        return mask

    def link_text(self) -> str:
        return "anon_inode:seccomp notify"

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        """SECCOMP_IOCTL_NOTIF_*."""
        self._forget_dead()
        if cmd == RECV:
            return self._receive(t, arg, a)
        if cmd == SEND:
            return self._send(t, arg)
        if cmd in (ID_VALID, ID_VALID_WRONG_DIR):
            ident = int.from_bytes(t.copy_in(arg, 8), "little")
            notice = self.notices.get(ident)
            return 0 if notice is not None and notice.state == _SENT else -errno.ENOENT
        if cmd == ADDFD:
            return self._add_fd(t, arg)
        if cmd == SET_FLAGS:
            return 0 if arg in (0, 1) else -errno.EINVAL  # whether to wake on the same processor
        raise SyscallError(errno.EINVAL)

    def _receive(self, t: Task, arg: int, a: SyscallArgs) -> Result:
        if any(t.copy_in(arg, _NOTIF.size)):
            return -errno.EINVAL
        notice = next((one for one in self.notices.values() if one.state == _INIT), None)
        if notice is None:
            if self.dead:
                return -errno.ENOENT
            a.hold(self)
            return Block(((self.queue, EVENT_IN),), restart=ERESTARTSYS)
        t.copy_out(arg, _NOTIF.pack(notice.ident, notice.task.ids.number_in(t.pids), 0, *notice.data))
        notice.state = _SENT
        if self.killable:
            notice.hold()
        self.queue.notify(EVENT_OUT)
        return 0

    def _forget_dead(self) -> None:
        """Calls that were held, and have ended with their tasks."""
        if self.killable:
            for notice in [notice for notice in self.notices.values() if notice.task.parked == PARK_DEAD]:
                del self.notices[notice.ident]

    def _sent(self, ident: int) -> Notice:
        """ENOENT, EINPROGRESS for one that was not fetched."""
        notice = self.notices.get(ident)
        if notice is None:
            raise SyscallError(errno.ENOENT)
        if notice.state != _SENT:
            raise SyscallError(errno.EINPROGRESS)
        return notice

    def _send(self, t: Task, arg: int) -> int:
        ident, value, error, flags = _RESP.unpack(t.copy_in(arg, _RESP.size))
        if flags & ~FLAG_CONTINUE or (flags and (error or value)):
            return -errno.EINVAL
        self._sent(ident).reply(error if error else value, flags != 0)
        return 0

    def _add_fd(self, t: Task, arg: int) -> int:
        number: int
        ident, flags, source, number, fd_flags = _ADDFD.unpack(t.copy_in(arg, _ADDFD.size))
        if fd_flags & ~O_CLOEXEC or flags & ~(ADDFD_SETFD | ADDFD_SEND) or (number and not flags & ADDFD_SETFD):
            return -errno.EINVAL
        file = t.fds.get_io(source)
        notice = self._sent(ident)
        fds, cloexec = notice.task.fds, fd_flags != 0
        if flags & ADDFD_SETFD:
            fds.set(number, file, cloexec, notice.task)
        else:
            number = fds.install(file, 0, cloexec)
        if flags & ADDFD_SEND:
            notice.reply(number)
        return number
