"""Addresses, message headers and control messages between user space and socket files (net/socket.c, net/core/scm.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError
from sandbox.sockets.base import ControlMessage, Received, SocketFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

IOV_MAX: Final = 1024
INT_MAX: Final = 0x7FFFFFFF
_ALIGN: Final = 7


def copy_in_address(t: Task, addr: int, size: int) -> bytes:
    """move_addr_to_kernel; EINVAL, EFAULT."""
    if not 0 <= size <= abi.ADDRESS_MAX:
        raise SyscallError(errno.EINVAL)
    return t.copy_in(addr, size)


def copy_out_address(t: Task, address: bytes, addr: int, size_addr: int) -> None:
    """move_addr_to_user: as much as there is room for, and the full size."""
    room = abi.INT.unpack(t.copy_in(size_addr, 4))[0]
    if room < 0:
        raise SyscallError(errno.EINVAL)
    t.copy_out(addr, address[:room])
    t.copy_out(size_addr, abi.INT.pack(len(address)))


class UserMessage:
    """A struct msghdr as it was read: nothing of it is read again."""

    __slots__ = ("addr", "name", "name_size", "segments", "control", "control_size")

    def __init__(self, t: Task, addr: int) -> None:
        name, name_size, iov, count, control, control_size, _ = abi.MSGHDR.unpack(t.copy_in(addr, abi.MSGHDR_SIZE))
        self.addr = addr
        self.name = name
        if name == 0:
            name_size = 0
        if name_size > INT_MAX:
            raise SyscallError(errno.EINVAL)
        self.name_size = min(name_size, abi.ADDRESS_MAX)
        if count > IOV_MAX:
            raise SyscallError(errno.EMSGSIZE)
        self.segments = t.copy_in_iovec(iov, count)
        self.control = control
        self.control_size = control_size


def copy_in_control(t: Task, file: SocketFile, addr: int, size: int) -> list[ControlMessage]:
    """The control messages of sendmsg(2); EINVAL, ENOBUFS, EFAULT, EBADF."""
    if not size:
        return []
    if size > INT_MAX or size > abi.OPTMEM_MAX:
        raise SyscallError(errno.ENOBUFS)
    data = t.copy_in(addr, size)
    out: list[ControlMessage] = []
    offset = 0
    while offset + abi.CMSGHDR_SIZE <= size:
        length, level, kind = abi.CMSGHDR.unpack_from(data, offset)
        if length < abi.CMSGHDR_SIZE or length > size - offset:
            raise SyscallError(errno.EINVAL)
        body = data[offset + abi.CMSGHDR_SIZE : offset + length]
        files: list[FileDescription] | None = None
        if level == abi.SOL_SOCKET and kind == abi.SCM_RIGHTS and file.family == abi.AF_UNIX:
            files = _rights(t, body)
        out.append(ControlMessage(level, kind, body, files))
        offset += (length + _ALIGN) & ~_ALIGN
    return out


def _rights(t: Task, body: bytes) -> list[FileDescription]:
    """scm_fp_copy."""
    count = len(body) // 4
    if count > abi.SCM_MAX_FD:
        raise SyscallError(errno.EINVAL)
    files = [t.fds.get(fd) for fd in memoryview(body)[: 4 * count].cast("i")]
    if any(file.is_ring for file in files):
        raise SyscallError(errno.EINVAL)
    return files


def copy_out_control(t: Task, got: Received, addr: int, room: int, flags: int) -> tuple[int, int]:
    """(bytes used, MSG_CTRUNC or 0). Files become descriptors; those without room are closed."""
    used = 0
    lost = 0
    for number, message in enumerate(got.control):
        try:
            if message.files is not None:
                size, cut = _install_files(t, message, addr + used, room - used, flags)
            else:
                size, cut = _put(t, message, addr + used, room - used)
        except SyscallError:
            for rest in got.control[number + 1 :]:
                for file in rest.files or ():
                    file.drop()
            raise
        used += size
        lost |= cut
    return used, lost


def _put(t: Task, message: ControlMessage, addr: int, room: int) -> tuple[int, int]:
    """put_cmsg."""
    if not addr or room < abi.CMSGHDR_SIZE:
        return 0, abi.MSG_CTRUNC
    length = abi.CMSGHDR_SIZE + len(message.data)
    cut = 0
    if room < length:
        cut = abi.MSG_CTRUNC
        length = room
    head = abi.CMSGHDR.pack(length, message.level, message.type)
    t.copy_out(addr, head + message.data[: length - abi.CMSGHDR_SIZE])
    return min((length + _ALIGN) & ~_ALIGN, room), cut


def _install_files(t: Task, message: ControlMessage, addr: int, room: int, flags: int) -> tuple[int, int]:
    """scm_detach_fds, scm_pidfd_recv."""
    files = message.files or []
    cloexec = flags & abi.MSG_CMSG_CLOEXEC != 0 or message.type == abi.SCM_PIDFD
    fit = max(0, (room - abi.CMSGHDR_SIZE) // 4) if addr else 0
    done = 0
    try:
        for file in files[:fit]:
            fd = t.fds.install(file, 0, cloexec)
            try:
                t.copy_out(addr + abi.CMSGHDR_SIZE + 4 * done, abi.INT.pack(fd))
            except SyscallError:
                t.fds.close(fd)
                break
            done += 1
    except SyscallError:
        pass  # the table is full: what was installed stays
    finally:
        for file in files:
            file.drop()
    cut = abi.MSG_CTRUNC if done < len(files) else 0
    if not done:
        return 0, cut
    length = abi.CMSGHDR_SIZE + 4 * done
    t.copy_out(addr, abi.CMSGHDR.pack(length, abi.SOL_SOCKET, message.type))
    return min((length + _ALIGN) & ~_ALIGN, room), cut
