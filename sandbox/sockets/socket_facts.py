"""SOL_SOCKET options that only tell something, for sockets of every family (net/core/sock.c: sk_getsockopt)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.sockets.base import SocketFile

_MEMORY: Final = struct.Struct("<9I")
_NOBODY: Final = struct.Struct("<III")


def get_fact(socket: SocketFile, t: Task, name: int, size: int) -> bytes | None:
    """getsockopt(2) with room for `size` bytes; None when the option is none of these."""
    if name == abi.SO_PEERNAME:
        address = socket.getpeername(t)
        if len(address) < size:
            raise SyscallError(errno.EINVAL)
        return address[:size]
    if name == abi.SO_COOKIE:
        if size < 8:
            raise SyscallError(errno.EINVAL)
        return socket.inode.to_bytes(8, "little")
    if name == abi.SO_NETNS_COOKIE:
        if size != 8:
            raise SyscallError(errno.EINVAL)
        return socket.net_number(t).to_bytes(8, "little")
    if name == abi.SO_MEMINFO:
        return _MEMORY.pack(*(number & 0xFFFFFFFF for number in socket.memory_info()))
    if name == abi.SO_PEERCRED:  # nobody has told who the peer is
        return _NOBODY.pack(0, 0xFFFFFFFF, 0xFFFFFFFF)
    if name in (abi.SO_PEERGROUPS, abi.SO_PEERPIDFD):
        raise SyscallError(errno.ENODATA)
    return None


def refuse_bpf(t: Task, value: bytes) -> None:
    """SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF: a program that bpf(2) has loaded, which there is none of. EBADF, EINVAL."""
    if len(value) != 4:
        raise SyscallError(errno.EINVAL)
    t.fds.get(abi.INT.unpack(value)[0] & 0xFFFFFFFF)
    raise SyscallError(errno.EINVAL)
