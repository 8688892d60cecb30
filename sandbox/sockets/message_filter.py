"""SO_ATTACH_FILTER of sockets whose messages do not come from the network stack: netlink, Unix datagrams and packets
(net/core/filter.c: sk_attach_filter, sk_filter_trim_cap)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.seccomp import SOCK_FILTER, SOCK_FPROG
from sandbox.errors import SyscallError
from sandbox.sockets.net_errno import syscall_error
from tcpip.bpf.opcodes import BPF_MAXINSNS
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from random import Random

    from sandbox.kernel.task import Task
    from sandbox.sockets.options import SocketOptions


def read_program(t: Task, value: bytes, locked: bool) -> bytes:
    """The instructions that a struct sock_fprog points to. EINVAL, EPERM, EFAULT, in Linux's order (__get_filter)."""
    if len(value) != SOCK_FPROG.size:
        raise SyscallError(errno.EINVAL)
    if locked:
        raise SyscallError(errno.EPERM)
    length, where = SOCK_FPROG.unpack(value)
    if not where or not 0 < length <= BPF_MAXINSNS:
        raise SyscallError(errno.EINVAL)
    return t.copy_in(where, SOCK_FILTER.size * length)


def set_option(t: Task, options: SocketOptions, name: int, value: bytes) -> None:
    """SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER. EINVAL, EPERM, EFAULT, ENOENT."""
    from tcpip.transport.socket_filter import lock_filter, set_filter

    general = options.general
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    try:
        if name == abi.SO_LOCK_FILTER:
            lock_filter(general, abi.INT.unpack_from(value)[0] != 0)
        elif name == abi.SO_DETACH_FILTER:
            set_filter(general, name, 0)
        else:
            set_filter(general, name, read_program(t, value, general.filter_locked))
    except NetworkError as error:
        raise syscall_error(error) from None


def get_option(options: SocketOptions, name: int) -> bytes:
    """The program, or whether it is locked."""
    return options.general.filter if name == abi.SO_ATTACH_FILTER else abi.INT.pack(int(options.general.filter_locked))


def passed(options: SocketOptions, data: bytes, random: Random) -> bytes | None:
    """What the program that there is leaves of a message; None: nothing, it is dropped."""
    from tcpip.buffer import RxPacket
    from tcpip.transport.socket_filter import passes

    end = passes(options.general, RxPacket(data), 0, 1, random)
    return None if end < 0 else data[:end]


def sent_on(t: Task, options: SocketOptions, data: memoryview) -> bytes | None:
    """What a Unix socket with these options gets of a message, all where it has no filter; None: nothing, and the sender is
    not told."""
    content = bytes(data)
    if not options.general.filter:
        return content
    from random import Random

    return passed(options, content, Random(int.from_bytes(t.kernel.random(8), "big")))
