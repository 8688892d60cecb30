"""sendto, sendmsg, sendmmsg, recvfrom, recvmsg, recvmmsg (net/socket.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.kernel.control import AGAIN, ERESTARTSYS, TURN_NS, Block, Control, Result
from sandbox.sockets.base import ControlMessage, Received, SocketFile
from sandbox.sockets.user_message import (
    UserMessage,
    copy_in_address,
    copy_in_control,
    copy_out_address,
    copy_out_control,
)
from sandbox.syscalls.iov_iter import SCRATCH_SIZE, USER_MAX, IovIter, one_segment
from sandbox.syscalls.linux.sys_socket import find_socket
from sandbox.syscalls.linux.timespec import pack_timespec, read_timespec
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_MESSAGES: Final = 1024
_SLOW_RECEIVE: Final = abi.MSG_PEEK | abi.MSG_WAITALL | abi.MSG_TRUNC | abi.MSG_OOB | abi.MSG_ERRQUEUE
_NO_WAIT: Final = abi.MSG_DONTWAIT | abi.MSG_OOB | abi.MSG_ERRQUEUE


class _Transfer:
    """One send or receive, decoded: what a blocked call remembers. `blocked`: the last attempt found nothing.
    `count` messages of a *mmsg call are done; `limit` is when recvmmsg's time-out is over."""

    __slots__ = ("it", "message", "address", "control", "deadline", "blocked", "count", "limit")

    def __init__(self) -> None:
        self.it = IovIter([])
        self.message: UserMessage | None = None
        self.address = b""
        self.control: list[ControlMessage] = []
        self.deadline: int | None = None
        self.blocked = False
        self.count = 0
        self.limit: int | None = None


# --- sending ---


def _send(t: Task, file: SocketFile, x: _Transfer, flags: int) -> int:
    """Bytes sent by now, or WOULD_BLOCK; a stream sends piece by piece."""
    it = x.it
    stream = file.kind == abi.SOCK_STREAM
    scratch = t.kernel.scratch
    while True:
        if it.done:
            flags &= ~abi.MSG_FASTOPEN  # the connection is under way
        size = it.total - it.done
        if size > SCRATCH_SIZE:
            if not stream:
                return file.before_data(t, size, x.address, flags) or -errno.EMSGSIZE
            size = SCRATCH_SIZE
        view = scratch[:size]
        got = it.copy_in(t, view)
        if got < size:
            got -= got % file.fault_unit
            if not got:
                return it.done or file.before_data(t, size, x.address, flags) or -errno.EFAULT
        try:
            put = file.sendmsg(t, view[:got], x.address, flags, x.control)
        except SyscallError:
            if it.done:
                return it.done
            raise
        if put < 0:
            return put
        if not stream:
            return put
        x.control = []
        it.advance(put)
        if it.done >= it.total or not put or (got < size and put == got):
            return it.done


def _wait_send(t: Task, a: SyscallArgs, file: SocketFile, x: _Transfer, flags: int) -> Result:
    """No room: what was sent, EAGAIN, or wait."""
    done = x.it.done
    if file.flags & O_NONBLOCK or flags & abi.MSG_DONTWAIT or a.timed_out:
        return done or WOULD_BLOCK
    deadline = x.deadline = file.write_deadline(t, x.deadline)
    a.state = x
    a.hold(file)
    interrupted: int | None = None
    if done:
        interrupted = done
    elif deadline is not None:
        interrupted = -errno.EINTR
    return Block(((file.queue, EVENT_OUT),), deadline, ERESTARTSYS, interrupted)


def _send_or_wait(t: Task, a: SyscallArgs, file: SocketFile, x: _Transfer, flags: int) -> Result:
    put = _send(t, file, x, flags)
    return _wait_send(t, a, file, x, flags) if put == WOULD_BLOCK else put


def _file(t: Task, a: SyscallArgs) -> SocketFile:
    file = a.held
    return file if isinstance(file, SocketFile) else find_socket(t, a.uint(0))


