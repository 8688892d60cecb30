"""Sockets (io_uring/net.c): ACCEPT, CONNECT, SEND, RECV, SENDMSG, RECVMSG, SEND_ZC, SENDMSG_ZC, SHUTDOWN,
SOCKET."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux import socket as sock
from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.io_uring.buffers import give_back, selected, take
from sandbox.io_uring.ops_rw import check_fixed
from sandbox.io_uring.request import ARMED, RETRY, Request
from sandbox.io_uring.resources import place
from sandbox.kernel.control import Block, Result
from sandbox.sockets.base import SocketFile
from sandbox.sockets.families import find_family
from sandbox.syscalls.linux import sys_sendrecv
from sandbox.syscalls.linux.sys_socket import check_kind, sys_connect, take_connection
from tcpip.waiter import EVENT_IN

TURN: Final = 32  # completions of one multishot request before others have a turn
_FLAGS: Final = O_CLOEXEC | O_NONBLOCK
_ZC_FLAGS: Final = abi.RECVSEND_POLL_FIRST | abi.RECVSEND_FIXED_BUF | abi.SEND_ZC_REPORT_USAGE


def _socket(r: Request) -> SocketFile:
    file = r.file
    if not isinstance(file, SocketFile):
        raise SyscallError(errno.ENOTSOCK)
    return file


# --- SEND, SENDMSG ---


def prepare_send(r: Request) -> None:
    """SEND, SENDMSG (io_sendmsg_prep)."""
    if r.opcode == abi.OP_SENDMSG:
        if r.off or r.file_index:
            raise SyscallError(errno.EINVAL)
    elif r.file_index >> 16:
        raise SyscallError(errno.EINVAL)
    if r.ioprio & ~abi.RECVSEND_POLL_FIRST:
        raise SyscallError(errno.EINVAL)
    r.nowait = r.op_flags & sock.MSG_DONTWAIT != 0
    r.waitall = r.op_flags & sock.MSG_WAITALL != 0


def send(r: Request) -> Result:
    """SEND, SENDMSG: never a SIGPIPE."""
    _socket(r)
    flags = r.op_flags | sock.MSG_NOSIGNAL
    a = r.args
    if r.opcode in (abi.OP_SENDMSG, abi.OP_SENDMSG_ZC):
        a.raw = (0, r.addr, flags, 0, 0, 0)
        return sys_sendrecv.sys_sendmsg(r.t, a)
    a.raw = (0, r.addr, r.length, flags, r.off, r.file_index & 0xFFFF)
    result = sys_sendrecv.sys_sendto(r.t, a)
    if isinstance(result, int) and r.waitall and result < r.length:
        r.fail()
    return result


# --- SEND_ZC, SENDMSG_ZC ---


def prepare_send_zc(r: Request) -> None:
    """SEND_ZC, SENDMSG_ZC (io_send_zc_prep)."""
    if r.addr3 or r.pad or r.flags & abi.SQE_CQE_SKIP_SUCCESS:
        raise SyscallError(errno.EINVAL)
    r.notifies = True
    if r.ioprio & ~_ZC_FLAGS:
        r.ioprio = 0  # its notification does not tell how it was sent
        raise SyscallError(errno.EINVAL)
    if r.ioprio & abi.RECVSEND_FIXED_BUF:
        if r.opcode == abi.OP_SENDMSG_ZC:
            raise SyscallError(errno.EINVAL)
        buffers = r.ring.buffers
        if buffers is None or r.buf_index >= len(buffers):
            raise SyscallError(errno.EFAULT)
    if r.opcode == abi.OP_SENDMSG_ZC:
        if r.off or r.file_index:
            raise SyscallError(errno.EINVAL)
    elif r.file_index >> 16:
        raise SyscallError(errno.EINVAL)
    r.nowait = r.op_flags & sock.MSG_DONTWAIT != 0
    r.waitall = r.op_flags & sock.MSG_WAITALL != 0


def send_zc(r: Request) -> Result:
    """SEND_ZC, SENDMSG_ZC: EOPNOTSUPP for sockets that only copy (SOCK_SUPPORT_ZC)."""
    file = _socket(r)
    if file.family not in (sock.AF_INET, sock.AF_INET6) or file.kind not in (sock.SOCK_STREAM, sock.SOCK_DGRAM):
        return -errno.EOPNOTSUPP
    if r.ioprio & abi.RECVSEND_FIXED_BUF:
        check_fixed(r)
    return send(r)


# --- RECV, RECVMSG ---


def prepare_receive(r: Request) -> None:
    """RECV, RECVMSG (io_recvmsg_prep)."""
    if r.file_index or r.off or r.ioprio & ~(abi.RECVSEND_POLL_FIRST | abi.RECV_MULTISHOT):
        raise SyscallError(errno.EINVAL)
    r.nowait = r.op_flags & sock.MSG_DONTWAIT != 0
    r.waitall = r.op_flags & sock.MSG_WAITALL != 0
    if r.ioprio & abi.RECV_MULTISHOT:
        if not r.flags & abi.SQE_BUFFER_SELECT or r.waitall or r.length or r.opcode == abi.OP_RECVMSG:
            raise SyscallError(errno.EINVAL)
        r.once = False


def _receive_once(r: Request) -> Result:
    t, a = r.t, r.args
    flags = r.op_flags
    if not r.flags & abi.SQE_BUFFER_SELECT:
        if r.opcode == abi.OP_RECVMSG:
            a.raw = (0, r.addr, flags, 0, 0, 0)
            return sys_sendrecv.sys_recvmsg(t, a)
        a.raw = (0, r.addr, r.length, flags, 0, 0)
        return sys_sendrecv.sys_recvfrom(t, a)
    flags &= ~sock.MSG_WAITALL  # one buffer, one piece
    it = take(r)
    if r.opcode == abi.OP_RECVMSG:
        x = sys_sendrecv.decode_receive(t, r.addr)
        x.it = it
        a.state = x
        a.raw = (0, r.addr, flags, 0, 0, 0)
        return sys_sendrecv.sys_recvmsg(t, a)
    a.raw = (0, it.segments[0][0], it.total, flags, 0, 0)
    a.state = None
    return sys_sendrecv.sys_recvfrom(t, a)


def _more(r: Request, file: SocketFile) -> int:
    """IORING_CQE_F_SOCK_NONEMPTY, which TCP tells."""
    tcp = file.family in (sock.AF_INET, sock.AF_INET6) and file.kind == sock.SOCK_STREAM
    return abi.CQE_F_SOCK_NONEMPTY if tcp and file.poll(r.t) & EVENT_IN else 0


def receive(r: Request) -> Result:
    """RECV, RECVMSG."""
    file = _socket(r)
    if r.once and not r.ioprio & abi.RECV_MULTISHOT:
        result = _receive_once(r)
        if isinstance(result, int):
            if r.waitall and result < r.length:
                r.fail()
            if result > 0:
                selected(r)
                r.cqe_flags |= _more(r, file)
        return result
    return _receive_many(r, file)


def _receive_many(r: Request, file: SocketFile) -> Result:
    for _ in range(TURN):
        r.cqe_flags = 0
        result = _receive_once(r)
        if not isinstance(result, int):
            return _until_ready(r, result)
        if result <= 0:
            return result
        selected(r)
        r.cqe_flags |= _more(r, file)
        if r.once or not r.ring.post_more(r, result, r.cqe_flags):
            return result
    r.queue(RETRY)
    return ARMED


def _until_ready(r: Request, result: Result) -> Result:
    """A multishot request goes on for ever: no time-out, nothing that was done in part."""
    give_back(r)
    return Block(result.queues) if isinstance(result, Block) else result


# --- ACCEPT, CONNECT, SHUTDOWN, SOCKET ---


def prepare_accept(r: Request) -> None:
    """ACCEPT."""
    if r.length or r.buf_index or r.ioprio & ~abi.ACCEPT_MULTISHOT or r.op_flags & ~_FLAGS:
        raise SyscallError(errno.EINVAL)
    multi = r.ioprio & abi.ACCEPT_MULTISHOT != 0
    if r.file_index and (r.op_flags & O_CLOEXEC or (multi and r.file_index != abi.FILE_INDEX_ALLOC)):
        raise SyscallError(errno.EINVAL)
    r.once = not multi


def accept(r: Request) -> Result:
    """ACCEPT: a descriptor, or one after the other."""
    for _ in range(TURN):
        r.args.raw = (0, r.addr, r.off, r.op_flags, 0, 0)
        new = take_connection(r.t, r.args, r.op_flags)
        if not isinstance(new, SocketFile):
            return new if r.once else _until_ready(r, new)
        try:
            result = place(r, new, r.file_index, r.op_flags & O_CLOEXEC != 0)
        finally:
            new.drop()
        if r.once or not r.ring.post_more(r, result, 0):
            return result
    r.queue(RETRY)
    return ARMED


def prepare_connect(r: Request) -> None:
    """CONNECT."""
    if r.length or r.buf_index or r.op_flags or r.file_index:
        raise SyscallError(errno.EINVAL)


def connect(r: Request) -> Result:
    """CONNECT."""
    r.args.raw = (0, r.addr, r.off, 0, 0, 0)
    return sys_connect(r.t, r.args)


def prepare_shutdown(r: Request) -> None:
    """SHUTDOWN."""
    if r.off or r.addr or r.op_flags or r.buf_index or r.file_index:
        raise SyscallError(errno.EINVAL)


def shutdown(r: Request) -> Result:
    """SHUTDOWN."""
    file = _socket(r)
    if not sock.SHUT_RD <= r.length <= sock.SHUT_RDWR:
        return -errno.EINVAL
    file.shutdown(r.t, r.length)
    return 0


def prepare_socket(r: Request) -> None:
    """SOCKET."""
    flags = r.off & 0xFFFF_FFFF & ~sock.SOCK_TYPE_MASK
    if r.addr or r.op_flags or r.buf_index or flags & ~_FLAGS or (r.file_index and flags & O_CLOEXEC):
        raise SyscallError(errno.EINVAL)


def socket(r: Request) -> Result:
    """SOCKET."""
    kind, flags = r.off & sock.SOCK_TYPE_MASK, r.off & _FLAGS
    if not r.file_index:
        r.t.fds.lowest_free()
    check_kind(r.fd, kind)
    file = find_family(r.fd).create(r.t, kind, r.length)
    file.flags |= flags & O_NONBLOCK
    file.owned_by(r.t)
    return place(r, file, r.file_index, flags & O_CLOEXEC != 0)
