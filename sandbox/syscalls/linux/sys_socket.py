"""socket, socketpair, bind, listen, accept, connect, names, shutdown and options (net/socket.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK
from sandbox.abi.linux.seccomp import SOCK_FILTER
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTSYS, Block, Result
from sandbox.sockets.base import IN_PROGRESS, SocketFile
from sandbox.sockets.families import find_family
from sandbox.sockets.user_message import copy_in_address, copy_out_address
from sandbox.syscalls.linux.sys_pipe import install_pair
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.sockopt import IP_MSFILTER, IPV6_FLOWLABEL_MGR, MCAST_MSFILTER
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

SOCK_MAX: Final = 11
FLOW_LABELS: Final = (abi.SOL_IPV6, IPV6_FLOWLABEL_MGR)
FLOW_LABEL_AT: Final = 16  # offsetof(struct in6_flowlabel_req, flr_label)
FLOW_LABEL_SIZE: Final = 32
OPTION_MAX: Final = 65536  # bound on an option's value


def find_socket(t: Task, fd: int) -> SocketFile:
    """sockfd_lookup: EBADF, ENOTSOCK."""
    file = t.fds.get_io(fd)
    if not isinstance(file, SocketFile):
        raise SyscallError(errno.ENOTSOCK)
    return file


def _held_socket(t: Task, a: SyscallArgs) -> SocketFile:
    file = a.held
    return file if isinstance(file, SocketFile) else find_socket(t, a.uint(0))


def _kind(kind: int) -> tuple[int, int]:
    """(SOCK_* without flags, flags); EINVAL."""
    flags = kind & ~abi.SOCK_TYPE_MASK
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise SyscallError(errno.EINVAL)
    return kind & abi.SOCK_TYPE_MASK, flags


def check_kind(family: int, kind: int) -> None:
    """__sock_create: EAFNOSUPPORT before EINVAL."""
    if not 0 <= family < abi.AF_MAX:
        raise SyscallError(errno.EAFNOSUPPORT)
    if kind >= SOCK_MAX:
        raise SyscallError(errno.EINVAL)


def sys_socket(t: Task, a: SyscallArgs) -> Result:
    """socket(2)."""
    kind, flags = _kind(a.int(1))
    family = a.int(0)
    check_kind(family, kind)
    file = find_family(family).create(t, kind, a.int(2))
    file.flags |= flags & O_NONBLOCK
    file.owned_by(t)
    return t.fds.install(file, 0, flags & O_CLOEXEC != 0)


def sys_socketpair(t: Task, a: SyscallArgs) -> Result:
    """socketpair(2)."""
    kind, flags = _kind(a.int(1))
    family = a.int(0)
    t.fds.lowest_free(t.fds.lowest_free() + 1)  # for both, before anything else
    check_kind(family, kind)
    one, two = find_family(family).pair(t, kind, a.int(2))
    one.flags |= flags & O_NONBLOCK
    two.flags |= flags & O_NONBLOCK
    install_pair(t, one, two, a.addr(3), flags & O_CLOEXEC != 0)
    return 0


def sys_bind(t: Task, a: SyscallArgs) -> Result:
    """bind(2)."""
    file = find_socket(t, a.uint(0))
    file.bind(t, copy_in_address(t, a.addr(1), a.int(2)))
    return 0


def sys_listen(t: Task, a: SyscallArgs) -> Result:
    """listen(2); a negative backlog is a large one."""
    file = find_socket(t, a.uint(0))
    file.listen(t, min(a.uint(1), abi.SOMAXCONN))
    return 0


def take_connection(t: Task, a: SyscallArgs, flags: int) -> SocketFile | Result:
    """The next connection, held; or what the call returns or waits for."""
    held = a.held
    file = held if held is not None else t.fds.get_io(a.uint(0))
    t.fds.lowest_free()
    if not isinstance(file, SocketFile):
        return -errno.ENOTSOCK
    new = file.accept(t, flags & O_NONBLOCK)
    if new is None:
        if file.flags & O_NONBLOCK or a.timed_out:
            return WOULD_BLOCK
        before = a.state if isinstance(a.state, int) else None
        deadline = a.state = file.read_deadline(t, before)
        a.hold(file)
        interrupted = None if deadline is None else -errno.EINTR
        return Block(((file.queue, EVENT_IN),), deadline, ERESTARTSYS, interrupted)
    new.acquire()
    new.owned_by(t)
    try:
        if a.addr(1):
            try:
                address = new.getpeername(t)
            except SyscallError:
                raise SyscallError(errno.ECONNABORTED) from None
            copy_out_address(t, address, a.addr(1), a.addr(2))
    except SyscallError:
        new.drop()
        raise
    return new


def _accept(t: Task, a: SyscallArgs, flags: int) -> Result:
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        t.fds.get_io(a.uint(0))
        return -errno.EINVAL
    new = take_connection(t, a, flags)
    if not isinstance(new, SocketFile):
        return new
    try:
        return t.fds.install(new, 0, flags & O_CLOEXEC != 0)
    finally:
        new.drop()


def sys_accept(t: Task, a: SyscallArgs) -> Result:
    """accept(2)."""
    return _accept(t, a, 0)


def sys_accept4(t: Task, a: SyscallArgs) -> Result:
    """accept4(2)."""
    return _accept(t, a, a.int(3))


class _Connecting:
    """What a blocked connect remembers. `under_way`: the family works on it; else it is to be tried again."""

    __slots__ = ("under_way", "deadline")

    def __init__(self) -> None:
        self.under_way = False
        self.deadline: int | None = None


def sys_connect(t: Task, a: SyscallArgs) -> Result:
    """connect(2). An interrupted connection goes on being made."""
    state = a.state
    if isinstance(state, _Connecting):
        file = _held_socket(t, a)
        result = file.connect_result(t) if state.under_way else _connect(t, a, file)
    else:
        held = a.held or t.fds.get_io(a.uint(0))
        address = copy_in_address(t, a.addr(1), a.int(2))
        if not isinstance(held, SocketFile):
            return -errno.ENOTSOCK
        if len(address) < 2:
            return -errno.EINVAL
        file = held
        state = _Connecting()
        result = _connect(t, a, file)
    if result == 0:
        return 0
    state.under_way = result == IN_PROGRESS
    if file.flags & O_NONBLOCK or a.timed_out:
        return result
    deadline = state.deadline = file.write_deadline(t, state.deadline)
    a.state = state
    a.hold(file)
    queue = file.queue if state.under_way else file.connect_queue
    return Block(((queue, EVENT_OUT),), deadline, ERESTARTSYS, None if deadline is None else -errno.EINTR)


def _connect(t: Task, a: SyscallArgs, file: SocketFile) -> int:
    try:
        return file.connect(t, copy_in_address(t, a.addr(1), a.int(2)))
    except SyscallError as error:
        if error.errno == errno.EALREADY and not file.flags & O_NONBLOCK:
            return file.connect_result(t)  # begun by an earlier call: this one waits for it too
        raise


def sys_getsockname(t: Task, a: SyscallArgs) -> Result:
    """getsockname(2)."""
    copy_out_address(t, find_socket(t, a.uint(0)).getsockname(t), a.addr(1), a.addr(2))
    return 0


def sys_getpeername(t: Task, a: SyscallArgs) -> Result:
    """getpeername(2)."""
    copy_out_address(t, find_socket(t, a.uint(0)).getpeername(t), a.addr(1), a.addr(2))
    return 0


def sys_shutdown(t: Task, a: SyscallArgs) -> Result:
    """shutdown(2)."""
    file = find_socket(t, a.uint(0))
    how = a.int(1)
    if not abi.SHUT_RD <= how <= abi.SHUT_RDWR:
        return -errno.EINVAL
    file.shutdown(t, how)
    return 0


def sys_setsockopt(t: Task, a: SyscallArgs) -> Result:
    """setsockopt(2)."""
    size = a.int(4)
    if size < 0:
        return -errno.EINVAL
    file = find_socket(t, a.uint(0))
    value = t.copy_in(a.addr(3), min(size, OPTION_MAX))
    if file.family == abi.AF_INET6 and (a.int(1), a.int(2)) == FLOW_LABELS:
        from sandbox.sockets.inet.flow_labels import manage

        drawn = manage(file, t, value)
        if drawn:
            t.copy_out(a.addr(3) + FLOW_LABEL_AT, drawn)
        return 0
    file.setsockopt(t, a.int(1), a.int(2), value)
    return 0


def _get_filter(t: Task, a: SyscallArgs, program: bytes, size: int) -> Result:
    """SO_GET_FILTER counts in instructions, and a size of 0 only asks how many there are (sk_get_filter)."""
    count = len(program) // SOCK_FILTER.size
    if count and size:
        if size < count:
            return -errno.EINVAL
        t.copy_out(a.addr(3), program)
    t.copy_out(a.addr(4), abi.INT.pack(count))
    return 0


def sys_getsockopt(t: Task, a: SyscallArgs) -> Result:
    """getsockopt(2)."""
    file = find_socket(t, a.uint(0))
    size = abi.INT.unpack(t.copy_in(a.addr(4), 4))[0]
    if size < 0:
        return -errno.EINVAL
    if (file.family, a.int(1), a.int(2)) == (abi.AF_PACKET, abi.SOL_PACKET, abi.PACKET_HDRLEN):
        from sandbox.sockets.packet.ring import hdrlen_option

        value = hdrlen_option(t.copy_in(a.addr(3), min(size, 4)))
    elif file.family in (abi.AF_INET, abi.AF_INET6) and (a.int(1), a.int(2)) in SOURCE_FILTERS:
        from sandbox.sockets.inet.socket_options import get_source_filter

        value = get_source_filter(file, a.int(1), a.int(2), t.copy_in(a.addr(3), min(size, MAX_SOURCE_FILTER)))
    elif file.family == abi.AF_INET6 and (a.int(1), a.int(2)) == FLOW_LABELS:
        from sandbox.sockets.inet.flow_labels import asked

        value = asked(file, t.copy_in(a.addr(3), min(size, FLOW_LABEL_SIZE)))
    else:
        value = file.getsockopt(t, a.int(1), a.int(2), size)
    if (a.int(1), a.int(2)) == (abi.SOL_SOCKET, abi.SO_ATTACH_FILTER):
        return _get_filter(t, a, value, size)
    value = value[:size]
    t.copy_out(a.addr(3), value)
    t.copy_out(a.addr(4), abi.INT.pack(len(value)))
    return 0


SOURCE_FILTERS: Final = (
    (abi.SOL_IP, IP_MSFILTER),
    (abi.SOL_IP, MCAST_MSFILTER),
    (abi.SOL_IPV6, MCAST_MSFILTER),
)
MAX_SOURCE_FILTER: Final = 144
"""Of the argument, what says which group is meant."""
_ADDRESS_IN: Final = (Arg.FD, Arg.SOCKADDR_IN, Arg.SIZE)
_ADDRESS_OUT: Final = (Arg.FD, Arg.SOCKADDR_OUT, Arg.ADDR)

ROWS: Final[tuple[Row, ...]] = (
    Row(41, "socket", sys_socket, FULL, (Arg.INT, Arg.HEX, Arg.INT)),
    Row(42, "connect", sys_connect, FULL, _ADDRESS_IN),
    Row(43, "accept", sys_accept, FULL, _ADDRESS_OUT, copies=(reads(2, 4), writes(2, 4))),
    Row(48, "shutdown", sys_shutdown, FULL, (Arg.FD, Arg.INT)),
    Row(49, "bind", sys_bind, FULL, _ADDRESS_IN),
    Row(50, "listen", sys_listen, FULL, (Arg.FD, Arg.INT)),
    Row(51, "getsockname", sys_getsockname, FULL, _ADDRESS_OUT, copies=(reads(2, 4), writes(2, 4))),
    Row(52, "getpeername", sys_getpeername, FULL, _ADDRESS_OUT, copies=(reads(2, 4), writes(2, 4))),
    Row(53, "socketpair", sys_socketpair, FULL, (Arg.INT, Arg.HEX, Arg.INT, Arg.STRUCT_OUT), copies=(writes(3, 8),)),
    Row(54, "setsockopt", sys_setsockopt, FULL, (Arg.FD, Arg.INT, Arg.INT, Arg.IN_BUF, Arg.SIZE)),
    Row(
        55,
        "getsockopt",
        sys_getsockopt,
        FULL,
        (Arg.FD, Arg.INT, Arg.INT, Arg.STRUCT_OUT, Arg.ADDR),
        copies=(reads(4, 4), writes(4, 4)),
    ),
    Row(288, "accept4", sys_accept4, FULL, (*_ADDRESS_OUT, Arg.HEX), copies=(reads(2, 4), writes(2, 4))),
)