def sys_sendto(t: Task, a: SyscallArgs) -> Result:
    """sendto(2). What one attempt sends whole needs no iterator."""
    raw = a.raw
    size = raw[2]
    flags = raw[3] & 0xFFFFFFFF & ~abi.MSG_INTERNAL_SENDMSG_FLAGS
    x = a.state
    if isinstance(x, _Transfer):
        return _send_or_wait(t, a, _file(t, a), x, flags)
    if raw[1] + size > USER_MAX:
        return -errno.EFAULT
    file = _file(t, a)
    address = copy_in_address(t, raw[4], a.int(5)) if raw[4] else b""
    put = 0
    if size <= SCRATCH_SIZE:
        view = t.kernel.scratch[:size]
        try:
            t.copy_in_into(raw[1], view)
            put = size
        except SyscallError:
            pass  # a stream sends what is readable
        if put == size:
            put = file.sendmsg(t, view, address, flags, [])
            if put >= size or (put >= 0 and file.kind != abi.SOCK_STREAM):
                return put
    x = _Transfer()
    x.address = address
    x.it = one_segment(raw[1], size)
    if put == WOULD_BLOCK:
        return _wait_send(t, a, file, x, flags)
    x.it.advance(put)
    return _send_or_wait(t, a, file, x, flags)


def _decode_send(t: Task, file: SocketFile, addr: int) -> _Transfer:
    x = _Transfer()
    message = UserMessage(t, addr)
    x.it = IovIter(message.segments)
    if message.name_size:
        x.address = copy_in_address(t, message.name, message.name_size)
    if message.control_size:
        file.check_send()
        x.control = copy_in_control(t, file, message.control, message.control_size)
    return x


def sys_sendmsg(t: Task, a: SyscallArgs) -> Result:
    """sendmsg(2)."""
    flags = a.uint(2) & ~abi.MSG_INTERNAL_SENDMSG_FLAGS
    if flags & abi.MSG_CMSG_COMPAT:
        return -errno.EINVAL
    file = _file(t, a)
    x = a.state
    if not isinstance(x, _Transfer):
        x = _decode_send(t, file, a.addr(1))
    return _send_or_wait(t, a, file, x, flags)


class _Sent:
    """How many messages of a *mmsg call are done, while others have their turn; `limit` as a transfer has it."""

    __slots__ = ("count", "limit")

    def __init__(self, count: int, limit: int | None = None) -> None:
        self.count = count
        self.limit = limit


def sys_sendmmsg(t: Task, a: SyscallArgs) -> Result:
    """sendmmsg(2): as many as can be; an error after the first is left for the next call."""
    flags = a.uint(3) & ~abi.MSG_INTERNAL_SENDMSG_FLAGS
    if flags & abi.MSG_CMSG_COMPAT:
        return -errno.EINVAL
    file = _file(t, a)
    total = min(a.uint(2), MAX_MESSAGES)
    x = a.state
    count = 0
    if isinstance(x, _Transfer):
        count = x.count
    else:
        count = x.count if isinstance(x, _Sent) else 0
        x = None
    clock = t.kernel.clock
    enough = clock.now_ns() + TURN_NS
    while count < total:
        if x is None and clock.now_ns() > enough:
            a.state = _Sent(count)
            a.hold(file)
            return AGAIN
        addr = a.addr(1) + count * abi.MMSGHDR_SIZE
        try:
            if x is None:
                x = _decode_send(t, file, addr)
            result = _send_or_wait(t, a, file, x, flags)
            if not isinstance(result, int):
                x.count = count
                return _report_count(result, count)
            if result < 0:
                raise SyscallError(-result)
            t.copy_out(addr + abi.MSGHDR_SIZE, abi.UINT.pack(result))
        except SyscallError:
            if count:
                return count
            raise
        count += 1
        x = None
    return count


def _report_count(block: Control, count: int) -> Result:
    """A *mmsg call that is interrupted returns the messages that are done."""
    if isinstance(block, Block) and count:
        block.interrupted = count
    return block


# --- receiving ---


def _receive(t: Task, file: SocketFile, x: _Transfer, flags: int, got: Received | None) -> int:
    """One message or what a stream has: bytes stored, or WOULD_BLOCK. With MSG_TRUNC a message's true length."""
    it = x.it
    x.blocked = False
    stream = file.kind == abi.SOCK_STREAM
    scratch = t.kernel.scratch
    while True:
        size = min(it.total - it.done, SCRATCH_SIZE)
        view = scratch[:size]
        try:
            n = file.recvmsg(t, view, flags, got)
        except SyscallError:
            if it.done:
                return it.done
            raise
        if n < 0 or (stream and n == 0):
            x.blocked = n < 0
            return it.done or n
        if n > size:  # a length beyond the room: of a message that was truncated, or of bytes that MSG_TRUNC drops
            it.copy_out(t, view)
            return n
        if flags & abi.MSG_TRUNC and file.drops_truncated and not flags & abi.MSG_PEEK:
            it.advance(n)
        else:
            put = it.copy_out(t, view[:n])
            if put < n:
                part = put % file.fault_unit
                it.done -= part
                if not flags & abi.MSG_PEEK:
                    file.unread(view[put - part : n])
                return it.done or -errno.EFAULT
        if not stream:
            return got.size if got is not None and flags & abi.MSG_TRUNC and got.size > n else n
        if got is not None and got.control:
            return it.done
        if it.done >= it.total or flags & abi.MSG_PEEK or (n < size and not flags & abi.MSG_WAITALL):
            return it.done
        if file.at_mark():
            return it.done


def _wait_receive(t: Task, a: SyscallArgs, file: SocketFile, x: _Transfer, flags: int) -> Result:
    if file.flags & O_NONBLOCK or flags & _NO_WAIT or a.timed_out:
        return x.it.done or WOULD_BLOCK
    deadline = x.deadline = file.read_deadline(t, x.deadline)
    a.state = x
    a.hold(file)
    interrupted: int | None = None
    if x.it.done:
        interrupted = x.it.done
    elif deadline is not None:
        interrupted = -errno.EINTR
    return Block(((file.queue, EVENT_IN),), deadline, ERESTARTSYS, interrupted)


def _must_wait(file: SocketFile, x: _Transfer, flags: int, n: int) -> bool:
    """Nothing yet, or MSG_WAITALL on a stream that gave less than asked."""
    if n == WOULD_BLOCK:
        return True
    if not flags & abi.MSG_WAITALL or file.kind != abi.SOCK_STREAM or flags & abi.MSG_PEEK or n <= 0:
        return False
    return x.blocked and x.it.done < x.it.total and not file.flags & O_NONBLOCK and not flags & _NO_WAIT


def sys_recvfrom(t: Task, a: SyscallArgs) -> Result:
    """recvfrom(2). recv(2) of what is there needs no iterator."""
    x = a.state
    if x is None and not a.raw[4] and not a.raw[3] & _SLOW_RECEIVE:
        raw = a.raw
        size = raw[2]
        if size <= SCRATCH_SIZE and raw[1] + size <= USER_MAX:
            window = t.thread.out_window(raw[1], size)
            view = t.kernel.scratch[:size] if window is None else window
            file = _file(t, a)
            n = file.recvmsg(t, view, raw[3] & 0xFFFFFFFF, None)
            if n > 0:
                if window is not None:
                    t.thread.filled(n)
                    return n
                try:
                    t.copy_out(raw[1], view[:n])
                except SyscallError:
                    file.unread(view[:n])
                    raise
                return n
            if n == 0:
                return 0
            x = _Transfer()
            x.it = one_segment(raw[1], size)
            return _wait_receive(t, a, file, x, raw[3])
    if not isinstance(x, _Transfer):
        x = _Transfer()
        x.it = one_segment(a.addr(1), a.size(2))
    file = _file(t, a)
    flags = a.uint(3)
    addr = a.addr(4)
    got = Received() if addr or flags & abi.MSG_TRUNC else None
    n = _receive(t, file, x, flags, got)
    if _must_wait(file, x, flags, n):
        return _wait_receive(t, a, file, x, flags)
    if n >= 0 and addr and got is not None:
        copy_out_address(t, got.address, addr, a.addr(5))
    if got is not None:
        _drop_files(got)
    return n


def _drop_files(got: Received) -> None:
    for message in got.control:
        for file in message.files or ():
            file.drop()


def _receive_message(t: Task, a: SyscallArgs, file: SocketFile, x: _Transfer, flags: int) -> Result:
    """recvmsg's work for one header."""
    message = x.message
    assert message is not None
    got = Received(message.control_size > 0)
    try:
        n = _receive(t, file, x, flags, got)
    except SyscallError:
        _drop_files(got)
        raise
    if _must_wait(file, x, flags, n) and not got.control:
        return _wait_receive(t, a, file, x, flags)
    if n < 0:
        return n
    used, lost = copy_out_control(t, got, message.control, message.control_size, flags)
    head = message.addr
    if message.name:
        copy_out_address(t, got.address, message.name, head + 8)
    t.copy_out(head + 48, abi.UINT.pack((got.flags | lost | flags & abi.MSG_CMSG_CLOEXEC) & 0xFFFFFFFF))
    t.copy_out(head + 40, used.to_bytes(8, "little"))
    return n


def decode_receive(t: Task, addr: int) -> _Transfer:
    """The header of a message to receive."""
    x = _Transfer()
    x.message = UserMessage(t, addr)
    x.it = IovIter(x.message.segments)
    return x


def sys_recvmsg(t: Task, a: SyscallArgs) -> Result:
    """recvmsg(2)."""
    flags = a.uint(2)
    if flags & abi.MSG_CMSG_COMPAT:
        return -errno.EINVAL
    file = _file(t, a)
    x = a.state
    if not isinstance(x, _Transfer):
        x = decode_receive(t, a.addr(1))
    return _receive_message(t, a, file, x, flags)


def sys_recvmmsg(t: Task, a: SyscallArgs) -> Result:
    """recvmmsg(2). The time-out is looked at after each message only, as Linux has it."""
    flags = a.uint(3)
    if flags & abi.MSG_CMSG_COMPAT:
        return -errno.EINVAL
    x = a.state
    count, limit = 0, None
    if isinstance(x, (_Transfer, _Sent)):
        file = _file(t, a)
        count, limit = x.count, x.limit
        x = x if isinstance(x, _Transfer) else None
    else:
        x = None
        timeout = read_timespec(t, a.addr(4)) if a.addr(4) else None
        file = find_socket(t, a.uint(0))
        limit = None if timeout is None else t.kernel.clock.now_ns() + timeout
    total = min(a.uint(2), MAX_MESSAGES)
    enough = t.kernel.clock.now_ns() + TURN_NS
    while count < total:
        if x is None and t.kernel.clock.now_ns() > enough:
            a.state = _Sent(count, limit)
            a.hold(file)
            return AGAIN
        addr = a.addr(1) + count * abi.MMSGHDR_SIZE
        wait = flags | abi.MSG_DONTWAIT if count and flags & abi.MSG_WAITFORONE else flags
        try:
            if x is None:
                x = decode_receive(t, addr)
            result = _receive_message(t, a, file, x, wait & ~abi.MSG_WAITFORONE)
            if not isinstance(result, int):
                x.count, x.limit = count, limit
                return _report_count(result, count)
            if result < 0:
                raise SyscallError(-result)
            t.copy_out(addr + abi.MSGHDR_SIZE, abi.UINT.pack(result))
        except SyscallError as error:
            if not count:
                raise
            if error.errno != errno.EAGAIN:
                file.error = error.errno
            break
        count += 1
        x = None
        if limit is not None and t.kernel.clock.now_ns() >= limit:
            break
    if limit is not None:
        t.copy_out(a.addr(4), pack_timespec(max(0, limit - t.kernel.clock.now_ns())))
    return count


_SEND: Final = (Arg.FD, Arg.IN_BUF, Arg.SIZE, Arg.HEX, Arg.SOCKADDR_IN, Arg.SIZE)
_RECEIVE: Final = (Arg.FD, Arg.OUT_BUF, Arg.SIZE, Arg.HEX, Arg.SOCKADDR_OUT, Arg.ADDR)

ROWS: Final[tuple[Row, ...]] = (
    Row(44, "sendto", sys_sendto, FULL, _SEND),
    Row(45, "recvfrom", sys_recvfrom, FULL, _RECEIVE, copies=(reads(5, 4), writes(5, 4))),
    Row(46, "sendmsg", sys_sendmsg, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.HEX), copies=(reads(1, 56),)),
    Row(47, "recvmsg", sys_recvmsg, FULL, (Arg.FD, Arg.STRUCT_OUT, Arg.HEX), copies=(reads(1, 56),)),
    Row(299, "recvmmsg", sys_recvmmsg, FULL, (Arg.FD, Arg.STRUCT_OUT, Arg.UINT, Arg.HEX, Arg.STRUCT_IN)),
    Row(307, "sendmmsg", sys_sendmmsg, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.UINT, Arg.HEX)),
)
